# cython: cdivision=True
"""Built-ins on numbers, comparisons, types."""

import re

from libc.stdint cimport int64_t, uint32_t
from libc.stdio cimport snprintf
from libc.string cimport strlen

from gatewright._native.arithmetic cimport (
    OP_ABS, OP_CEIL, OP_DIV, OP_FLOOR, OP_MINUS, OP_MUL, OP_PLUS, OP_REM, OP_ROUND,
    Operation, arithmetic, arithmetic_one,
)
from gatewright._native.fault cimport fail_raised
from gatewright._native.number cimport (
    float_digits, int_text, integer_of, is_float_syntax,
)
from gatewright._native.operand cimport (
    bad_call, bad_type, is_number, type_name, wordless,
)
from gatewright._native.value cimport (
    E_BUILTIN, E_INTERNAL, E_MEMORY, E_NONE, E_TYPE, T_ARR, T_INT, T_OBJ, T_SET, T_STR,
    UNDEFINED, W_FALSE, W_NULL, W_TRUE, Heap, NumNode, SeqNode, StrNode, Word, compare,
    equal, fail, from_bool, from_int, heap_alloc, item, new_number, new_seq, new_set,
    new_str, num_node, seq_len, store, str_node, tag,
)
from gatewright._native.writer cimport WRITE_REGO, Out, out_free, out_init, write_string

# [sign] 0x hex digits [. hex digits] p [sign] digits; underscores between digits and
# behind the prefix
HEX_FLOAT = re.compile(
    rb"([+-]?)0[xX](_?[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*)?"
    rb"(?:\.([0-9a-fA-F]+(?:_[0-9a-fA-F]+)*)?)?"
    rb"[pP]([+-]?[0-9]+(?:_[0-9]+)*)"
)

cdef enum:
    MAX_SCALE = 20000       # binary places of a hexadecimal float; OPA has no limit


# Arithmetic ------------------------------------------------------------------

cdef inline Word binary(
    Heap* heap, const char* name, Operation op, const Word* args
) noexcept nogil:
    if not is_number(args[0]):
        return bad_type(heap, name, 1, "number", args[0])
    if not is_number(args[1]):
        return bad_type(heap, name, 2, "number", args[1])
    return arithmetic(heap, op, args[0], args[1])


cdef inline Word unary(
    Heap* heap, const char* name, Operation op, const Word* args
) noexcept nogil:
    if not is_number(args[0]):
        return bad_type(heap, name, 1, "number", args[0])
    return arithmetic_one(heap, op, args[0])


cdef Word lib_plus(Heap* heap, const Word* args, int n) noexcept nogil:
    return binary(heap, "plus", OP_PLUS, args)


cdef Word lib_minus(Heap* heap, const Word* args, int n) noexcept nogil:
    if tag(args[0]) == T_SET:
        if tag(args[1]) != T_SET:
            return bad_type(
                heap, "minus", 2, "set" if is_number(args[1]) else "number", args[1]
            )
        return set_difference(heap, args[0], args[1])
    if not is_number(args[0]):
        return bad_type(heap, "minus", 1, "one of {number, set}", args[0])
    return binary(heap, "minus", OP_MINUS, args)


cdef Word set_difference(Heap* heap, Word a, Word b) noexcept nogil:
    cdef uint32_t i = 0, j = 0, kept = 0
    cdef SeqNode* out = new_seq(heap, seq_len(a))
    cdef int order
    if out == NULL:
        return UNDEFINED
    while i < seq_len(a):
        order = -1
        if j < seq_len(b):
            order = compare(item(a, i), item(b, j))
        if order > 0:
            j += 1
            continue
        if order < 0:
            store(&out.items[kept], item(a, i))
            kept += 1
        i += 1
    out.n = kept
    out.flags = 1
    return <Word>out | T_SET


cdef Word lib_mul(Heap* heap, const Word* args, int n) noexcept nogil:
    return binary(heap, "mul", OP_MUL, args)


cdef Word lib_div(Heap* heap, const Word* args, int n) noexcept nogil:
    return binary(heap, "div", OP_DIV, args)


