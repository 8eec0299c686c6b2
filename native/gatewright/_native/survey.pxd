# Are the values of an image, or of a segment, sound?

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from gatewright._native.value cimport SeqNode, Word

ctypedef struct Walk:
    SeqNode* seq
    uint32_t at                 # next slot
    uint32_t end
    uint32_t depth              # of the deepest child so far
    uint32_t kind

# What is known of the eight bytes at each offset of the values: which kinds of node
# were found sound there, and how deep they nest.  `size` may grow, up to the room
# that it was opened with: what was found sound stays so.
ctypedef struct Survey:
    const char* base
    uint64_t size
    uint8_t* sound
    uint16_t* depths
    Walk* walks
    uint32_t room

# False when there is no memory; to be closed all the same
cdef bint survey_open(Survey* survey, const char* base, uint64_t room) noexcept nogil
cdef void survey_close(Survey* survey) noexcept nogil
# The node of a root and all below it: what is wrong, or NULL
cdef const char* check_value(Survey* survey, const Word* root) noexcept nogil

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
