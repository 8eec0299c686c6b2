# Stacks of walks: they begin on the C stack and move into memory when they grow.

from libc.stdlib cimport free, malloc
from libc.string cimport memcpy


cdef inline void* widened(
    void* frames, const void* shallow, size_t* room, size_t size
) noexcept nogil:
    # The same `room` frames of `size` bytes with room for twice as many; NULL: there is
    # no memory, and `frames` stay as they are.  `shallow`: those on the C stack
    cdef void* more = malloc(2 * room[0] * size)
    if more == NULL:
        return NULL
    memcpy(more, frames, room[0] * size)
    if frames != shallow:
        free(frames)
    room[0] *= 2
    return more
