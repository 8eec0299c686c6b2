# cython: cdivision=True
"""sprintf: Go's fmt.

Each operand is seen as OPA hands it to Go: integer text as int64 or *big.Int, other
number text as float64 (as a string when out of its range), a string as it is, and
anything else as the string of its Rego text.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t, uint8_t
from libc.string cimport memchr, strlen

from gatewright._native.fault cimport fail_raised
from gatewright._native.number cimport float_digits, int_text, int_value, integer_of
from gatewright._native.operand cimport bad_type
from gatewright._native.utf8 cimport put_rune, rune_at
from gatewright._native.value cimport (
    E_INTERNAL, E_NONE, T_ARR, T_INT, T_NUM, T_STR, UNDEFINED, Heap, NumNode, Word,
    as_int, heap_alloc, item, num_node, seq_len, str_node, tag,
)
from gatewright._native.writer cimport (
    WRITE_REGO, Out, out_free, out_init, out_string, put, put_char, to_text,
    write_plain,
)
from gatewright._native.verb cimport (
    A_BIG, A_FLOAT, A_INT, A_STRING, Arg, Kind, Print, clear_verb, pad, truncated,
)
from gatewright._native.verb_number cimport (
    print_digits, print_float, print_int, print_unicode,
)
from gatewright._native.verb_text cimport print_hex_text, print_quoted, quote_rune

cdef enum:
    MAX_FIELD = 1000000     # Go's limit of a width, a precision, an index


# Operands --------------------------------------------------------------------

cdef const char* kind_name(Print* p, Arg* arg) noexcept nogil:
    if arg.kind == A_INT:
        return "int" if p.heap.older else "int64"
    if arg.kind == A_BIG:
        return "*big.Int"
    return "float64" if arg.kind == A_FLOAT else "string"


cdef bint open_arg(Print* p, uint32_t i, Arg* arg) noexcept nogil:
    cdef Word w = item(p.args, i)
    cdef NumNode* num
    cdef bint big = False
    if tag(w) == T_INT:
        arg.kind = A_INT
        arg.value = as_int(w)
        return True
    if tag(w) == T_NUM:
        num = num_node(w)
        arg.text = num.text
        arg.size = num.size
        arg.kind = number_kind(p.heap, num)
        if arg.kind != A_STRING and num.text[0] == c'+':
            arg.text += 1
            arg.size -= 1
        if arg.kind == A_FLOAT and memchr(arg.text, c'_', arg.size) != NULL:
            return without_separators(p.heap, arg)
        if arg.kind != A_INT:
            return True
        if num.exp >= 19 or not integer_of(w, &arg.value, &big) or big:
            arg.kind = A_BIG
            read_int64(num, arg)
        return True
    if tag(w) != T_STR:
        w = to_text(p.heap, w, WRITE_REGO)
        if w == UNDEFINED:
            return False
    arg.kind = A_STRING
    arg.text = str_node(w).data
    arg.size = str_node(w).size
    return True


cdef bint without_separators(Heap* heap, Arg* arg) noexcept nogil:
    cdef char* copy = <char*>heap_alloc(heap, arg.size)
    cdef size_t at, size = 0
    if copy == NULL:
        return False
    for at in range(arg.size):
        if arg.text[at] != c'_':
            copy[size] = arg.text[at]
            size += 1
    arg.text = copy
    arg.size = size
    return True


cdef Kind number_kind(Heap* heap, NumNode* num) noexcept nogil:
    # With a point or an exponent a float; else whole, and a string where it is
    # neither (`1_0`, which to_number takes)
    cdef char digits[32]
    cdef uint32_t n, at
    cdef int64_t exp
    cdef bint minus
    cdef Kind kind = A_INT
    for at in range(num.size):
        if num.text[at] == c'.' or (num.text[at] | 32) == c'e':
            if float_digits(heap, num.text, num.size, digits, &n, &exp, &minus):
                return A_FLOAT
            return A_STRING
        if not c'0' <= num.text[at] <= c'9':
            if at or (num.text[0] != c'-' and num.text[0] != c'+'):
                kind = A_STRING     # unless there is an exponent behind
    if kind == A_STRING and heap.older:     # whatever reads as a float was one
        if float_digits(heap, num.text, num.size, digits, &n, &exp, &minus):
            return A_FLOAT
    return kind


cdef void read_int64(NumNode* num, Arg* arg) noexcept nogil:
    # 19 digits may still fit an int64
    cdef uint64_t value = 0
    cdef const char* digits = num.text + num.size + 1
    cdef uint32_t i
    if num.exp != 19:
        return
    for i in range(19):
        value = value * 10 + (digits[i] - c'0' if i < num.digits else 0)
    if num.sign > 0 and value <= <uint64_t>0x7FFFFFFFFFFFFFFF:
        arg.kind = A_INT
        arg.value = <int64_t>value
    elif num.sign < 0 and value <= <uint64_t>0x8000000000000000:
        arg.kind = A_INT
        arg.value = <int64_t>(0 - value)


cdef void bad_verb(Print* p, Arg* arg, uint32_t verb) noexcept nogil:
    cdef char text[8]
    put(&p.out, "%!", 2)
    put(&p.out, text, put_rune(text, verb))
    put_char(&p.out, c'(')
    if arg.kind == A_BIG:
        # big.Int formats itself, and leaves out the star
        put(&p.out, "big.Int=", 8)
        put(&p.out, arg.text, arg.size)
    else:
        put(&p.out, kind_name(p, arg), strlen(kind_name(p, arg)))
        put_char(&p.out, c'=')
        print_arg(p, arg, c'v')
    put_char(&p.out, c')')


cdef void print_big(Print* p, Arg* arg, uint32_t verb) noexcept with gil:
    try:
        text = arg.text[:arg.size].decode("ascii")
        minus = text[0] == "-"
        value = int_value(text.removeprefix("-"))
        if verb == c'b':
            shown, base = f"{value:b}", 2
        elif verb == c'o' or verb == c'O':
            shown, base = f"{value:o}", 8
        elif verb == c'x':
            shown, base = f"{value:x}", 16
        elif verb == c'X':
            shown, base = f"{value:X}", 16
        else:
            shown, base = int_text(value), 10
        encoded = shown.encode("ascii")
        # A Formatter sees flags that %v keeps from plain integers
        p.verb.plus |= p.verb.plus_v
        print_digits(p, minus, encoded, len(encoded), base, <char>verb, True)
    except BaseException as error:
        fail_raised(p.heap, E_INTERNAL, b"", error)


cdef void print_arg(Print* p, Arg* arg, uint32_t verb) noexcept nogil:
    cdef char text[8]
    cdef Out quoted
    if verb == c'T':
        pad_type(p, kind_name(p, arg))
        return
    if verb == c'p':
        bad_verb(p, arg, verb)
        return
    if arg.kind == A_STRING:
        if verb == c'v' and p.verb.sharp_v:
            print_quoted(p, arg.text, arg.size)
        elif verb == c'v' or verb == c's':
            pad(p, arg.text, truncated(p, arg.text, arg.size))
        elif verb == c'x' or verb == c'X':
            print_hex_text(p, arg.text, arg.size, verb == c'X')
        elif verb == c'q':
            print_quoted(p, arg.text, arg.size)
        else:
            bad_verb(p, arg, verb)
    elif arg.kind == A_INT:
        if verb == c'v' or verb == c'd':
            print_int(p, arg.value, 10, <char>verb)
        elif verb == c'b':
            print_int(p, arg.value, 2, c'b')
        elif verb == c'o' or verb == c'O':
            print_int(p, arg.value, 8, <char>verb)
        elif verb == c'x' or verb == c'X':
            print_int(p, arg.value, 16, <char>verb)
        elif verb == c'c':
            pad(p, text, put_rune(text, code_of(arg.value)))
        elif verb == c'q':
            out_init(&quoted, 64)
            quote_rune(&quoted, code_of(arg.value), p.verb.plus)
            if not quoted.failed:
                pad(p, quoted.data, quoted.size)
            out_free(&quoted)
        elif verb == c'U':
            print_unicode(p, arg.value)
        else:
            bad_verb(p, arg, verb)
    elif arg.kind == A_FLOAT:
        if verb < 0x80 and memchr("vbgGxXfFeE", <int>verb, 10) != NULL:
            print_float(p, arg.text, arg.size, <char>verb)
        else:
            bad_verb(p, arg, verb)
    elif verb < 0x80 and memchr("bodxXOsv", <int>verb, 8) != NULL:
        print_big(p, arg, verb)
    else:
        bad_verb(p, arg, verb)


cdef uint32_t code_of(int64_t value) noexcept nogil:
    return <uint32_t>value if 0 <= value <= 0x10FFFF else 0xFFFD


cdef void pad_type(Print* p, const char* name) noexcept nogil:
    pad(p, name, truncated(p, name, strlen(name)))


# The format ------------------------------------------------------------------

cdef bint parse_number(
    const char* text, size_t end, size_t* at, int64_t* out
) noexcept nogil:
    # Digits at `at`; a number that is too large counts as none, and ends the format
    cdef bint found = False
    out[0] = 0
    while at[0] < end and c'0' <= text[at[0]] <= c'9':
        if out[0] > MAX_FIELD:
            out[0] = 0
            at[0] = end
            return False
        out[0] = out[0] * 10 + (text[at[0]] - c'0')
        found = True
        at[0] += 1
    return found


cdef bint parse_index(
    Print* p, const char* text, size_t end, size_t* at, int64_t* arg
) noexcept nogil:
    # [n] at `at`: the next operand
    cdef size_t close, inner
    cdef int64_t number
    if at[0] >= end or text[at[0]] != c'[':
        return False
    p.reordered = True
    close = at[0] + 1
    while close < end and text[close] != c']':
        close += 1
    if close >= end or end - at[0] < 3:
        p.good_index = False
        at[0] += 1
        return False
    inner = at[0] + 1
    at[0] = close + 1
    if not parse_number(text, close, &inner, &number) or inner != close:
        p.good_index = False
        return False
    if 1 <= number <= p.count:
        arg[0] = number - 1
        return True
    p.good_index = False
    return True


cdef bint int_argument(Print* p, int64_t* arg, int64_t* out) noexcept nogil:
    # For *: the operand must be an int of reasonable size
    cdef Arg value
    out[0] = 0
    if arg[0] >= p.count:
        return False
    if not open_arg(p, <uint32_t>arg[0], &value):
        return False
    arg[0] += 1
    if value.kind != A_INT or not (-MAX_FIELD <= value.value <= MAX_FIELD):
        return False
    out[0] = value.value
    return True


cdef void print_format(Print* p, const char* text, size_t end) noexcept nogil:
    cdef size_t i = 0, start
    cdef int64_t arg = 0, number
    cdef bint after_index = False
    cdef uint32_t verb
    cdef char shown[8]
    cdef Arg value
    cdef Word w
    cdef char c
    while i < end and not p.out.failed and p.heap.error == E_NONE:
        p.good_index = True
        start = i
        while i < end and text[i] != c'%':
            i += 1
        put(&p.out, text + start, i - start)
        if i >= end:
            break
        i += 1
        if i < end and text[i] == c'v' and arg < p.count:
            # What nearly every verb is; numbers are formatted
            w = item(p.args, <uint32_t>arg)
            if tag(w) != T_INT and tag(w) != T_NUM:
                write_plain(p.heap, &p.out, w)
                i += 1
                arg += 1
                continue
        clear_verb(&p.verb)
        while i < end:
            c = text[i]
            if c == c'#':
                p.verb.sharp = True
            elif c == c'0':
                p.verb.zero = True
            elif c == c'+':
                p.verb.plus = True
            elif c == c'-':
                p.verb.minus = True
            elif c == c' ':
                p.verb.space = True
            else:
                break
            i += 1
        after_index = parse_index(p, text, end, &i, &arg)
        if i < end and text[i] == c'*':
            i += 1
            p.verb.has_width = int_argument(p, &arg, &p.verb.width)
            if not p.verb.has_width:
                put(&p.out, "%!(BADWIDTH)", 12)
            if p.verb.width < 0:
                p.verb.width = -p.verb.width
                p.verb.minus = True
                p.verb.zero = False
            after_index = False
        else:
            p.verb.has_width = parse_number(text, end, &i, &p.verb.width)
            if after_index and p.verb.has_width:
                p.good_index = False
        # A point at the end of the format is a verb
        if i + 1 < end and text[i] == c'.':
            i += 1
            if after_index:
                p.good_index = False
            after_index = parse_index(p, text, end, &i, &arg)
            if i < end and text[i] == c'*':
                i += 1
                p.verb.has_prec = int_argument(p, &arg, &p.verb.prec)
                if p.verb.prec < 0:
                    p.verb.prec = 0
                    p.verb.has_prec = False
                if not p.verb.has_prec:
                    put(&p.out, "%!(BADPREC)", 11)
                after_index = False
            else:
                if not parse_number(text, end, &i, &p.verb.prec):
                    p.verb.prec = 0
                p.verb.has_prec = True
        if not after_index:
            after_index = parse_index(p, text, end, &i, &arg)
        if i >= end:
            put(&p.out, "%!(NOVERB)", 10)
            break
        i += rune_at(<const uint8_t*>text + i, end - i, &verb)
        if verb == c'%':
            put_char(&p.out, c'%')
            continue
        if not p.good_index or arg >= p.count:
            put(&p.out, "%!", 2)
            put(&p.out, shown, put_rune(shown, verb))
            if not p.good_index:
                put(&p.out, "(BADINDEX)", 10)
            else:
                put(&p.out, "(MISSING)", 9)
            continue
        if verb == c'v' or verb == c'w':
            p.verb.sharp_v = p.verb.sharp
            p.verb.sharp = False
            p.verb.plus_v = p.verb.plus
            p.verb.plus = False
        if not open_arg(p, <uint32_t>arg, &value):
            break
        arg += 1
        print_arg(p, &value, verb)
    if not p.reordered and arg < p.count and p.heap.error == E_NONE:
        clear_verb(&p.verb)
        put(&p.out, "%!(EXTRA ", 9)
        number = arg
        while arg < p.count:
            if arg > number:
                put(&p.out, ", ", 2)
            if not open_arg(p, <uint32_t>arg, &value):
                break
            put(&p.out, kind_name(p, &value), strlen(kind_name(p, &value)))
            put_char(&p.out, c'=')
            print_arg(p, &value, c'v')
            arg += 1
        put_char(&p.out, c')')


cdef Word lib_sprintf(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef Print p
    if tag(args[0]) != T_STR:
        return bad_type(heap, "sprintf", 1, "string", args[0])
    if tag(args[1]) != T_ARR:
        return bad_type(heap, "sprintf", 2, "array", args[1])
    p.heap = heap
    out_init(&p.out, heap.limit)
    p.args = args[1]
    p.count = seq_len(args[1])
    p.reordered = False
    print_format(&p, str_node(args[0]).data, str_node(args[0]).size)
    if heap.error != E_NONE:
        out_free(&p.out)
        return UNDEFINED
    return out_string(heap, &p.out)
