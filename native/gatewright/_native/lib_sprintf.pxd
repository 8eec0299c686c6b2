# sprintf: Go's fmt.

from gatewright._native.value cimport Heap, Word

cdef Word lib_sprintf(Heap* heap, const Word* args, int n) noexcept nogil
