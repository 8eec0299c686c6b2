# Built-ins on arrays and sets.

from gatewright._native.value cimport Heap, Word

cdef Word lib_member_2(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_member_3(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_count(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_sum(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_product(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_max(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_min(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_sort(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_all(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_any(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_array_concat(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_array_slice(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_array_reverse(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_array_flatten(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_and(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_or(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_set_diff(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_intersection(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_union(Heap* heap, const Word* args, int n) noexcept nogil