cdef Word lib_rem(Heap* heap, const Word* args, int n) noexcept nogil:
    return binary(heap, "rem", OP_REM, args)


cdef Word lib_abs(Heap* heap, const Word* args, int n) noexcept nogil:
    return unary(heap, "abs", OP_ABS, args)


cdef Word lib_ceil(Heap* heap, const Word* args, int n) noexcept nogil:
    return unary(heap, "ceil", OP_CEIL, args)


cdef Word lib_floor(Heap* heap, const Word* args, int n) noexcept nogil:
    return unary(heap, "floor", OP_FLOOR, args)


cdef Word lib_round(Heap* heap, const Word* args, int n) noexcept nogil:
    return unary(heap, "round", OP_ROUND, args)


cdef bint want_whole(
    Heap* heap, const char* name, const Word* args, int i, int64_t* out, bint* big
) noexcept nogil:
    # An integer of any size and spelling
    cdef char text[160]
    if not is_number(args[i - 1]):
        bad_type(heap, name, i, "integer", args[i - 1])
        return False
    if integer_of(args[i - 1], out, big):
        return True
    snprintf(
        text, 160,
        "%s: operand %d must be integer number but got floating-point number", name, i,
    )
    fail(heap, E_TYPE, text)
    return False


cdef Word number_range(
    Heap* heap, const char* name, const Word* args, Word step
) noexcept nogil:
    # By arithmetic on words: the ends may be integers of any size
    cdef int64_t first, last, by
    cdef uint32_t i, count
    cdef SeqNode* out
    cdef Word w, size
    cdef bint big_first = False, big_last = False, big_step = False
    cdef Operation op
    if not want_whole(heap, name, args, 1, &first, &big_first):
        return UNDEFINED
    if not want_whole(heap, name, args, 2, &last, &big_last):
        return UNDEFINED
    integer_of(step, &by, &big_step)
    op = OP_PLUS
    w = args[0]
    if compare(args[0], args[1]) > 0:
        op = OP_MINUS
        size = arithmetic(heap, OP_MINUS, args[0], args[1])
    else:
        size = arithmetic(heap, OP_MINUS, args[1], args[0])
    if size == UNDEFINED:
        return UNDEFINED
    if tag(size) != T_INT or big_step:
        if big_step:
            size = from_int(0)
        else:
            fail(heap, E_MEMORY, "memory limit exceeded")
            return UNDEFINED
    first = (<int64_t>size >> 3) // (1 if big_step else by) + 1
    if <size_t>first > heap.limit // sizeof(Word) or first > 0x7FFFFFFF:
        fail(heap, E_MEMORY, "memory limit exceeded")
        return UNDEFINED
    count = <uint32_t>first
    out = new_seq(heap, count)
    if out == NULL:
        return UNDEFINED
    if tag(w) != T_INT:
        w = arithmetic(heap, OP_PLUS, w, from_int(0))     # 1.0 counts as 1
    for i in range(count):
        if w == UNDEFINED:
            return UNDEFINED
        store(&out.items[i], w)
        if i + 1 < count:
            w = arithmetic(heap, op, w, step)
    return <Word>out | T_ARR


cdef Word lib_range(Heap* heap, const Word* args, int n) noexcept nogil:
    return number_range(heap, "numbers.range", args, from_int(1))


