# cython: cdivision=True
"""Built-ins that make or read text: templates, format_int, JSON."""

from libc.stdint cimport int64_t, uint32_t
from libc.stdio cimport snprintf
from libc.string cimport memcpy, strlen

from gatewright._native.arithmetic cimport truncated as truncated_number
from gatewright._native.number cimport int_text
from gatewright._native.operand cimport bad_call, bad_type, is_number
from gatewright._native.reader cimport READ_EXACT, READ_VALID, read_text
from gatewright._native.value cimport (
    E_CONFLICT, E_DEPTH, E_INTERNAL, E_SYNTAX, E_TYPE, T_ARR, T_INT, T_SET, T_STR,
    UNDEFINED, W_FALSE, W_TRUE, Heap, StrNode, Word, as_int, fail, heap_free, heap_init,
    item, new_str, seq_len, str_node, tag,
)
from gatewright._native.writer cimport (
    WRITE_HTML, Out, out_init, out_string, put, to_text, write_plain,
)
from gatewright._native.verb cimport Print, clear_verb
from gatewright._native.verb_number cimport print_int


# Templates and integers ------------------------------------------------------

cdef Word lib_template_string(Heap* heap, const Word* args, int n) noexcept nogil:
    # Parts: what is no set is printed; a set holds the values of one expression
    cdef Out out
    cdef Word part
    cdef uint32_t i
    if tag(args[0]) != T_ARR:
        return bad_type(heap, "internal.template_string", 1, "array", args[0])
    out_init(&out, heap.limit)
    for i in range(seq_len(args[0])):
        part = item(args[0], i)
        if tag(part) == T_SET:
            if seq_len(part) == 0:
                put(&out, "<undefined>", 11)
                continue
            if seq_len(part) > 1:
                fail(
                    heap, E_CONFLICT,
                    "template-strings must not produce multiple outputs",
                )
                break
            part = item(part, 0)
        write_plain(heap, &out, part)
    return out_string(heap, &out)


cdef Word lib_format_int(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef int64_t base = 0
    cdef Print p
    if not is_number(args[0]):
        return bad_type(heap, "format_int", 1, "number", args[0])
    if not is_number(args[1]):
        return bad_type(heap, "format_int", 2, "number", args[1])
    if tag(args[1]) == T_INT:
        base = as_int(args[1])
    if base != 2 and base != 8 and base != 10 and base != 16:
        fail(heap, E_TYPE, "format_int: operand 2 must be one of {2, 8, 10, 16}")
        return UNDEFINED
    if tag(args[0]) != T_INT:
        return format_number(heap, args[0], base)
    out_init(&p.out, heap.limit)
    clear_verb(&p.verb)
    print_int(&p, as_int(args[0]), <int>base, c'x')
    return out_string(heap, &p.out)


cdef Word format_number(Heap* heap, Word w, int base) noexcept with gil:
    try:
        value = truncated_number(w)
        form = {2: "b", 8: "o", 16: "x"}.get(base)
        shown = int_text(value) if form is None else format(value, form)
        encoded = shown.encode("ascii")
        return new_str(heap, encoded, len(encoded))
    except ArithmeticError as error:
        message = str(error).encode()
        return bad_call(heap, "format_int", message)
    except Exception as error:
        message = repr(error).encode()
        fail(heap, E_INTERNAL, message)
    return UNDEFINED


# JSON ------------------------------------------------------------------------

cdef Word lib_json_marshal(Heap* heap, const Word* args, int n) noexcept nogil:
    return to_text(heap, args[0], WRITE_HTML)


cdef Word lib_json_unmarshal(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef StrNode* s
    cdef Word w
    cdef char text[700]
    cdef const char* after = " after top-level value"
    cdef size_t size, tail
    if tag(args[0]) != T_STR:
        return bad_type(heap, "json.unmarshal", 1, "string", args[0])
    s = str_node(args[0])
    w = read_text(heap, s.data, s.size, READ_EXACT, NULL)
    if w != UNDEFINED or (heap.error != E_SYNTAX and heap.error != E_DEPTH):
        return w
    # The builtin reads as a stream, whose errors differ a little
    size = strlen(heap.message)
    tail = strlen(after)
    if heap.error_at == s.size and starts_with(heap.message, "unexpected end"):
        memcpy(heap.message, "unexpected EOF", 15)
        if is_blank(s):
            memcpy(heap.message, "EOF", 4)
        snprintf(text, 700, "%s", heap.message)
    elif size > tail and ends_with(heap.message, size, after, tail):
        snprintf(text, 700, "error: %.600s", heap.message)
    else:
        snprintf(text, 700, "%.600s", heap.message)
    return bad_call(heap, "json.unmarshal", text)


cdef bint starts_with(const char* text, const char* prefix) noexcept nogil:
    cdef size_t i = 0
    while prefix[i]:
        if text[i] != prefix[i]:
            return False
        i += 1
    return True


cdef bint ends_with(
    const char* text, size_t size, const char* suffix, size_t n
) noexcept nogil:
    return starts_with(text + size - n, suffix)


cdef bint is_blank(StrNode* s) noexcept nogil:
    cdef uint32_t i
    for i in range(s.size):
        if not (s.data[i] == 0x20 or s.data[i] == 9 or s.data[i] == 10
                or s.data[i] == 13):
            return False
    return True


cdef Word lib_json_is_valid(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef StrNode* s
    cdef Heap spare
    cdef Word w
    if tag(args[0]) != T_STR:
        return W_FALSE
    s = str_node(args[0])
    heap_init(&spare, heap.limit)
    w = read_text(&spare, s.data, s.size, READ_VALID, NULL)
    heap_free(&spare)
    return W_FALSE if w == UNDEFINED else W_TRUE
