# cython: cdivision=True
"""Built-ins that make or read text: sprintf (Go's fmt), templates, JSON.

sprintf sees each operand as OPA hands it to Go: integer text as int64 or *big.Int,
other number text as float64 (as a string when out of its range), a string as it
is, and anything else as the string of its Rego text.
"""

from cpython.mem cimport PyMem_Free
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdio cimport snprintf
from libc.string cimport memchr, memcpy, strlen

from gatewright._native.number cimport (
    GO_TEXT, float_digits, int_text, int_value, integer_of, number_text, put_go_g,
    truncated as truncated_number,
)
from gatewright._native.operand cimport bad_call, bad_type, is_number
from gatewright._native.reader cimport READ_EXACT, READ_VALID, read_text
from gatewright._native.utf8 cimport (
    count_runes, is_ascii, put_rune, rune_at, rune_is_valid,
)
from gatewright._native.value cimport (
    E_BUILTIN, E_CONFLICT, E_DEPTH, E_INTERNAL, E_MEMORY, E_NONE, E_SYNTAX, E_TYPE,
    T_ARR, T_INT, T_NUM, T_SET, T_STR, UNDEFINED, W_FALSE, W_TRUE, Heap, NumNode,
    StrNode, Word, as_int, fail, from_int, heap_free, heap_init, item, new_str,
    num_node, seq_len, str_node, tag,
)
from gatewright._native.writer cimport (
    WRITE_HTML, WRITE_REGO, Out, out_free, out_init, out_string, put, put_char,
    to_text, write_plain, write_string, write_value,
)

cdef extern from "Python.h":
    double PyOS_string_to_double(const char*, char**, object) except? -1.0
    char* PyOS_double_to_string(double, char, int, int, int*) except NULL

cdef enum:
    MAX_FIELD = 1000000     # Go's limit of a width, a precision, an index

cdef enum Kind:
    A_INT = 0
    A_BIG = 1
    A_FLOAT = 2
    A_STRING = 3

# One operand, as Go sees it
ctypedef struct Arg:
    Kind kind
    int64_t value       # A_INT
    const char* text    # number text; a string's bytes
    size_t size
    char room[24]

# Flags of the verb being printed
ctypedef struct Verb:
    bint sharp
    bint sharp_v
    bint zero
    bint plus
    bint plus_v
    bint minus
    bint space
    bint has_width
    bint has_prec
    int64_t width
    int64_t prec

# The state of one call
ctypedef struct Print:
    Heap* heap
    Out out
    Verb verb
    Word args           # array
    uint32_t count
    bint reordered
    bint good_index


# Padding ---------------------------------------------------------------------

cdef void write_padding(Print* p, int64_t n) noexcept nogil:
    cdef char c = c'0' if p.verb.zero and not p.verb.minus else c' '
    while n > 0 and not p.out.failed:
        put_char(&p.out, c)
        n -= 1


cdef void pad(Print* p, const char* text, size_t size) noexcept nogil:
    cdef int64_t missing = 0
    if p.verb.has_width and p.verb.width:
        missing = p.verb.width - <int64_t>count_runes(text, size)
    if not p.verb.minus:
        write_padding(p, missing)
    put(&p.out, text, size)
    if p.verb.minus:
        write_padding(p, missing)


# Strings ---------------------------------------------------------------------

cdef size_t truncated(Print* p, const char* text, size_t size) noexcept nogil:
    # The bytes of the first `prec` code points
    cdef size_t at = 0
    cdef int64_t left = p.verb.prec
    cdef uint32_t code
    if not p.verb.has_prec:
        return size
    while at < size and left > 0:
        at += rune_at(<const uint8_t*>text + at, size - at, &code)
        left -= 1
    return at


cdef bint can_backquote(const char* text, size_t size) noexcept nogil:
    cdef size_t at = 0
    cdef uint32_t code, width
    while at < size:
        width = rune_at(<const uint8_t*>text + at, size - at, &code)
        if not rune_is_valid(width, code) or code == 0xFEFF or code == 0x60:
            return False
        if (code < 0x20 and code != 9) or code == 0x7F:
            return False
        at += width
    return True


