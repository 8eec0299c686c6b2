# cython: cdivision=True
"""OPA's arithmetic.

Integers are exact.  All else is done as Go's big.Float does it with a mantissa of
64 bits (OPA's builtins use no other), in Python integers: rare enough to be plain,
and no C type has that mantissa on every machine.
"""

from libc.stdint cimport int64_t, uint32_t

from gatewright._native.fault cimport fail_raised
from gatewright._native.value cimport (
    E_BUILTIN, E_INTERNAL, E_MEMORY, T_INT, T_NUM, UNDEFINED, Decimal, Heap, NumNode,
    Word, as_int, decimal_of, fail, from_int, new_int, new_number, num_node, tag,
)
from gatewright._native.number cimport digits_text, int_text, int_value, integer_of
from gatewright._native.work cimport afford

cdef extern from *:
    bint mul_overflows "__builtin_mul_overflow"(int64_t, int64_t, int64_t*) nogil

# Decimal exponents beyond are refused: exact results would have as many digits
cdef enum:
    MAX_EXPONENT = 40000
    SLOW = 400          # steps of an operation in Python integers: some 1.6 us


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
        text = digits_text(mantissa << power)
        exponent = len(text)
    else:
        text = digits_text(mantissa * 5 ** -power)
        exponent = len(text) + power
    return text.rstrip("0"), exponent


cdef round_digits(digits, exponent, n, up):
    """The first n digits, the last one raised by 1 if `up`."""
    head = digits[:n]
    if up:
        raised = digits_text(int_value(head) + 1)
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
        mark = "-" if e < 0 else "+"
        return f"{sign}{digits[0]}{point}{digits[1:]}e{mark}{abs(e):02d}"
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


cdef shortened(value):
    """An integer by way of a float of 64 bits, as OPA 1.17 reads one."""
    mantissa, power = round_float(abs(value), 1, 64)
    rounded = mantissa << power if power >= 0 else mantissa >> -power
    return -rounded if value < 0 else rounded


cdef by_float(Word w):
    """The int that a number is as a float of 64 bits, None when it is none."""
    minus, mantissa, power = binary_float(w)
    if power < 0:
        if mantissa & ((1 << -power) - 1):
            return None
        mantissa, power = mantissa >> -power, 0
    value = mantissa << power
    return -value if minus else value


cdef bint few_digits(Word w):
    # What OPA 1.17 reckons as ints, the zero of -0 too: below 1000, and only digits
    cdef uint32_t at
    if tag(w) == T_NUM:
        for at in range(num_node(w).size):
            if not (
                c'0' <= num_node(w).text[at] <= c'9'
                or (at == 0 and num_node(w).text[0] in (c'-', c'+'))
            ):
                return False
    value = whole(w)
    return value is not None and -1000 < value < 1000


cdef Word from_text(Heap* heap, text):
    data = text.encode("ascii")
    return new_number(heap, <const char*>data, len(data))


cdef Word binary(Heap* heap, Operation op, Word a, Word b) except? 0:
    x = whole(a)
    y = whole(b)
    if heap.older:
        if op == OP_REM:
            x, y = by_float(a), by_float(b)
            if y is not None and not y & ((1 << 64) - 1):
                y = 0
        elif op != OP_DIV and not (few_digits(a) and few_digits(b)):
            x = None
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


cdef void report(Heap* heap, error) noexcept:
    if isinstance(error, NumberError):
        fail_raised(heap, E_BUILTIN, b"", error)
    elif isinstance(error, OverflowError):
        fail(heap, E_MEMORY, b"out of memory")
    else:
        # Multiplying long numbers looks at signals, so an interrupt may come here too
        fail_raised(heap, E_INTERNAL, b"", error)


cdef int64_t digits_of(Word w) noexcept nogil:
    return num_node(w).size if tag(w) == T_NUM else 0


cdef Word slow_binary(Heap* heap, Operation op, Word a, Word b) noexcept with gil:
    if not afford(SLOW + digits_of(a) + digits_of(b)):
        return UNDEFINED
    try:
        return binary(heap, op, a, b)
    except BaseException as error:
        report(heap, error)
    return UNDEFINED


cdef Word slow_unary(Heap* heap, Operation op, Word a) noexcept with gil:
    if not afford(SLOW + digits_of(a)):
        return UNDEFINED
    try:
        return unary(heap, op, a)
    except BaseException as error:
        report(heap, error)
    return UNDEFINED


cdef is_int64(value):
    return -(1 << 63) <= value < 1 << 63


cdef Word fold_python(
    Heap* heap, Operation op, const Word* items, uint32_t n
) except? 0:
    cdef uint32_t i
    total = 1 if op == OP_MUL else 0
    for i in range(n):
        if not afford(SLOW + digits_of(items[i])):
            return UNDEFINED
        value = whole(items[i])
        if value is None or (heap.older and (op == OP_MUL or not is_int64(value))):
            break
        total = total * value if op == OP_MUL else total + value
        if total.bit_length() > 200000:
            raise NumberError("number too big")
    else:
        if heap.older:      # an int, which goes round
            total = (total + (1 << 63)) % (1 << 64) - (1 << 63)
        return from_text(heap, int_text(total))
    # OPA multiplies into a float64 (53 bits), and adds into a new big.Float
    prec = 53 if op == OP_MUL and not heap.older else 64
    running = (False, 1, 0) if op == OP_MUL else (False, 0, 0)
    for i in range(n):
        if not afford(SLOW + digits_of(items[i])):
            return UNDEFINED
        running = combine(op, running, binary_float(items[i]), prec)
    minus, mantissa, power = running
    return from_text(heap, float_text(minus, mantissa, power, prec))


cdef Word slow_fold(
    Heap* heap, Operation op, const Word* items, uint32_t n
) noexcept with gil:
    try:
        return fold_python(heap, op, items, n)
    except BaseException as error:
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
