# Numbers by Go's verbs.

from libc.stdint cimport int64_t

from gatewright._native.verb cimport Print

cdef void print_int(Print* p, int64_t value, int base, char verb) noexcept nogil
# The digits of an integer of any size, with sign, prefix, precision and padding
cdef void print_digits(
    Print* p, bint minus, const char* digits, size_t size, int base, char verb,
    bint big,
) noexcept nogil
cdef void print_unicode(Print* p, int64_t value) noexcept nogil     # %U
cdef void print_float(
    Print* p, const char* text, size_t size, char verb
) noexcept nogil