cdef void quote_rune(Out* out, uint32_t code, bint ascii) noexcept nogil:
    # strconv.QuoteRune
    cdef char text[8]
    cdef char escape[16]
    cdef Out quoted
    cdef uint32_t width
    if code > 0x10FFFF or 0xD800 <= code < 0xE000:
        code = 0xFFFD
    if code == 0x27:
        put(out, "'\\''", 4)
        return
    if code == 0x22:
        put(out, "'\"'", 3)
        return
    put_char(out, 0x27)
    width = put_rune(text, code)
    if ascii and code >= 0x80:
        if code < 0x10000:
            put(out, escape, snprintf(escape, 16, "\\u%04x", code))
        else:
            put(out, escape, snprintf(escape, 16, "\\U%08x", code))
    else:
        out_init(&quoted, 64)
        write_string(&quoted, text, width, WRITE_REGO)
        if not quoted.failed:
            put(out, quoted.data + 1, quoted.size - 2)
        out_free(&quoted)
    put_char(out, 0x27)


cdef void print_quoted(Print* p, const char* text, size_t size) noexcept nogil:
    cdef Out quoted
    cdef size_t at = 0, start
    cdef uint32_t code, width
    cdef char escape[16]
    size = truncated(p, text, size)
    out_init(&quoted, p.out.limit)
    if p.verb.sharp and can_backquote(text, size):
        put_char(&quoted, 0x60)
        put(&quoted, text, size)
        put_char(&quoted, 0x60)
    elif p.verb.plus and not is_ascii(text, size):
        # To ASCII: quote the runs between code points that are not
        put_char(&quoted, c'"')
        while at < size:
            start = at
            while at < size and <uint8_t>text[at] < 0x80:
                at += 1
            if at > start:
                write_string(&quoted, text + start, at - start, WRITE_REGO)
                if not quoted.failed:
                    unquote_run(&quoted, at - start)
            if at < size:
                width = rune_at(<const uint8_t*>text + at, size - at, &code)
                if not rune_is_valid(width, code):
                    put(
                        &quoted, escape,
                        snprintf(escape, 16, "\\x%02x", <int><uint8_t>text[at]),
                    )
                elif code < 0x10000:
                    put(&quoted, escape, snprintf(escape, 16, "\\u%04x", code))
                else:
                    put(&quoted, escape, snprintf(escape, 16, "\\U%08x", code))
                at += width
        put_char(&quoted, c'"')
    else:
        write_string(&quoted, text, size, WRITE_REGO)
    if quoted.failed:
        p.out.failed = True
    else:
        pad(p, quoted.data, quoted.size)
    out_free(&quoted)


cdef void unquote_run(Out* out, size_t size) noexcept nogil:
    # Drops the quotes around the run that was just written: the last quote is the
    # last byte; the first one is the last unescaped one before it
    cdef size_t end = out.size - 1
    cdef size_t start = end
    while start > 0:
        start -= 1
        if out.data[start] == c'"' and (start == 0 or not escaped(out.data, start)):
            break
    memcpy_down(out.data + start, out.data + start + 1, end - start - 1)
    out.size -= 2


cdef bint escaped(const char* data, size_t at) noexcept nogil:
    cdef size_t slashes = 0
    while at > 0 and data[at - 1] == 0x5C:
        slashes += 1
        at -= 1
    return slashes % 2 == 1


cdef void memcpy_down(char* to, const char* start, size_t size) noexcept nogil:
    cdef size_t i
    for i in range(size):
        to[i] = start[i]


cdef void print_hex_text(
    Print* p, const char* text, size_t size, bint upper
) noexcept nogil:
    cdef const char* digits = "0123456789ABCDEFX" if upper else "0123456789abcdefx"
    cdef int64_t length = <int64_t>size
    cdef int64_t width, i
    if p.verb.has_prec and p.verb.prec < length:
        length = p.verb.prec
    width = 2 * length
    if width > 0:
        if p.verb.space:
            if p.verb.sharp:
                width *= 2
            width += length - 1
        elif p.verb.sharp:
            width += 2
    else:
        if p.verb.has_width:
            write_padding(p, p.verb.width)
        return
    if p.verb.has_width and p.verb.width > width and not p.verb.minus:
        write_padding(p, p.verb.width - width)
    if p.verb.sharp:
        put_char(&p.out, c'0')
        put_char(&p.out, digits[16])
    for i in range(length):
        if p.verb.space and i > 0:
            put_char(&p.out, c' ')
            if p.verb.sharp:
                put_char(&p.out, c'0')
                put_char(&p.out, digits[16])
        put_char(&p.out, digits[<uint8_t>text[i] >> 4])
        put_char(&p.out, digits[<uint8_t>text[i] & 15])
    if p.verb.has_width and p.verb.width > width and p.verb.minus:
        write_padding(p, p.verb.width - width)


