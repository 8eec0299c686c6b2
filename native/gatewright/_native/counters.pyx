"""Counters in memory that processes share: the cells of a row, written at once.

A request counts in nine cells.  By way of a memoryview each took two Python floats and
two look-ups, 2 us for all of them.
"""

cimport cython
from libc.stdlib cimport free, malloc


@cython.final
cdef class Bounds:
    """The upper bounds of a histogram's buckets, in order."""

    cdef double* values
    cdef Py_ssize_t count

    def __cinit__(self, bounds):
        cdef list found = [float(one) for one in bounds]
        cdef Py_ssize_t i
        self.values = <double*>malloc((len(found) + 1) * sizeof(double))
        if self.values == NULL:
            raise MemoryError
        for i in range(len(found)):
            self.values[i] = found[i]
        self.count = len(found)

    def __dealloc__(self):
        free(self.values)


@cython.final
cdef class Counters:
    """The cells (doubles) of one process's row; nobody else writes to them.

    Cells are counted from 0; one that the row does not have raises IndexError.
    """

    cdef double[::1] cells

    def __cinit__(self, double[::1] cells not None):
        self.cells = cells

    def add(self, Py_ssize_t cell, double amount=1.0) -> None:
        """Add to a counter or gauge."""
        if cell < 0 or cell >= self.cells.shape[0]:
            raise IndexError(cell)
        self.cells[cell] += amount

    def observe(self, Py_ssize_t start, Bounds bounds not None, double value) -> None:
        """Count one observation of the histogram that begins at a cell: its buckets,
        the one without a bound, sum, count."""
        cdef Py_ssize_t i = 0
        if start < 0 or start + bounds.count + 3 > self.cells.shape[0]:
            raise IndexError(start)
        while i < bounds.count and bounds.values[i] < value:
            i += 1
        self.cells[start + i] += 1.0
        self.cells[start + bounds.count + 1] += value
        self.cells[start + bounds.count + 2] += 1.0
