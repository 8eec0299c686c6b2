# Built-ins on numbers, comparisons, types.

from gatewright._native.value cimport Heap, Word

cdef Word lib_plus(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_minus(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_mul(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_div(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_rem(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_abs(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_ceil(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_floor(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_round(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_range(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_range_step(Heap* heap, const Word* args, int n) noexcept nogil

cdef Word lib_equal(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_neq(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_lt(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_lte(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_gt(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_gte(Heap* heap, const Word* args, int n) noexcept nogil

cdef Word lib_type_name(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_is_array(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_is_boolean(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_is_null(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_is_number(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_is_object(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_is_set(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_is_string(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_to_number(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_cast_array(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_cast_set(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_cast_string(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_cast_boolean(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_cast_null(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_cast_object(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_trace(Heap* heap, const Word* args, int n) noexcept nogil