# Integers --------------------------------------------------------------------

cdef void print_digits(
    Print* p, bint minus, const char* digits, size_t size, int base, char verb,
    bint big,
) noexcept nogil:
    # Sign, prefix, precision and padding around the digits of an integer
    cdef char head[8]
    cdef int heads = 0
    cdef int64_t zeros = 0, prec = 0, missing
    cdef bint is_zero = size == 1 and digits[0] == c'0'
    if p.verb.has_prec:
        prec = p.verb.prec
        if prec == 0 and is_zero:
            if p.verb.has_width:
                missing = p.verb.width
                while missing > 0:
                    put_char(&p.out, c' ')
                    missing -= 1
            return
    elif p.verb.zero and not p.verb.minus and p.verb.has_width:
        prec = p.verb.width
        if minus or p.verb.plus or p.verb.space:
            prec -= 1
        if big and (p.verb.sharp or verb == c'O') and base != 10:
            prec -= 1 if base == 8 and verb != c'O' else 2
    zeros = prec - <int64_t>size
    if zeros < 0:
        zeros = 0
    if minus:
        head[heads] = c'-'
        heads += 1
    elif p.verb.plus:
        head[heads] = c'+'
        heads += 1
    elif p.verb.space:
        head[heads] = c' '
        heads += 1
    if verb == c'O':
        head[heads] = c'0'
        head[heads + 1] = c'o'
        heads += 2
    if p.verb.sharp:
        if base == 2:
            head[heads] = c'0'
            head[heads + 1] = c'b'
            heads += 2
        elif base == 8 and zeros == 0 and not is_zero and verb != c'O':
            head[heads] = c'0'
            heads += 1
        elif base == 16:
            head[heads] = c'0'
            head[heads + 1] = c'X' if verb == c'X' else c'x'
            heads += 2
    missing = 0
    if p.verb.has_width:
        missing = p.verb.width - heads - zeros - <int64_t>size
    if not p.verb.minus:
        while missing > 0 and not p.out.failed:
            put_char(&p.out, c' ')
            missing -= 1
    put(&p.out, head, heads)
    while zeros > 0 and not p.out.failed:
        put_char(&p.out, c'0')
        zeros -= 1
    put(&p.out, digits, size)
    while missing > 0 and not p.out.failed:
        put_char(&p.out, c' ')
        missing -= 1


cdef void print_int(Print* p, int64_t value, int base, char verb) noexcept nogil:
    cdef char digits[72]
    cdef int at = 72
    cdef uint64_t rest = <uint64_t>value if value >= 0 else 0 - <uint64_t>value
    cdef uint32_t digit
    while True:
        at -= 1
        digit = <uint32_t>(rest % base)
        if digit < 10:
            digits[at] = <char>(c'0' + digit)
        else:
            digits[at] = <char>((c'A' if verb == c'X' else c'a') + digit - 10)
        rest //= base
        if rest == 0:
            break
    print_digits(p, value < 0, digits + at, 72 - at, base, verb, False)


cdef void print_unicode(Print* p, int64_t value) noexcept nogil:
    # %U: U+0041, and with # its character
    cdef char text[64]
    cdef char digits[24]
    cdef int size, prec = 4
    cdef int n
    cdef int64_t zeros
    cdef Out whole
    cdef uint32_t width
    n = snprintf(digits, 24, "%llX", <unsigned long long>value)
    if p.verb.has_prec and p.verb.prec > 4:
        zeros = p.verb.prec - n
    else:
        zeros = prec - n
    out_init(&whole, p.out.limit)
    put(&whole, "U+", 2)
    while zeros > 0 and not whole.failed:
        put_char(&whole, c'0')
        zeros -= 1
    put(&whole, digits, n)
    if p.verb.sharp and 0 <= value <= 0x10FFFF:
        out_quoted_if_print(&whole, <uint32_t>value)
    if whole.failed:
        p.out.failed = True
    else:
        # Always padded by spaces
        p.verb.zero = False
        pad(p, whole.data, whole.size)
    out_free(&whole)