cdef Word lib_range_step(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef int64_t step, unused
    cdef bint big
    if not want_whole(heap, "numbers.range_step", args, 1, &unused, &big):
        return UNDEFINED
    if not want_whole(heap, "numbers.range_step", args, 2, &unused, &big):
        return UNDEFINED
    if not want_whole(heap, "numbers.range_step", args, 3, &step, &big):
        return UNDEFINED
    if compare(args[2], from_int(0)) <= 0:
        return bad_call(
            heap, "numbers.range_step",
            "numbers.range_step: step must be a positive integer",
        )
    return number_range(heap, "numbers.range_step", args, args[2])


# Comparisons -----------------------------------------------------------------

cdef Word lib_equal(Heap* heap, const Word* args, int n) noexcept nogil:
    return from_bool(equal(args[0], args[1]))


cdef Word lib_neq(Heap* heap, const Word* args, int n) noexcept nogil:
    return from_bool(not equal(args[0], args[1]))


cdef Word lib_lt(Heap* heap, const Word* args, int n) noexcept nogil:
    return from_bool(compare(args[0], args[1]) < 0)


cdef Word lib_lte(Heap* heap, const Word* args, int n) noexcept nogil:
    return from_bool(compare(args[0], args[1]) <= 0)


cdef Word lib_gt(Heap* heap, const Word* args, int n) noexcept nogil:
    return from_bool(compare(args[0], args[1]) > 0)


cdef Word lib_gte(Heap* heap, const Word* args, int n) noexcept nogil:
    return from_bool(compare(args[0], args[1]) >= 0)


# Types -----------------------------------------------------------------------

cdef Word lib_type_name(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef const char* name = type_name(args[0])
    return new_str(heap, name, strlen(name))


cdef Word lib_is_array(Heap* heap, const Word* args, int n) noexcept nogil:
    return from_bool(tag(args[0]) == T_ARR)


cdef Word lib_is_boolean(Heap* heap, const Word* args, int n) noexcept nogil:
    return from_bool(args[0] == W_TRUE or args[0] == W_FALSE)


cdef Word lib_is_null(Heap* heap, const Word* args, int n) noexcept nogil:
    return from_bool(args[0] == W_NULL)


cdef Word lib_is_number(Heap* heap, const Word* args, int n) noexcept nogil:
    return from_bool(is_number(args[0]))


cdef Word lib_is_object(Heap* heap, const Word* args, int n) noexcept nogil:
    return from_bool(tag(args[0]) == T_OBJ)


cdef Word lib_is_set(Heap* heap, const Word* args, int n) noexcept nogil:
    return from_bool(tag(args[0]) == T_SET)


cdef Word lib_is_string(Heap* heap, const Word* args, int n) noexcept nogil:
    return from_bool(tag(args[0]) == T_STR)


cdef bint is_word(const char* text, size_t size, const char* word) noexcept nogil:
    cdef size_t i
    if size != strlen(word):
        return False
    for i in range(size):
        if (text[i] | 32) != word[i]:
            return False
    return True


cdef Word lib_to_number(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef Word w = args[0]
    cdef StrNode* s
    cdef const char* text
    cdef size_t size
    cdef char message[400]
    cdef const char* problem
    cdef Out quoted
    if w == W_NULL or w == W_FALSE:
        return from_int(0)
    if w == W_TRUE:
        return from_int(1)
    if is_number(w):
        return w
    if tag(w) != T_STR:
        return bad_type(
            heap, "to_number", 1, "one of {null, boolean, number, string}", w
        )
    s = str_node(w)
    text = s.data
    size = s.size
    if size and (text[0] == c'+' or text[0] == c'-'):
        text += 1
        size -= 1
    if (
        is_word(text, size, "inf") or is_word(text, size, "infinity")
        or is_word(text, size, "nan")
    ):
        return bad_type(heap, "to_number", 1, "valid number string", w)
    if size > 1 and text[0] == c'0' and (text[1] | 32) == c'x':
        w = hex_number(heap, s.data, s.size, &problem)
        if w != UNDEFINED or heap.error != E_NONE:
            return w
    elif not is_float_syntax(s.data, s.size):
        problem = "invalid syntax"
    else:
        w = new_number(heap, s.data, s.size)
        if w == UNDEFINED or tag(w) == T_INT or in_range(heap, w):
            return w
        problem = "value out of range"
    if wordless(heap, E_BUILTIN):
        return UNDEFINED
    out_init(&quoted, heap.limit)
    write_string(&quoted, s.data, s.size if s.size < 200 else 200, WRITE_REGO)
    snprintf(
        message, 400, "strconv.ParseFloat: parsing %.*s: %s",
        <int>(quoted.size if quoted.size < 300 else 300), quoted.data, problem,
    )
    out_free(&quoted)
    return bad_call(heap, "to_number", message)


cdef Word hex_number(
    Heap* heap, const char* text, size_t size, const char** problem
) noexcept with gil:
    # Go's hexadecimal floats (`0x1.8p-3`), as the decimal number that they are
    try:
        found = HEX_FLOAT.fullmatch(text[:size])
        if found is None or not (found[2] or found[3]):
            problem[0] = "invalid syntax"
            return UNDEFINED
        sign, whole, part, power = [
            (group or b"").replace(b"_", b"") for group in found.groups()
        ]
        digits = int(whole + part, 16)
        scale = int(power) - 4 * len(part) if len(power) < 8 else MAX_SCALE + 1
        problem[0] = "value out of range"
        if digits == 0:
            scale = 0
        elif digits.bit_length() + scale > 1024 or scale < -MAX_SCALE:
            return UNDEFINED
        if scale >= 0:
            digits <<= scale
            spelled = int_text(digits)
        else:
            spelled = int_text(digits * 5 ** -scale).rjust(1 - scale, "0")
            spelled = f"{spelled[:scale]}.{spelled[scale:]}".rstrip("0").rstrip(".")
            digits >>= -scale
        float(digits)       # an OverflowError beyond the largest float64
        spelled = sign.strip(b"+") + spelled.encode("ascii")
        return new_number(heap, <const char*>spelled, len(spelled))
    except OverflowError:
        return UNDEFINED
    except BaseException as error:
        fail_raised(heap, E_INTERNAL, b"", error)
    return UNDEFINED


cdef bint in_range(Heap* heap, Word w) noexcept nogil:
    # Not beyond the largest float64, 1.797...e308
    cdef NumNode* num = num_node(w)
    cdef char digits[32]
    cdef uint32_t count
    cdef int64_t exp
    cdef bint minus
    if num.exp < 309:
        return True
    if num.exp > 309:
        return False
    return float_digits(heap, num.text, num.size, digits, &count, &exp, &minus)


cdef Word lib_cast_array(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef Word w = args[0]
    cdef SeqNode* out
    cdef uint32_t i
    if tag(w) == T_ARR:
        return w
    if tag(w) != T_SET:
        return bad_type(heap, "cast_array", 1, "one of {array, set}", w)
    out = new_seq(heap, seq_len(w))
    if out == NULL:
        return UNDEFINED
    for i in range(seq_len(w)):
        store(&out.items[i], item(w, i))
    return <Word>out | T_ARR


cdef Word lib_cast_set(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef Word w = args[0]
    cdef Word* items
    cdef uint32_t i
    if tag(w) == T_SET:
        return w
    if tag(w) != T_ARR:
        return bad_type(heap, "cast_set", 1, "one of {array, set}", w)
    items = <Word*>heap_alloc(heap, (seq_len(w) + 1) * sizeof(Word))
    if items == NULL:
        return UNDEFINED
    for i in range(seq_len(w)):
        items[i] = item(w, i)
    return new_set(heap, items, seq_len(w))


cdef Word lib_cast_string(Heap* heap, const Word* args, int n) noexcept nogil:
    if tag(args[0]) == T_STR:
        return args[0]
    return bad_type(heap, "cast_string", 1, "string", args[0])


cdef Word lib_cast_boolean(Heap* heap, const Word* args, int n) noexcept nogil:
    if args[0] == W_TRUE or args[0] == W_FALSE:
        return args[0]
    return bad_type(heap, "cast_boolean", 1, "boolean", args[0])


cdef Word lib_cast_null(Heap* heap, const Word* args, int n) noexcept nogil:
    if args[0] == W_NULL:
        return args[0]
    return bad_type(heap, "cast_null", 1, "null", args[0])


cdef Word lib_cast_object(Heap* heap, const Word* args, int n) noexcept nogil:
    if tag(args[0]) == T_OBJ:
        return args[0]
    return bad_type(heap, "cast_object", 1, "object", args[0])


cdef Word lib_trace(Heap* heap, const Word* args, int n) noexcept nogil:
    if tag(args[0]) != T_STR:
        return bad_type(heap, "trace", 1, "string", args[0])
    return W_TRUE
