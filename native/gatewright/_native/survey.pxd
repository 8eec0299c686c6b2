# Are the values of an image sound?

from libc.stdint cimport uint64_t

from gatewright._native.value cimport Word

# Checks all nodes that the roots (the last one may be undefined) and the table of
# known strings reach: what is wrong, or NULL.  Everything is read here before any
# of it is used, so nothing is trusted but that memory from `values` to
# `values + size` can be read.
cdef const char* check_values(
    const char* values,
    uint64_t size,
    const Word* roots,
    uint64_t root_count,
    const Word* known,
    uint64_t known_count,
) noexcept nogil
