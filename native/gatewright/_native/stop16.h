/* The scan of a string, 16 bytes at a time: SSE2, or plain words elsewhere. */
#ifndef GATEWRIGHT_STOP16_H
#define GATEWRIGHT_STOP16_H

#include <stdint.h>
#include <string.h>

/* Where a string's plain bytes end: the first of 16 bytes that is a quote, a
   backslash or a control character, else 16.  `high`: a bit for each byte from
   0x80 on (of 16 bits; beyond the stop they do not count). */
#ifdef __SSE2__
#include <emmintrin.h>
static inline int gw_stop16(const uint8_t *p, uint32_t *high) {
    __m128i v = _mm_loadu_si128((const __m128i *)p);
    __m128i quote = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
    __m128i slash = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));
    __m128i control = _mm_cmpeq_epi8(
        _mm_max_epu8(v, _mm_set1_epi8(0x1F)), _mm_set1_epi8(0x1F));
    uint32_t stops = (uint32_t)_mm_movemask_epi8(
        _mm_or_si128(control, _mm_or_si128(quote, slash)));
    *high = (uint32_t)_mm_movemask_epi8(v);
    return __builtin_ctz(stops | 0x10000);
}
#else
static inline uint64_t gw_stops(uint64_t w) {
    /* High bits of the stops; those above the lowest may be wrong (borrows) */
    const uint64_t ones = 0x0101010101010101ULL;
    uint64_t quote = w ^ (ones * 0x22), slash = w ^ (ones * 0x5C);
    return (((quote - ones) & ~quote) | ((slash - ones) & ~slash)
            | ((w - ones * 0x20) & ~w)) & (ones * 0x80);
}
static inline int gw_stop16(const uint8_t *p, uint32_t *high) {
    uint64_t w[2];
    int i;
    *high = 0;
    memcpy(w, p, 16);
    for (i = 0; i < 2; i++) {
        uint64_t bits = w[i] & 0x8080808080808080ULL;
        /* gathers the eight high bits into one byte */
        *high |= (uint32_t)((bits >> 7) * 0x0102040810204080ULL >> 56) << (8 * i);
    }
    for (i = 0; i < 2; i++) {
        uint64_t stops = gw_stops(w[i]);
        if (stops)
            return 8 * i + (__builtin_ctzll(stops) >> 3);
    }
    return 16;
}
#endif

#endif
