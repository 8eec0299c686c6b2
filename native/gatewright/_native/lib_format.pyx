# cython: cdivision=True
"""Built-ins that make or read text: templates, format_int, JSON."""

from libc.stdint cimport int64_t, uint32_t
from libc.stdio cimport snprintf
from libc.string cimport strcmp

from gatewright._native.arithmetic cimport shortened as shortened_number
from gatewright._native.arithmetic cimport truncated as truncated_number
from gatewright._native.number cimport int_text
from gatewright._native.operand cimport bad_call, bad_type, is_number, wordless
from gatewright._native.reader cimport READ_EXACT, READ_VALID, read_first, read_text
from gatewright._native.fault cimport fail_raised
from gatewright._native.value cimport (
    E_BUILTIN, E_CONFLICT, E_DEPTH, E_INTERNAL, E_SYNTAX, E_TYPE, T_ARR, T_INT, T_SET,
    T_STR, UNDEFINED, W_FALSE, W_NULL, W_TRUE, Heap, StrNode, Word, as_int, fail,
    heap_free, heap_init, item, new_str, num_node, seq_len, str_node, tag,
)
from gatewright._native.writer cimport (
    WRITE_HTML, WRITE_REGO, Out, out_free, out_init, out_string, put,
    write_plain, write_string, write_value,
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
        if heap.older:
            value = shortened_number(value)
        form = {2: "b", 8: "o", 16: "x"}.get(base)
        shown = int_text(value) if form is None else format(value, form)
        encoded = shown.encode("ascii")
        return new_str(heap, encoded, len(encoded))
    except ArithmeticError as error:
        fail_raised(heap, E_BUILTIN, b"format_int: ", error)
    except BaseException as error:
        fail_raised(heap, E_INTERNAL, b"", error)
    return UNDEFINED


# JSON ------------------------------------------------------------------------

cdef Word lib_json_marshal(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef Out out
    cdef Out quoted
    cdef char message[300]
    out_init(&out, heap.limit)
    write_value(heap, &out, args[0], WRITE_HTML)
    if out.odd == UNDEFINED:
        return out_string(heap, &out)
    out_free(&out)
    if wordless(heap, E_BUILTIN):
        return UNDEFINED
    out_init(&quoted, heap.limit)
    write_string(
        &quoted, num_node(out.odd).text, num_node(out.odd).size, WRITE_REGO
    )
    snprintf(
        message, 300, "json: invalid number literal %.*s",
        <int>(quoted.size if quoted.size < 250 else 250), quoted.data,
    )
    out_free(&quoted)
    return bad_call(heap, "json.marshal", message)


cdef Word lib_json_unmarshal(Heap* heap, const Word* args, int n) noexcept nogil:
    # OPA reads a stream: a value, and then the next token, which must not be there
    # (one that is null goes unnoticed)
    cdef StrNode* s
    cdef Word out, token
    cdef size_t used = 0
    cdef const char* rest
    if tag(args[0]) != T_STR:
        return bad_type(heap, "json.unmarshal", 1, "string", args[0])
    s = str_node(args[0])
    out = read_first(heap, s.data, s.size, READ_EXACT, &used)
    if out == UNDEFINED:
        return bad_stream(heap, s.data, s.size)
    while used < s.size and is_space(s.data[used]):
        used += 1
    if used == s.size:
        return out
    rest = s.data + used
    if rest[0] == c'{' or rest[0] == c'[':
        return trailing(heap, rest, 1)
    token = read_first(heap, rest, s.size - used, READ_EXACT, &used)
    if token == UNDEFINED:
        return bad_stream(heap, rest, s.size - used)
    if token == W_NULL:
        return out
    if token == W_TRUE:
        return trailing(heap, "%!s(bool=true)", 14)
    if token == W_FALSE:
        return trailing(heap, "%!s(bool=false)", 15)
    if tag(token) == T_STR:
        return trailing(heap, str_node(token).data, str_node(token).size)
    return trailing(heap, rest, used)


cdef bint is_space(char c) noexcept nogil:
    return c == 0x20 or c == 9 or c == 10 or c == 13


cdef Word trailing(Heap* heap, const char* token, size_t size) noexcept nogil:
    cdef char text[400]
    snprintf(
        text, 400, "error: invalid character '%.*s' after top-level value",
        <int>(size if size < 300 else 300), token,
    )
    return bad_call(heap, "json.unmarshal", text)


cdef Word bad_stream(Heap* heap, const char* data, size_t size) noexcept nogil:
    # Of a stream that ends too soon Go says whether there was anything
    cdef char text[500]
    cdef size_t i = 0
    if heap.error != E_SYNTAX and heap.error != E_DEPTH:
        return UNDEFINED
    snprintf(text, 500, "%.480s", heap.message)
    if strcmp(heap.message, "unexpected end of JSON input") == 0:
        while i < size and is_space(data[i]):
            i += 1
        snprintf(text, 500, "EOF" if i == size else "unexpected EOF")
    return bad_call(heap, "json.unmarshal", text)


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