cdef void out_quoted_if_print(Out* out, uint32_t code) noexcept nogil:
    cdef Out probe
    cdef char text[8]
    cdef uint32_t width = put_rune(text, code)
    out_init(&probe, 64)
    write_string(&probe, text, width, WRITE_REGO)
    if not probe.failed and (
        probe.size == width + 2 or code == 0x22 or code == 0x5C
    ):
        put(out, " '", 2)
        put(out, text, width)
        put_char(out, 0x27)
    out_free(&probe)


# Floats ----------------------------------------------------------------------

cdef void sharp_float(
    Print* p, const char* num, size_t size, char verb, int64_t prec, Out* out
) noexcept nogil:
    # The # flag: always a point, and for %g the zeros that it drops
    cdef int64_t digits = 0
    cdef size_t at = 1, tail = size, i
    cdef bint point = False, nonzero = False
    if verb == c'v' or verb == c'g' or verb == c'G':
        digits = prec if prec >= 0 else 6
        if prec == 0:
            digits = 1
    put_char(out, num[0])
    for i in range(1, size):
        if num[i] == c'e' or num[i] == c'E':
            tail = i
            break
        if num[i] == c'.':
            point = True
        else:
            if num[i] != c'0':
                nonzero = True
            if nonzero:
                digits -= 1
        put_char(out, num[i])
    if not point:
        if tail == 2 and num[1] == c'0':
            digits -= 1
        put_char(out, c'.')
    while digits > 0 and not out.failed:
        put_char(out, c'0')
        digits -= 1
    put(out, num + tail, size - tail)


cdef void finish_float(
    Print* p, const char* text, size_t size, char verb, int64_t prec
) noexcept nogil:
    # `text`: strconv's, with a minus sign or none
    cdef Out num
    cdef Out sharp
    cdef Out* whole = &num
    out_init(&num, p.out.limit)
    out_init(&sharp, p.out.limit)
    if text[0] != c'-':
        put_char(&num, c' ' if p.verb.space and not p.verb.plus else c'+')
    put(&num, text, size)
    if p.verb.sharp and verb != c'b' and not num.failed:
        sharp_float(p, num.data, num.size, verb, prec, &sharp)
        whole = &sharp
    if num.failed or sharp.failed:
        p.out.failed = True
    elif p.verb.plus or whole.data[0] != c'+':
        if (
            p.verb.zero and not p.verb.minus and p.verb.has_width
            and p.verb.width > <int64_t>whole.size
        ):
            put_char(&p.out, whole.data[0])
            write_padding(p, p.verb.width - <int64_t>whole.size)
            put(&p.out, whole.data + 1, whole.size - 1)
        else:
            pad(p, whole.data, whole.size)
    else:
        pad(p, whole.data + 1, whole.size - 1)
    out_free(&num)
    out_free(&sharp)


cdef void print_float(
    Print* p, const char* text, size_t size, char verb
) noexcept nogil:
    cdef char out[GO_TEXT]
    cdef char digits[32]
    cdef uint32_t n
    cdef int64_t exp, prec = -1
    cdef bint minus
    cdef size_t i
    if p.verb.has_prec:
        prec = p.verb.prec
    elif verb == c'e' or verb == c'E' or verb == c'f' or verb == c'F':
        prec = 6
    if prec < 0 and (verb == c'v' or verb == c'g' or verb == c'G'):
        float_digits(text, size, digits, &n, &exp, &minus)
        size = put_go_g(out, digits, n, exp, minus)
        if verb == c'G':
            for i in range(size):
                if out[i] == c'e':
                    out[i] = c'E'
        finish_float(p, out, size, verb, prec)
        return
    print_float_python(p, text, size, verb, prec)


cdef void print_float_python(
    Print* p, const char* text, size_t size, char verb, int64_t prec
) noexcept with gil:
    cdef double value
    cdef char* shown
    try:
        copied = text[:size]
        value = PyOS_string_to_double(copied, NULL, OverflowError)
        if verb in b"xXb":
            encoded = binary_form(value, verb, prec).encode("ascii")
            finish_float(p, encoded, len(encoded), verb, prec)
            return
        if verb == c'v':
            verb = c'g'
        elif verb == c'F':
            verb = c'f'
        # Go takes %.0g as %.1g, as C does
        shown = PyOS_double_to_string(value, verb, <int>prec, 0, NULL)
        finish_float(p, shown, strlen(shown), verb, prec)
        PyMem_Free(shown)
    except Exception as error:
        message = repr(error).encode()
        fail(p.heap, E_INTERNAL, message)


