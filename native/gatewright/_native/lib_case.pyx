# cython: cdivision=True
"""lower and upper: Go's simple mapping, one code point to one."""

from gatewright._native.convert cimport to_str
from gatewright._native.fault cimport fail_raised
from gatewright._native.operand cimport want_strings
from gatewright._native.utf8 cimport is_ascii
from gatewright._native.value cimport (
    E_INTERNAL, UNDEFINED, Heap, StrNode, Word, alloc_str, new_str, seal_str,
    str_node,
)


cdef str simple_upper(str c):
    # Go maps one code point to one: where the full mapping has several, the title
    # form is often the simple mapping (U+1FB3), else there is none (U+00DF)
    out = c.upper()
    if len(out) == 1:
        return out
    out = c.title()
    return out if len(out) == 1 else c


cdef str simple_lower(str c):
    out = c.lower()
    return out if len(out) == 1 else out[0]     # U+0130 alone has two: i and a dot


cdef Word map_case(Heap* heap, Word w, bint upper) noexcept with gil:
    cdef StrNode* s = str_node(w)
    try:
        text = to_str(s.data, s.size)
        if upper:
            text = "".join([simple_upper(c) for c in text])
        else:
            text = "".join([simple_lower(c) for c in text])
        # A byte that is no UTF-8 is mapped to U+FFFD
        encoded = text.encode("utf-8", "surrogateescape")
        try:
            encoded.decode("utf-8")
        except UnicodeDecodeError:
            encoded = "".join(
                ["\ufffd" if "\udc80" <= c <= "\udcff" else c for c in text]
            ).encode()
        return new_str(heap, <const char*>encoded, len(encoded))
    except BaseException as error:
        fail_raised(heap, E_INTERNAL, b"", error)
    return UNDEFINED


cdef Word change_case(Heap* heap, Word w, bint upper) noexcept nogil:
    cdef StrNode* s = str_node(w)
    cdef StrNode* out
    cdef size_t i
    cdef char c
    cdef bint changes = False
    if s.runes != s.size or not is_ascii(s.data, s.size):
        return map_case(heap, w, upper)
    for i in range(s.size):
        c = s.data[i]
        if (c'a' <= c <= c'z') if upper else (c'A' <= c <= c'Z'):
            changes = True
            break
    if not changes:
        return w
    out = alloc_str(heap, s.size)
    if out == NULL:
        return UNDEFINED
    for i in range(s.size):
        c = s.data[i]
        if upper:
            if c'a' <= c <= c'z':
                c -= 32
        elif c'A' <= c <= c'Z':
            c += 32
        out.data[i] = c
    return seal_str(out)


cdef Word lib_lower(Heap* heap, const Word* args, int n) noexcept nogil:
    if not want_strings(heap, "lower", args, 1):
        return UNDEFINED
    return change_case(heap, args[0], False)


cdef Word lib_upper(Heap* heap, const Word* args, int n) noexcept nogil:
    if not want_strings(heap, "upper", args, 1):
        return UNDEFINED
    return change_case(heap, args[0], True)
