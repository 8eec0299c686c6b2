# cython: cdivision=True
"""Numbers: Go's text forms, and OPA's arithmetic.

Integers are exact.  All else is done as Go's big.Float does it with a mantissa of
64 bits (OPA's builtins use no other), in Python integers: rare enough to be plain,
and no C type has that mantissa on every machine.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy
from libc.stdio cimport snprintf
from cpython.mem cimport PyMem_Free

from gatewright._native.value cimport (
    E_BUILTIN, E_INTERNAL, E_MEMORY, E_SYNTAX, T_INT, T_NUM, UNDEFINED, Decimal,
    Heap, NumNode, Word, as_int, decimal_of, fail, from_int, load, new_int, new_num_node,
    new_number, num_node, tag,
)

cdef extern from "Python.h":
    double PyOS_string_to_double(const char*, char**, object) except? -1.0
    char* PyOS_double_to_string(double, char, int, int, int*) except NULL

cdef extern from *:
    bint mul_overflows "__builtin_mul_overflow"(int64_t, int64_t, int64_t*) nogil

# Decimal exponents beyond are refused: exact results would have as many digits
cdef enum:
    MAX_EXPONENT = 40000


# Texts -----------------------------------------------------------------------

cdef size_t number_text(Word w, char* room, const char** text) noexcept nogil:
    cdef NumNode* num
    cdef int64_t value
    cdef uint64_t rest
    cdef char* p = room + 24
    if tag(w) == T_NUM:
        num = num_node(w)
        text[0] = num.text
        return num.size
    value = as_int(w)
    rest = <uint64_t>value if value > 0 else 0 - <uint64_t>value
    while True:
        p -= 1
        p[0] = <char>(c'0' + <int>(rest % 10))
        rest //= 10
        if rest == 0:
            break
    if value < 0:
        p -= 1
        p[0] = c'-'
    text[0] = p
    return room + 24 - p


cdef bint integer_of(Word w, int64_t* out, bint* big) noexcept nogil:
    cdef NumNode* num
    cdef const char* digits
    cdef int64_t value = 0
    cdef uint32_t i
    big[0] = False
    if tag(w) == T_INT:
        out[0] = as_int(w)
        return True
    num = num_node(w)
    if num.sign and num.exp < <int64_t>num.digits:
        return False
    if num.exp > 18:
        big[0] = True
        return True
    digits = num.text + num.size + 1
    for i in range(<uint32_t>num.exp):
        value = value * 10 + (digits[i] - c'0' if i < num.digits else 0)
    out[0] = -value if num.sign < 0 else value
    return True


cdef size_t put_go_g(
    char* out, const char* digits, uint32_t n, int64_t exp, bint minus
) noexcept nogil:
    cdef char* p = out
    cdef int64_t i
    cdef int64_t power = exp - 1
    if minus:
        p[0] = c'-'
        p += 1
    if n == 0:
        p[0] = c'0'
        return p + 1 - out
    if power < -4 or power >= 6:
        p[0] = digits[0]
        p += 1
        if n > 1:
            p[0] = c'.'
            memcpy(p + 1, digits + 1, n - 1)
            p += n
        p[0] = c'e'
        p[1] = c'-' if power < 0 else c'+'
        p += 2
        if power < 0:
            power = -power
        return p - out + snprintf(p, 24, "%02lld", <long long>power)
    if exp <= 0:
        p[0] = c'0'
        p[1] = c'.'
        p += 2
        for i in range(-exp):
            p[0] = c'0'
            p += 1
        memcpy(p, digits, n)
        return p + n - out
    for i in range(exp):
        p[0] = digits[i] if i < <int64_t>n else c'0'
        p += 1
    if <int64_t>n > exp:
        p[0] = c'.'
        memcpy(p + 1, digits + exp, n - exp)
        p += 1 + n - exp
    return p - out


cdef bint is_float_syntax(const char* text, size_t size) noexcept nogil:
    # Go's decimal floats: [sign] digits [. digits] [e [sign] digits], with digits on
    # one side of the point at least; underscores between digits
    cdef size_t at = 0, digits = 0
    if at < size and (text[at] == c'+' or text[at] == c'-'):
        at += 1
    while at < size and (c'0' <= text[at] <= c'9' or text[at] == c'_'):
        if text[at] == c'_':
            if not between_digits(text, size, at):
                return False
        else:
            digits += 1
        at += 1
    if at < size and text[at] == c'.':
        at += 1
        while at < size and (c'0' <= text[at] <= c'9' or text[at] == c'_'):
            if text[at] == c'_':
                if not between_digits(text, size, at):
                    return False
            else:
                digits += 1
            at += 1
    if digits == 0:
        return False
    if at < size and (text[at] | 32) == c'e':
        at += 1
        if at < size and (text[at] == c'+' or text[at] == c'-'):
            at += 1
        if at >= size or not (c'0' <= text[at] <= c'9'):
            return False
        while at < size and c'0' <= text[at] <= c'9':
            at += 1
    return at == size


cdef bint between_digits(const char* text, size_t size, size_t at) noexcept nogil:
    return (
        0 < at < size - 1
        and c'0' <= text[at - 1] <= c'9'
        and c'0' <= text[at + 1] <= c'9'
    )


cdef bint short_digits(
    const char* text, size_t size, char* digits, uint32_t* n, int64_t* exp, bint* minus
) noexcept nogil:
    # Decimals of up to 15 digits are their float64's own shortest form, if the
    # float64 is a normal one.  False: another way is needed.
    cdef size_t at = 0
    cdef uint32_t count = 0, zeros = 0
    cdef int64_t power = 0, scale = 0
    cdef bint point = False, down = False
    cdef char c
    minus[0] = size > 0 and text[0] == c'-'
    if minus[0]:
        at = 1
    while at < size:
        c = text[at]
        if c == c'.':
            point = True
        elif c == c'e' or c == c'E':
            break
        elif c == c'0' and count == 0:
            if point:
                scale -= 1
        else:
            if not point:
                scale += 1
            if c == c'0':
                zeros += 1
            else:
                if count + zeros >= 15:
                    return False
                while zeros:
                    digits[count] = c'0'
                    count += 1
                    zeros -= 1
                digits[count] = c
                count += 1
        at += 1
    if at < size:
        at += 1
        if at < size and (text[at] == c'-' or text[at] == c'+'):
            down = text[at] == c'-'
            at += 1
        while at < size:
            if power > 1000000:
                return False
            power = power * 10 + (text[at] - c'0')
            at += 1
        scale += -power if down else power
    if count and not (-300 < scale < 300):
        return False
    n[0] = count
    exp[0] = scale if count else 0
    return True


cdef bint float_digits(
    const char* text, size_t size, char* digits, uint32_t* n, int64_t* exp, bint* minus
) noexcept nogil:
    if short_digits(text, size, digits, n, exp, minus):
        return True
    return long_digits(text, size, digits, n, exp, minus)


cdef bint long_digits(
    const char* text, size_t size, char* digits, uint32_t* n, int64_t* exp, bint* minus
) noexcept with gil:
    cdef double value
    cdef char* shortest
    cdef size_t end = 0
    cdef bint fits
    try:
        copied = text[:size]
        value = PyOS_string_to_double(copied, NULL, OverflowError)
        shortest = PyOS_double_to_string(value, c'r', 0, 0, NULL)
    except OverflowError:
        return False
    while shortest[end]:
        end += 1
    # At most 17 digits: the short way takes them if its limits are lifted
    fits = spelled_digits(shortest, end, digits, n, exp, minus)
    PyMem_Free(shortest)
    return fits


cdef bint spelled_digits(
    const char* text, size_t size, char* digits, uint32_t* n, int64_t* exp, bint* minus
) noexcept nogil:
    # As short_digits, for what PyOS_double_to_string wrote
    cdef size_t at = 0
    cdef uint32_t count = 0
    cdef int64_t power = 0, scale = 0
    cdef bint point = False, down = False
    cdef char c
    minus[0] = text[0] == c'-'
    if minus[0]:
        at = 1
    while at < size and text[at] != c'e':
        c = text[at]
        at += 1
        if c == c'.':
            point = True
            continue
        if count == 0 and c == c'0':
            if point:
                scale -= 1
            continue
        if not point:
            scale += 1
        if count < 24:
            digits[count] = c
            count += 1
    if at < size:
        at += 1
        down = text[at] == c'-'
        at += 1
        while at < size:
            power = power * 10 + (text[at] - c'0')
            at += 1
        scale += -power if down else power
    while count and digits[count - 1] == c'0':
        count -= 1
    n[0] = count
    exp[0] = scale if count else 0
    return True


cdef Word review_number(Heap* heap, const char* text, size_t size) noexcept nogil:
    cdef char digits[32]
    cdef char out[64]
    cdef char message[200]
    cdef uint32_t n
    cdef int64_t exp
    cdef bint minus
    if not float_digits(text, size, digits, &n, &exp, &minus):
        snprintf(
            message, 200,
            "json: cannot unmarshal number %.*s into Go value of type float64",
            <int>(size if size < 100 else 100), text,
        )
        fail(heap, E_SYNTAX, message)
        return UNDEFINED
    size = put_go_g(out, digits, n, exp, minus)
    return new_number(heap, out, size)


# Arithmetic ------------------------------------------------------------------

cdef Word arithmetic(Heap* heap, Operation op, Word a, Word b) noexcept nogil:
    cdef int64_t x, y, z
    if tag(a) == T_INT and tag(b) == T_INT:
        x = as_int(a)
        y = as_int(b)
        if op == OP_PLUS:
            return new_int(heap, x + y)
        if op == OP_MINUS:
            return new_int(heap, x - y)
        if op == OP_MUL:
            if not mul_overflows(x, y, &z):
                return new_int(heap, z)
        elif y == 0:
            if op == OP_DIV:
                fail(heap, E_BUILTIN, "div: divide by zero")
            else:
                fail(heap, E_BUILTIN, "rem: modulo by zero")
            return UNDEFINED
        elif op == OP_REM:
            return from_int(x % y)      # C: the dividend's sign
        elif x != 0 and x % y == 0:
            return new_int(heap, x // y)
    return slow_binary(heap, op, a, b)


cdef Word arithmetic_one(Heap* heap, Operation op, Word a) noexcept nogil:
    cdef int64_t x
    if tag(a) == T_INT:
        x = as_int(a)
        return from_int(-x) if op == OP_ABS and x < 0 else a
    return slow_unary(heap, op, a)


cdef Word fold(Heap* heap, Operation op, const Word* items, uint32_t n) noexcept nogil:
    cdef int64_t total = 1 if op == OP_MUL else 0
    cdef uint32_t i
    for i in range(n):
        if tag(items[i]) != T_INT:
            return slow_fold(heap, op, items, n)
        if op == OP_MUL:
            if mul_overflows(total, as_int(items[i]), &total):
                return slow_fold(heap, op, items, n)
        else:
            if not (-(<int64_t>1 << 61) < total < <int64_t>1 << 61):
                return slow_fold(heap, op, items, n)
            total += as_int(items[i])
    return new_int(heap, total)


class NumberError(ArithmeticError):
    """OPA's text of an arithmetic error, with the builtin's name in front."""


cdef object int_value(object digits):
    # int() refuses more than 4,300 digits (a process-wide limit that is not ours)
    if len(digits) <= 4000:
        return int(digits) if digits else 0
    middle = len(digits) // 2
    return int_value(digits[:middle]) * 10 ** (len(digits) - middle) + int_value(
        digits[middle:]
    )


cdef text_of(value):
    # The digits of a non-negative integer
    if value.bit_length() <= 13000:
        return str(value)
    half = value.bit_length() * 30103 // 200000
    high, low = divmod(value, 10 ** half)
    return text_of(high) + text_of(low).rjust(half, "0")


cdef decimal_parts(Word w):
    """A number as (sign, digits as int, power): sign * digits * 10**power."""
    cdef Decimal d
    decimal_of(w, &d)
    if d.exp > MAX_EXPONENT or d.exp < -MAX_EXPONENT or d.n > <uint32_t>MAX_EXPONENT:
        raise NumberError("number too big")
    return d.sign, int_value((<bytes>d.digits[:d.n]).decode("ascii")), d.exp - d.n


cdef round_float(numerator, denominator, prec):
    """|numerator / denominator| to `prec` bits, half to even: (mantissa, power)."""
    if numerator == 0:
        return 0, 0
    power = numerator.bit_length() - denominator.bit_length() - prec
    if power >= 0:
        denominator <<= power
    else:
        numerator <<= -power
    mantissa, rest = divmod(numerator, denominator)
    if mantissa.bit_length() > prec:
        rest += (mantissa & 1) * denominator
        mantissa >>= 1
        denominator <<= 1
        power += 1
    twice = 2 * rest
    if twice > denominator or (twice == denominator and mantissa & 1):
        mantissa += 1
        if mantissa.bit_length() > prec:
            mantissa >>= 1
            power += 1
    return mantissa, power


cdef binary_float(Word w):
    """A number as a big.Float of 64 bits: (minus, mantissa, power)."""
    cdef bint minus
    sign, digits, power = decimal_parts(w)
    minus = sign < 0 or (sign == 0 and tag(w) == T_NUM and num_node(w).text[0] == c'-')
    if power >= 0:
        mantissa, power = round_float(digits * 10 ** power, 1, 64)
    else:
        mantissa, power = round_float(digits, 10 ** -power, 64)
    return minus, mantissa, power


cdef decimal_digits(mantissa, power):
    """mantissa * 2**power exactly: (digits without trailing zeros, exponent)."""
    if power >= 0:
        text = text_of(mantissa << power)
        exponent = len(text)
    else:
        text = text_of(mantissa * 5 ** -power)
        exponent = len(text) + power
    return text.rstrip("0"), exponent


cdef round_digits(digits, exponent, n, up):
    """The first n digits, the last one raised by 1 if `up`."""
    head = digits[:n]
    if up:
        raised = text_of(int_value(head) + 1)
        if len(raised) > n:
            exponent += 1
        head = raised
    return head.rstrip("0"), exponent


cdef shortest_digits(mantissa, power, prec):
    """The fewest digits that read back as the same float (big.Float.Text's -1)."""
    digits, exponent = decimal_digits(mantissa, power)
    if not digits:
        return "", 0
    # In units of half of the last place
    shift = prec + 1 - mantissa.bit_length()
    fine = mantissa << shift
    lower = decimal_digits(fine - 1, power - shift)[0]
    upper = decimal_digits(fine + 1, power - shift)[0]
    inclusive = fine & 2 == 0
    for i, digit in enumerate(digits):
        low = lower[i] if i < len(lower) else "0"
        high = upper[i] if i < len(upper) else "0"
        down_ok = low != digit or (inclusive and i + 1 == len(lower))
        up_ok = digit != high and (
            inclusive or int(digit) + 1 < int(high) or i + 1 < len(upper)
        )
        if down_ok or up_ok:
            rest = digits[i + 1:]
            if down_ok and up_ok:
                if rest == "5":
                    up = int(digit) & 1 == 1
                else:
                    up = rest >= "5"
            else:
                up = up_ok
            return round_digits(digits, exponent, i + 1, up)
    return digits, exponent


cdef float_text(minus, mantissa, power, prec):
    """OPA's text: integral values in plain digits, others in Go's shortest %g."""
    digits, exponent = shortest_digits(mantissa, power, prec)
    sign = "-" if minus else ""
    if not digits:
        return sign + "0"
    integral = power >= 0 or mantissa % (1 << -power) == 0
    if integral:
        return sign + digits[:exponent].ljust(exponent, "0")
    if exponent - 1 < -4 or exponent - 1 >= 6:
        point = "." if len(digits) > 1 else ""
        e = exponent - 1
        return f"{sign}{digits[0]}{point}{digits[1:]}e{'-' if e < 0 else '+'}{abs(e):02d}"
    if exponent <= 0:
        return f"{sign}0.{'0' * -exponent}{digits}"
    return f"{sign}{digits[:exponent].ljust(exponent, '0')}.{digits[exponent:]}"


cdef combine(op, x, y, prec):
    """One operation on floats (minus, mantissa, power), rounded to `prec` bits.

    Zeros have signs, as they have in Go: 0 / -1 is -0.
    """
    nx, mx, px = x
    ny, my, py = y
    if op == OP_DIV or op == OP_MUL:
        minus = nx != ny
        if op == OP_MUL:
            mantissa, power = round_float(mx * my, 1, prec)
            return minus, mantissa, power + px + py
        if my == 0:
            raise NumberError("div: divide by zero")
        mantissa, power = round_float(mx, my, prec)
        return minus, mantissa, power + px - py
    if op == OP_MINUS:
        ny = not ny
    if mx == 0 and my == 0:
        return nx and ny, 0, 0
    power = min(px, py) if mx and my else px if mx else py
    value = 0
    if mx:
        value += (-mx if nx else mx) << (px - power)
    if my:
        value += (-my if ny else my) << (py - power)
    mantissa, more = round_float(abs(value), 1, prec)
    return value < 0, mantissa, power + more


cdef whole(Word w):
    """A number as an int, None when it is not one."""
    cdef int64_t small
    cdef bint big
    if not integer_of(w, &small, &big):
        return None
    if not big:
        return small
    sign, digits, power = decimal_parts(w)
    return sign * digits * 10 ** power


cdef Word from_text(Heap* heap, text):
    data = text.encode("ascii")
    return new_number(heap, <const char*>data, len(data))


cdef object int_text(object value):
    return "-" + text_of(-value) if value < 0 else text_of(value)


cdef Word binary(Heap* heap, Operation op, Word a, Word b) except? 0:
    x = whole(a)
    y = whole(b)
    if x is not None and y is not None:
        if op == OP_PLUS:
            return from_text(heap, int_text(x + y))
        if op == OP_MINUS:
            return from_text(heap, int_text(x - y))
        if op == OP_MUL:
            return from_text(heap, int_text(x * y))
        if op == OP_REM:
            if y == 0:
                raise NumberError("rem: modulo by zero")
            rest = abs(x) % abs(y)
            return from_text(heap, int_text(-rest if x < 0 else rest))
        if y == 0:
            raise NumberError("div: divide by zero")
        if x != 0 and x % y == 0 and abs(x) < 2 ** 63 and abs(y) < 2 ** 63:
            return from_text(heap, int_text(x // y))
    elif op == OP_REM:
        raise NumberError("rem: modulo on floating-point number")
    minus, mantissa, power = combine(op, binary_float(a), binary_float(b), 64)
    return from_text(heap, float_text(minus, mantissa, power, 64))


cdef Word unary(Heap* heap, Operation op, Word a) except? 0:
    minus, mantissa, power = binary_float(a)
    if op == OP_ABS:
        return from_text(heap, float_text(False, mantissa, power, 64))
    if op == OP_ROUND:
        half = (minus if mantissa else False, 1 << 63, -64)
        minus, mantissa, power = combine(
            OP_PLUS, (minus, mantissa, power), half, 64
        )
    cut = mantissa << power if power >= 0 else mantissa >> -power
    exact = power >= 0 or cut << -power == mantissa
    if minus:
        cut = -cut
    if not exact:
        # OPA's own rules: what truncates to zero counts as not negative
        if op == OP_CEIL and (not minus or cut == 0):
            cut += 1
        elif op == OP_FLOOR and minus and cut != 0:
            cut -= 1
    # The result has as many bits as it needs, but 64 at least
    prec = max(64, abs(cut).bit_length())
    mantissa, power = round_float(abs(cut), 1, prec)
    return from_text(heap, float_text(cut < 0, mantissa, power, prec))


cdef void report(Heap* heap, error):
    if isinstance(error, NumberError):
        fail(heap, E_BUILTIN, str(error).encode())
    elif isinstance(error, (MemoryError, OverflowError)):
        fail(heap, E_MEMORY, b"out of memory")
    else:
        fail(heap, E_INTERNAL, repr(error).encode())


cdef Word slow_binary(Heap* heap, Operation op, Word a, Word b) noexcept with gil:
    try:
        return binary(heap, op, a, b)
    except Exception as error:
        report(heap, error)
    return UNDEFINED


cdef Word slow_unary(Heap* heap, Operation op, Word a) noexcept with gil:
    try:
        return unary(heap, op, a)
    except Exception as error:
        report(heap, error)
    return UNDEFINED


cdef Word fold_python(Heap* heap, Operation op, const Word* items, uint32_t n) except? 0:
    cdef uint32_t i
    total = 1 if op == OP_MUL else 0
    for i in range(n):
        value = whole(items[i])
        if value is None:
            break
        total = total * value if op == OP_MUL else total + value
        if total.bit_length() > 200000:
            raise NumberError("number too big")
    else:
        return from_text(heap, int_text(total))
    # OPA multiplies into a float64 (53 bits), and adds into a new big.Float
    prec = 53 if op == OP_MUL else 64
    running = (False, 1, 0) if op == OP_MUL else (False, 0, 0)
    for i in range(n):
        running = combine(op, running, binary_float(items[i]), prec)
    minus, mantissa, power = running
    return from_text(heap, float_text(minus, mantissa, power, prec))


cdef Word slow_fold(
    Heap* heap, Operation op, const Word* items, uint32_t n
) noexcept with gil:
    try:
        return fold_python(heap, op, items, n)
    except Exception as error:
        report(heap, error)
    return UNDEFINED


cdef object truncated(Word w):
    """A number as an int: integer text exactly, other text as a float cut to one."""
    cdef NumNode* num = num_node(w)
    cdef uint32_t i
    for i in range(num.size):
        if num.text[i] == c'.' or num.text[i] == c'e' or num.text[i] == c'E':
            break
    else:
        return whole(w)
    minus, mantissa, power = binary_float(w)
    cut = mantissa << power if power >= 0 else mantissa >> -power
    return -cut if minus else cut
