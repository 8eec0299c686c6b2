# lower and upper.

from gatewright._native.value cimport Heap, Word

cdef Word lib_lower(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_upper(Heap* heap, const Word* args, int n) noexcept nogil
