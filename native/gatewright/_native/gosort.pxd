# The order that Go's sort.Slice gives equal elements.

from libc.stdint cimport uint32_t

# Sorts ranks and, along with them, the places where they came from
cdef void go_sort(uint32_t* ranks, uint32_t* places, size_t n) noexcept nogil
