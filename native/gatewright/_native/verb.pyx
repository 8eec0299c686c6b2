# cython: cdivision=True
"""One verb of Go's fmt: flags, and padding to a width."""

from libc.stdint cimport int64_t, uint32_t, uint8_t

from gatewright._native.utf8 cimport count_runes, rune_at
from gatewright._native.writer cimport put, put_char


cdef void clear_verb(Verb* verb) noexcept nogil:
    verb.sharp = verb.sharp_v = verb.zero = verb.plus = verb.plus_v = False
    verb.minus = verb.space = verb.has_width = verb.has_prec = False
    verb.width = verb.prec = 0


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
