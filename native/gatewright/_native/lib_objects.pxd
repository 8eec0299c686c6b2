# Built-ins on objects, and walk.

from gatewright._native.value cimport Heap, Word

cdef Word lib_object_get(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_object_keys(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_object_remove(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_object_filter(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_object_union(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_object_union_n(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_object_subset(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_walk(Heap* heap, const Word* args, int n) noexcept nogil
