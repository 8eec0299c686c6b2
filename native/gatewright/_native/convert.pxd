# Values to Python and back, and documents that Python may hold.

from gatewright._native.value cimport Heap, Word
from gatewright._native.writer cimport WriteMode

cdef class Arena:
    cdef Heap heap

# A value, and what keeps the memory it lies in alive (an Arena, an Image, ...)
cdef class Doc:
    cdef readonly object owner
    cdef Word word
    cdef bint settled

    cdef int settle(self) except -1
    cdef bytes text(self, WriteMode mode)
    cdef Word find(self, tuple path) except? 0

cdef Doc new_doc(object owner, Word w)
cdef object to_python(Word w)                       # UNDEFINED for UNDEFINED
cdef str to_str(const char* data, size_t size)      # invalid bytes: surrogateescape
cdef Word to_word(Heap* heap, object value) except 0
# Raises what `heap.error` says, and clears it
cdef int raise_error(Heap* heap) except -1
