# Segments as a reader has them: mapped, and checked as far as is said.

from libc.stdint cimport uint32_t, uint64_t

from gatewright._native.survey cimport Survey
from gatewright._native.value cimport SeqNode

ctypedef struct Map:
    const char* base            # NULL: not mapped
    uint64_t room
    uint64_t end                # what is before it was found sound
    uint64_t dropped            # epoch from which nothing in it is used, or 0
    Survey survey

cdef inline SeqNode* record_at(const Map* map, uint32_t offset) noexcept nogil:
    return <SeqNode*>(map.base + offset)

# What is wrong with a segment of so many bytes, or NULL
cdef const char* map_open(
    Map* map, uint32_t number, int fd, uint64_t size
) except? NULL
cdef void map_close(Map* map) noexcept nogil
# Can the hash of a path be read at an offset that nobody has checked?
cdef bint has_path(const Map* map, uint64_t offset) noexcept nogil
# What is wrong with a record, its document and its path, or NULL
cdef const char* check_record(Map* map, uint32_t offset) noexcept nogil
