"""Rosters: calls that are made together, ready for the engine.

The same constraints match review after review; asked for as Python has them, each cost
two tuples and five numbers a review.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint32_t
from libc.stdlib cimport calloc, free


@cython.final
cdef class Roster:
    """`calls`: pairs of program and document (its parameters).

    `heads`: for each call None, or (rank, parts, head): its lines are sorted by rank,
    then by message; each is `head` (bytes) and the message.  They go where `parts`
    says: 1 the first text, 2 the second, 3 both, 0 neither.  If one has None, the
    violations are not `spoken`: they cannot be said in lines.
    """

    def __cinit__(self, calls, heads):
        cdef Entry* entry
        cdef uint32_t program, document, rank, parts
        cdef bytes head
        cdef Py_ssize_t i
        cdef list pairs = list(calls)
        cdef list lines = list(heads)
        if len(pairs) != len(lines):
            raise ValueError("not one head per call")
        self.texts = []
        self.spoken = True
        self.entries = <Entry*>calloc(len(pairs) + 1, sizeof(Entry))
        if self.entries == NULL:
            raise MemoryError
        for i in range(len(pairs)):
            program, document = pairs[i]
            entry = &self.entries[i]
            entry.program = program
            entry.document = document
            if lines[i] is None:
                self.spoken = False
                continue
            rank, parts, head = lines[i]
            entry.rank = rank
            entry.parts = parts
            entry.head = PyBytes_AS_STRING(head)
            entry.head_size = <uint32_t>PyBytes_GET_SIZE(head)
            self.texts.append(head)
        self.count = <uint32_t>len(pairs)

    def __dealloc__(self):
        free(self.entries)

    def __len__(self) -> int:
        return self.count
