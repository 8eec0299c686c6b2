# What built-ins share: OPA's texts for operands of the wrong type.

from libc.stdint cimport int64_t, uint32_t
from gatewright._native.value cimport ErrorKind, Heap, Word

cdef const char* type_name(Word w) noexcept nogil       # "number", "set", ...
cdef bint is_number(Word w) noexcept nogil
# Sets the error without a text and gives True where nobody reads it (heap.quiet)
cdef bint wordless(Heap* heap, ErrorKind kind) noexcept nogil
# E_TYPE "<name>: operand <i> must be <want> but got <type>"; always UNDEFINED
cdef Word bad_type(
    Heap* heap, const char* name, int i, const char* want, Word got
) noexcept nogil
# E_TYPE "<name>: operand <i> must be array of strings but got array containing number"
cdef Word bad_item(
    Heap* heap, const char* name, int i, Word got, const char* want, Word item
) noexcept nogil
# E_BUILTIN "<name>: <text>"
cdef Word bad_call(Heap* heap, const char* name, const char* text) noexcept nogil
# Operand i (from 1) as an int64, as OPA takes one; False: the error is set.
# `want`: what a value of another type should have been.
cdef bint want_int(
    Heap* heap, const char* name, const Word* args, int i, const char* want,
    int64_t* out,
) noexcept nogil
# The first n operands are strings; False: the error is set
cdef bint want_strings(
    Heap* heap, const char* name, const Word* args, int n
) noexcept nogil
