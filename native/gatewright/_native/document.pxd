# Documents that Python may hold.

from gatewright._native.convert cimport Placed
from gatewright._native.value cimport Heap, Word
from gatewright._native.writer cimport WriteMode

cdef class Arena:
    cdef Heap heap

cdef class Doc(Placed):
    cdef bint settled

    cdef int settle(self) except -1
    cdef bytes text(self, WriteMode mode)
    cdef Word find(self, tuple path) except? 0

cdef Doc new_doc(object owner, Word w)
