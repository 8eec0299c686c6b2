# cython: cdivision=True
"""What built-ins share: OPA's texts for operands of the wrong type."""

from libc.stdint cimport int64_t
from libc.stdio cimport snprintf

from gatewright._native.value cimport (
    E_BUILTIN, E_TYPE, T_ARR, T_INT, T_NUM, T_OBJ, T_SET, T_STR, UNDEFINED, W_NULL,
    ErrorKind, Heap, Tag, Word, fail, has_point, index_of_number, tag,
)


cdef const char* type_name(Word w) noexcept nogil:
    cdef Tag t = tag(w)
    if t == T_STR:
        return "string"
    if t == T_INT or t == T_NUM:
        return "number"
    if t == T_ARR:
        return "array"
    if t == T_OBJ:
        return "object"
    if t == T_SET:
        return "set"
    return "null" if w == W_NULL else "boolean"


cdef bint is_number(Word w) noexcept nogil:
    return tag(w) == T_INT or tag(w) == T_NUM


cdef bint wordless(Heap* heap, ErrorKind kind) noexcept nogil:
    # Fails without words, if nobody reads them
    if not heap.quiet:
        return False
    heap.error = kind
    heap.message[0] = 0
    return True


cdef Word bad_type(
    Heap* heap, const char* name, int i, const char* want, Word got
) noexcept nogil:
    cdef char text[256]
    if wordless(heap, E_TYPE):
        return UNDEFINED
    snprintf(
        text, 256, "%s: operand %d must be %s but got %s", name, i, want, type_name(got)
    )
    fail(heap, E_TYPE, text)
    return UNDEFINED


cdef Word bad_item(
    Heap* heap, const char* name, int i, Word got, const char* want, Word item
) noexcept nogil:
    cdef char text[256]
    if wordless(heap, E_TYPE):
        return UNDEFINED
    snprintf(
        text, 256, "%s: operand %d must be %s of %s but got %s containing %s",
        name, i, type_name(got), want, type_name(got), type_name(item),
    )
    fail(heap, E_TYPE, text)
    return UNDEFINED


cdef Word bad_call(Heap* heap, const char* name, const char* text) noexcept nogil:
    cdef char whole[512]
    if wordless(heap, E_BUILTIN):
        return UNDEFINED
    snprintf(whole, 512, "%s: %s", name, text)
    fail(heap, E_BUILTIN, whole)
    return UNDEFINED


cdef bint want_int(
    Heap* heap, const char* name, const Word* args, int i, const char* want,
    int64_t* out,
) noexcept nogil:
    cdef char text[256]
    cdef Word w = args[i - 1]
    if tag(w) == T_INT or tag(w) == T_NUM:
        if index_of_number(w, out) and not (heap.older and has_point(w)):
            return True
        if wordless(heap, E_TYPE):
            return False
        snprintf(
            text, 256,
            "%s: operand %d must be integer number but got floating-point number",
            name, i,
        )
        fail(heap, E_TYPE, text)
        return False
    bad_type(heap, name, i, want, w)
    return False


cdef bint want_strings(
    Heap* heap, const char* name, const Word* args, int n
) noexcept nogil:
    cdef int i
    for i in range(n):
        if tag(args[i]) != T_STR:
            bad_type(heap, name, i + 1, "string", args[i])
            return False
    return True
