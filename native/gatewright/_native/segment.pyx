# cython: cdivision=True
"""Writes segments: the only writer of the form that segment.pxd describes.

Equal nodes are one.  The table that finds them is the writer's own and goes when the
segment is full.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from gatewright._native.convert cimport to_str
from gatewright._native.document cimport Doc, new_doc
from gatewright._native.image cimport digest
from gatewright._native.layout cimport Layout
from gatewright._native.value cimport T_ARR, Word, item, seq_node, str_node
from gatewright._native.work cimport unfolded

cdef const char* MAGIC = b"GWSEGMT\n"


cdef bint is_segment(
    const SegmentHead* head, uint32_t number, uint64_t size
) noexcept nogil:
    return (
        size >= SEGMENT_HEADER
        and memcmp(head.magic, MAGIC, 8) == 0
        and head.version == SEGMENT_VERSION
        and head.number == number
        and head.room == size
    )


def room_for(Doc document not None, path):
    """Bytes that a record takes at most, in a segment of its own."""
    cdef size_t size = unfolded(document.word, <size_t>1 << 40)
    for step in path:
        size += 64 + len(step)
    return SEGMENT_HEADER + 2 * size


cdef class SegmentWriter:
    """Writes one segment into `source`, a writable buffer of zeros (an mmap)."""

    cdef Layout layout

    def __cinit__(self, source, uint32_t number):
        cdef SegmentHead* head
        self.layout = Layout(source, SEGMENT_HEADER, True)
        head = <SegmentHead*>self.layout.base
        memcpy(head.magic, MAGIC, 8)
        head.version = SEGMENT_VERSION
        head.number = number
        head.room = self.layout.room

    @property
    def room(self) -> int:
        """Bytes of the segment."""
        return self.layout.room

    @property
    def used(self) -> int:
        """Bytes in use, the header included."""
        return self.layout.used

    def close(self):
        """Nothing more is added: what only adding needs is freed."""
        self.layout.close()

    def append(self, Doc document not None, path) -> int:
        """Adds a record; its offset, or 0 when there may be no room for it."""
        cdef Word[16] items
        cdef Layout layout = self.layout
        cdef uint32_t i = 1
        if layout.places == NULL:
            raise ValueError("the segment is closed")
        if len(path) + 1 > MAX_STEPS:
            raise ValueError("a path of too many steps")
        if room_for(document, path) > layout.room - layout.used:
            return 0
        items[0] = layout.put(document.word)
        for step in path:
            data = step.encode("utf-8", "surrogateescape")
            items[i] = layout.put_text(<const char*>data, len(data))
            i += 1
        return layout.put_items(items, i, T_ARR) & ~<Word>7

    def record(self, uint64_t offset):
        """The document and the path of a record."""
        cdef Word w = <Word>(self.layout.base + offset) | T_ARR
        cdef uint32_t i
        path = []
        for i in range(1, seq_node(w).n):
            path.append(to_str(str_node(item(w, i)).data, str_node(item(w, i)).size))
        return new_doc(self, item(w, 0)), tuple(path)

    def digest(self, uint64_t first, uint64_t end) -> int:
        """The checksum of a range of bytes."""
        if first > end or end > self.layout.used:
            raise ValueError("no such range")
        return digest(self.layout.base + first, end - first, False)
