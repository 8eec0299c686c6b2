# UTF-8 as Go reads it: each byte that starts no valid sequence is one U+FFFD.

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

cdef enum:
    RUNE_ERROR = 0xFFFD

# The code point at `p` (`left` > 0 bytes remain); returns its width in bytes
cdef inline uint32_t rune_at(
    const uint8_t* p, size_t left, uint32_t* rune
) noexcept nogil:
    cdef uint32_t c = p[0]
    cdef uint32_t second
    if c < 0x80:
        rune[0] = c
        return 1
    rune[0] = RUNE_ERROR
    if c < 0xC2 or c > 0xF4 or left < 2:
        return 1
    second = p[1]
    if (second & 0xC0) != 0x80:
        return 1
    if c < 0xE0:
        rune[0] = (c & 0x1F) << 6 | (second & 0x3F)
        return 2
    if left < 3 or (p[2] & 0xC0) != 0x80:
        return 1
    if c < 0xF0:
        if (c == 0xE0 and second < 0xA0) or (c == 0xED and second > 0x9F):
            return 1
        rune[0] = (c & 0x0F) << 12 | (second & 0x3F) << 6 | <uint32_t>(p[2] & 0x3F)
        return 3
    if left < 4 or (p[3] & 0xC0) != 0x80:
        return 1
    if (c == 0xF0 and second < 0x90) or (c == 0xF4 and second > 0x8F):
        return 1
    rune[0] = (
        (c & 0x07) << 18
        | (second & 0x3F) << 12
        | <uint32_t>(p[2] & 0x3F) << 6
        | <uint32_t>(p[3] & 0x3F)
    )
    return 4

# True when a sequence of more than one byte, or an ASCII byte, starts at `p`
cdef inline bint rune_is_valid(uint32_t width, uint32_t rune) noexcept nogil:
    return not (width == 1 and rune == RUNE_ERROR)

# Writes a code point (surrogates and beyond as U+FFFD); returns its width
cdef inline uint32_t put_rune(char* out, uint32_t rune) noexcept nogil:
    cdef uint8_t* p = <uint8_t*>out
    if rune < 0x80:
        p[0] = <uint8_t>rune
        return 1
    if rune < 0x800:
        p[0] = <uint8_t>(0xC0 | rune >> 6)
        p[1] = <uint8_t>(0x80 | (rune & 0x3F))
        return 2
    if rune > 0x10FFFF or 0xD800 <= rune < 0xE000:
        rune = RUNE_ERROR
    if rune < 0x10000:
        p[0] = <uint8_t>(0xE0 | rune >> 12)
        p[1] = <uint8_t>(0x80 | (rune >> 6 & 0x3F))
        p[2] = <uint8_t>(0x80 | (rune & 0x3F))
        return 3
    p[0] = <uint8_t>(0xF0 | rune >> 18)
    p[1] = <uint8_t>(0x80 | (rune >> 12 & 0x3F))
    p[2] = <uint8_t>(0x80 | (rune >> 6 & 0x3F))
    p[3] = <uint8_t>(0x80 | (rune & 0x3F))
    return 4

cdef inline bint is_ascii(const char* data, size_t size) noexcept nogil:
    # Eight bytes at a time: the compiler does not do so by itself at -O2
    cdef size_t i = 0
    cdef uint64_t mix = 0, some
    while size - i >= 8:
        memcpy(&some, data + i, 8)
        mix |= some
        i += 8
    while i < size:
        mix |= <uint8_t>data[i]
        i += 1
    return mix & <uint64_t>0x8080808080808080 == 0

# Code points, as utf8.RuneCount counts them
cdef inline size_t count_runes(const char* data, size_t size) noexcept nogil:
    cdef size_t at = 0, n = 0
    cdef uint32_t rune
    if is_ascii(data, size):
        return size
    while at < size:
        at += rune_at(<const uint8_t*>data + at, size - at, &rune)
        n += 1
    return n
