# cython: cdivision=True
"""Numbers by Go's verbs."""

from cpython.mem cimport PyMem_Free
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdio cimport snprintf
from libc.string cimport strlen

from gatewright._native.fault cimport fail_raised
from gatewright._native.number cimport GO_TEXT, float_digits, put_go_g
from gatewright._native.utf8 cimport put_rune
from gatewright._native.value cimport E_INTERNAL
from gatewright._native.writer cimport (
    WRITE_REGO, Out, out_free, out_init, put, put_char, write_string,
)
from gatewright._native.verb cimport Print, pad, write_padding

cdef extern from "Python.h":
    double PyOS_string_to_double(const char*, char**, object) except? -1.0
    char* PyOS_double_to_string(double, char, int, int, int*) except NULL


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
        elif (
            base == 8 and zeros == 0 and not is_zero and not (big and verb == c'O')
        ):
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
    cdef char digits[24]
    cdef int prec = 4
    cdef int n
    cdef int64_t zeros
    cdef Out whole
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
    cdef size_t tail = size, i
    cdef bint point = False, nonzero = False
    cdef bint hexadecimal = verb == c'x' or verb == c'X'
    if verb == c'v' or verb == c'g' or verb == c'G' or verb == c'x':
        digits = prec if prec >= 0 else 6
    put_char(out, num[0])
    for i in range(1, size):
        if (num[i] | 32) == c'p' or ((num[i] | 32) == c'e' and not hexadecimal):
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
        if not float_digits(p.heap, text, size, digits, &n, &exp, &minus):
            return      # who reads the argument asked: memory alone can be at fault
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
    cdef char* shown = NULL
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
    except BaseException as error:
        fail_raised(p.heap, E_INTERNAL, b"", error)


cdef str binary_form(double value, char verb, object prec):
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
