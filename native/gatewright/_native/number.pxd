# Numbers: Go's text forms.

from libc.stdint cimport int64_t, uint32_t
from gatewright._native.value cimport Decimal, Heap, Word

cdef enum:
    GO_TEXT = 400       # room that any text below fits in

# The text of a number: in its node, or written to `room` (24 bytes)
cdef size_t number_text(Word w, char* room, const char** text) noexcept nogil
# True when mathematically an integer; then `out` if it fits 63 bits, else `big`
cdef bint integer_of(Word w, int64_t* out, bint* big) noexcept nogil
# strconv.FormatFloat(0.d1d2... x 10^exp, 'g', -1, 64); returns the size
cdef size_t put_go_g(
    char* out, const char* digits, uint32_t n, int64_t exp, bint minus
) noexcept nogil
# What strconv.ParseFloat takes (of decimals): +1_0., .5, 1e3
cdef bint is_float_syntax(const char* text, size_t size) noexcept nogil
# Number text through float64 to Go's text; E_SYNTAX when out of its range
cdef Word review_number(Heap* heap, const char* text, size_t size) noexcept nogil
# Shortest digits (room for 24) of the float64 nearest to a number.  False: overflow,
# or without memory, which is then an error of the heap
cdef bint float_digits(
    Heap* heap,
    const char* text,
    size_t size,
    char* digits,
    uint32_t* n,
    int64_t* exp,
    bint* minus,
) noexcept nogil
cdef object digits_text(object value)   # str(), for natural numbers of any size
cdef object int_text(object value)      # str(), for ints of any size
cdef object int_value(object digits)    # int() of decimal digits of any number
