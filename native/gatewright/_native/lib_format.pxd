# Built-ins that make or read text: templates, format_int, JSON.

from gatewright._native.value cimport Heap, Word

cdef Word lib_template_string(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_format_int(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_json_marshal(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_json_unmarshal(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_json_is_valid(Heap* heap, const Word* args, int n) noexcept nogil
