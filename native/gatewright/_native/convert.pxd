# Values to Python and back.

from gatewright._native.value cimport Heap, Word

# A value, and what keeps the memory it lies in alive (an Arena, an Image, ...)
cdef class Placed:
    cdef readonly object owner
    cdef Word word

cdef object to_python(Word w)                       # UNDEFINED for UNDEFINED
cdef str to_str(const char* data, size_t size)      # invalid bytes: surrogateescape
cdef Word to_word(Heap* heap, object value) except 0
cdef object canonical_text(object value)            # equal values have equal texts
# Raises what `heap.error` says, and clears it
cdef int raise_error(Heap* heap) except -1
