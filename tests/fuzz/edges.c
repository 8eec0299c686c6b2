/* Counts the edges that code built with -fsanitize-coverage=trace-pc takes. */
#include <stdint.h>

unsigned char gw_edges[1 << 16];
static __thread uintptr_t before;

void __sanitizer_cov_trace_pc(void) {
    uintptr_t here = (uintptr_t)__builtin_return_address(0) * 0x9E3779B97F4A7C15ULL >> 40;
    gw_edges[(here ^ before) & 0xFFFF] = 1;
    before = here >> 1;
}
