/* Under AddressSanitizer each node of an arena is an island: what is not handed out
   is closed, and a strip behind each node stays closed.  Else nothing. */
#ifndef GATEWRIGHT_FENCE_H
#define GATEWRIGHT_FENCE_H

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define GW_FENCE 16
#define gw_open(p, size) __asan_unpoison_memory_region((p), (size))
#define gw_close(p, size) __asan_poison_memory_region((p), (size))
#else
#define GW_FENCE 0
#define gw_open(p, size) ((void)(p), (void)(size))
#define gw_close(p, size) ((void)(p), (void)(size))
#endif

#endif
