# cython: cdivision=True
"""Numbers as text: Go's forms of them."""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
from libc.stdio cimport snprintf
from cpython.mem cimport PyMem_Free

from gatewright._native.fault cimport fail_raised
from gatewright._native.value cimport (
    E_INTERNAL, E_NONE, E_SYNTAX, T_INT, T_NUM, UNDEFINED, Heap, NumNode, Word,
    as_int, fail, new_number, num_node, tag,
)


cdef extern from "Python.h":
    double PyOS_string_to_double(const char*, char**, object) except? -1.0
    char* PyOS_double_to_string(double, char, int, int, int*) except NULL


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
        memset(p, c'0', -exp)
        p += -exp
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
    if not skip_digits(text, size, &at, &digits):
        return False
    if at < size and text[at] == c'.':
        at += 1
        if not skip_digits(text, size, &at, &digits):
            return False
    if digits == 0:
        return False
    if at < size and (text[at] | 32) == c'e':
        at += 1
        if at < size and (text[at] == c'+' or text[at] == c'-'):
            at += 1
        digits = 0
        if not skip_digits(text, size, &at, &digits) or digits == 0:
            return False
    return at == size


cdef bint skip_digits(
    const char* text, size_t size, size_t* at, size_t* digits
) noexcept nogil:
    # Counts them; False for an underscore that is not between two
    while at[0] < size and (c'0' <= text[at[0]] <= c'9' or text[at[0]] == c'_'):
        if text[at[0]] != c'_':
            digits[0] += 1
        elif not between_digits(text, size, at[0]):
            return False
        at[0] += 1
    return True


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
    Heap* heap,
    const char* text,
    size_t size,
    char* digits,
    uint32_t* n,
    int64_t* exp,
    bint* minus,
) noexcept nogil:
    if short_digits(text, size, digits, n, exp, minus):
        return True
    return long_digits(heap, text, size, digits, n, exp, minus)


cdef bint long_digits(
    Heap* heap,
    const char* text,
    size_t size,
    char* digits,
    uint32_t* n,
    int64_t* exp,
    bint* minus,
) noexcept with gil:
    cdef double value
    cdef char* shortest
    cdef size_t end = 0
    cdef bint fits
    try:
        copied = text[:size].replace(b"_", b"")     # Go's digit separators
        value = PyOS_string_to_double(copied, NULL, OverflowError)
        shortest = PyOS_double_to_string(value, c'r', 0, 0, NULL)
    except OverflowError:
        return False
    except BaseException as error:
        fail_raised(heap, E_INTERNAL, b"", error)
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
    if not float_digits(heap, text, size, digits, &n, &exp, &minus):
        if heap.error != E_NONE:
            return UNDEFINED
        snprintf(
            message, 200,
            "json: cannot unmarshal number %.*s into Go value of type float64",
            <int>(size if size < 100 else 100), text,
        )
        fail(heap, E_SYNTAX, message)
        return UNDEFINED
    size = put_go_g(out, digits, n, exp, minus)
    return new_number(heap, out, size)


cdef object int_value(object digits):
    # int() refuses more than 4,300 digits (a process-wide limit that is not ours)
    if len(digits) <= 4000:
        return int(digits) if digits else 0
    middle = len(digits) // 2
    return int_value(digits[:middle]) * 10 ** (len(digits) - middle) + int_value(
        digits[middle:]
    )


cdef object digits_text(object value):
    # The digits of a non-negative integer
    if value.bit_length() <= 13000:
        return str(value)
    half = value.bit_length() * 30103 // 200000
    high, low = divmod(value, 10 ** half)
    return digits_text(high) + digits_text(low).rjust(half, "0")


cdef object int_text(object value):
    return "-" + digits_text(-value) if value < 0 else digits_text(value)
