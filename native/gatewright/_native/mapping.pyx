# cython: cdivision=True
"""Maps segments to read, and checks what is in them."""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memset

from gatewright._native.segment cimport (
    MAX_STEPS, SEGMENT_HEADER, SegmentHead, is_segment,
)
from gatewright._native.survey cimport check_value, survey_close, survey_open
from gatewright._native.value cimport (
    SEQ_HEADER, STR_HEADER, T_ARR, T_STR, SeqNode, Word, load, tag,
)

cdef extern from "<sys/mman.h>" nogil:
    void* mmap(void*, size_t, int, int, int, long)
    int munmap(void*, size_t)
    int PROT_READ
    int MAP_SHARED
    void* MAP_FAILED


cdef const char* map_open(
    Map* map, uint32_t number, int fd, uint64_t size
) except? NULL:
    cdef void* base
    if size < SEGMENT_HEADER or size >> 32:
        return b"has a wrong size"
    base = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0)
    if base == MAP_FAILED:
        return b"cannot be mapped"
    if not is_segment(<SegmentHead*>base, number, size):
        munmap(base, size)
        return b"is none, or of another version"
    memset(map, 0, sizeof(Map))
    map.base = <const char*>base
    map.room = size
    map.end = SEGMENT_HEADER
    if not survey_open(&map.survey, map.base, size):
        map_close(map)
        raise MemoryError
    return NULL


cdef void map_close(Map* map) noexcept nogil:
    survey_close(&map.survey)
    if map.base != NULL:
        munmap(<void*>map.base, map.room)
    memset(map, 0, sizeof(Map))


cdef bint has_path(const Map* map, uint64_t offset) noexcept nogil:
    cdef const SeqNode* record = <const SeqNode*>(map.base + offset)
    cdef uint64_t at
    cdef uint32_t i
    cdef Word w
    if offset & 7 or offset < SEGMENT_HEADER or offset + SEQ_HEADER > map.end:
        return False
    if record.n < 2 or record.n > MAX_STEPS or (
        record.n * sizeof(Word) > map.end - offset - SEQ_HEADER
    ):
        return False
    for i in range(1, record.n):
        w = record.items[i]
        if (w & 7) != T_STR:
            return False
        at = w + <Word>&record.items[i] - T_STR - <Word>map.base
        if at < SEGMENT_HEADER or at > map.end or map.end - at < STR_HEADER:
            return False
    return True


cdef const char* check_record(Map* map, uint32_t offset) noexcept nogil:
    cdef uint32_t k
    cdef Word root
    cdef SeqNode* record
    cdef const char* trouble
    if (
        map.base == NULL
        or map.dropped
        or offset & 7
        or offset < SEGMENT_HEADER
    ):
        return b"a record lies nowhere"
    if map.survey.sound == NULL:
        return b"a record lies in a finished segment"
    record = record_at(map, offset)
    root = (<Word>record | T_ARR) - <Word>&root
    trouble = check_value(&map.survey, &root)
    if trouble != NULL:
        return trouble
    if record.n < 2 or record.n > MAX_STEPS:
        return b"a record has no path"
    for k in range(1, record.n):
        if tag(load(&record.items[k])) != T_STR:
            return b"a step of a path is no string"
    return NULL
