# Built-ins on strings.

from gatewright._native.value cimport Heap, Word

cdef Word lib_concat(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_contains(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_startswith(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_endswith(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_split(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_split_n(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_replace(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_substring(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_indexof(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_indexof_n(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_trim(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_trim_left(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_trim_right(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_trim_prefix(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_trim_suffix(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_trim_space(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_any_prefix_match(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_any_suffix_match(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_strings_reverse(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_strings_count(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_replace_n(Heap* heap, const Word* args, int n) noexcept nogil