cdef str binary_form(double value, char verb, int64_t prec):
    """Go's %b (mantissa and exponent of 2) and %x (hexadecimal mantissa)."""
    import math

    mantissa, exponent = math.frexp(abs(value))
    sign = "-" if math.copysign(1, value) < 0 else ""
    whole = int(mantissa * 2 ** 53)
    if verb == c'b':
        if whole == 0:
            return f"{sign}0p-1074"
        power = exponent - 53
        if power < -1074:
            whole >>= -1074 - power
            power = -1074
        return f"{sign}{whole}p{power:+d}"
    if whole == 0:
        digits, power = 0, 0
    else:
        digits, power = whole << 0, exponent - 1
    fraction = (digits & ((1 << 52) - 1)) if digits else 0
    lead = 1 if digits else 0
    if prec >= 0 and prec < 13:
        shift = 52 - 4 * prec
        total = (lead << 52) | fraction
        kept, rest = total >> shift, total & ((1 << shift) - 1)
        half = 1 << (shift - 1)
        if rest > half or (rest == half and kept & 1):
            kept += 1
        if kept >> (4 * prec) > 1:
            kept >>= 1
            power += 1
        lead, body = kept >> (4 * prec), kept & ((1 << (4 * prec)) - 1)
        text = f"{body:0{prec}x}" if prec else ""
    else:
        text = f"{fraction:013x}"
        text = text.ljust(prec, "0") if prec >= 0 else text.rstrip("0")
    point = "." if text else ""
    out = f"{sign}0x{lead}{point}{text}p{'-' if power < 0 else '+'}{abs(power):02d}"
    return out.upper() if verb == c'X' else out


# Operands --------------------------------------------------------------------

cdef const char* kind_name(Arg* arg) noexcept nogil:
    if arg.kind == A_INT:
        return "int64"
    if arg.kind == A_BIG:
        return "*big.Int"
    return "float64" if arg.kind == A_FLOAT else "string"


cdef bint open_arg(Print* p, uint32_t i, Arg* arg) noexcept nogil:
    cdef Word w = item(p.args, i)
    cdef NumNode* num
    cdef char digits[32]
    cdef uint32_t n, at
    cdef int64_t exp
    cdef bint minus, big = False
    if tag(w) == T_INT:
        arg.kind = A_INT
        arg.value = as_int(w)
        return True
    if tag(w) == T_NUM:
        num = num_node(w)
        arg.text = num.text
        arg.size = num.size
        for at in range(num.size):
            if not (c'0' <= num.text[at] <= c'9' or (at == 0 and num.text[0] == c'-')):
                arg.kind = A_STRING
                if float_digits(num.text, num.size, digits, &n, &exp, &minus):
                    arg.kind = A_FLOAT
                return True
        arg.kind = A_INT
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
        put(&p.out, kind_name(arg), strlen(kind_name(arg)))
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
        print_digits(p, minus, encoded, len(encoded), base, <char>verb, True)
    except Exception as error:
        message = repr(error).encode()
        fail(p.heap, E_INTERNAL, message)


cdef void print_arg(Print* p, Arg* arg, uint32_t verb) noexcept nogil:
    cdef char text[8]
    cdef Out quoted
    if verb == c'T':
        pad_type(p, kind_name(arg))
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


cdef void clear_verb(Verb* verb) noexcept nogil:
    verb.sharp = verb.sharp_v = verb.zero = verb.plus = verb.plus_v = False
    verb.minus = verb.space = verb.has_width = verb.has_prec = False
    verb.width = verb.prec = 0


cdef void print_format(Print* p, const char* text, size_t end) noexcept nogil:
    cdef size_t i = 0, start
    cdef int64_t arg = 0, number
    cdef bint after_index = False
    cdef uint32_t verb
    cdef char shown[8]
    cdef Arg value
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
        if i < end and text[i] == c'.':
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
        if verb == c'v':
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
            put(&p.out, kind_name(&value), strlen(kind_name(&value)))
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
    return out_string(heap, &p.out)


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
    cdef bint big = False
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
