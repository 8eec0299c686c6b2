# cython: cdivision=True
"""Writes segments: the only writer of the form that segment.pxd describes.

Nodes are hashed as they are added, children first, so that an equal one that is
there already is taken instead.  The table of hashes is the writer's own and goes
when the segment is full.
"""

from cpython.buffer cimport PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memcpy

from gatewright._native.convert cimport Doc, new_doc, to_str
from gatewright._native.image cimport digest
from gatewright._native.value cimport (
    F_SORTED,
    NUM_HEADER,
    SEQ_HEADER,
    STR_HEADER,
    T_ARR,
    T_AUX,
    T_NUM,
    T_OBJ,
    T_STR,
    UNDEFINED,
    NumNode,
    SeqNode,
    StrNode,
    Word,
    hash_bytes,
    item,
    load,
    num_node,
    seq_node,
    sort_object,
    str_node,
    tag,
)
from gatewright._native.utf8 cimport count_runes
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


ctypedef struct Level:
    SeqNode* seq
    uint32_t at
    uint32_t end
    uint32_t kind
    size_t base                 # its first item on the stack


cdef inline uint32_t mixed(uint64_t h, uint64_t w) noexcept nogil:
    h = (h ^ w) * <uint64_t>0xD6E8FEB86659FD93
    return <uint32_t>(h ^ h >> 32)


def room_for(Doc document not None, path):
    """Bytes that a record takes at most, in a segment of its own."""
    cdef size_t size = unfolded(document.word, <size_t>1 << 40)
    for step in path:
        size += 64 + len(step)
    return SEGMENT_HEADER + 2 * size


cdef class SegmentWriter:
    """Writes one segment into `source`, a writable buffer of zeros (an mmap)."""

    cdef object source
    cdef char* base
    cdef readonly uint64_t room
    cdef readonly uint64_t used
    cdef uint32_t* words        # open addressing: offset + tag, 0 for empty
    cdef uint32_t* hashes
    cdef uint32_t slots
    cdef uint32_t count
    cdef Word* stack
    cdef size_t stack_room
    cdef Level* levels
    cdef size_t level_room

    def __cinit__(self, source, uint32_t number):
        cdef Py_buffer view
        cdef SegmentHead* head
        self.source = memoryview(source)
        PyObject_GetBuffer(self.source, &view, PyBUF_WRITABLE)
        self.base = <char*>view.buf
        self.room = view.len
        PyBuffer_Release(&view)
        if self.room < SEGMENT_HEADER or self.room >> 32 or <Word>self.base & 7:
            raise ValueError(f"no segment fits into {self.room} bytes")
        head = <SegmentHead*>self.base
        memcpy(head.magic, MAGIC, 8)
        head.version = SEGMENT_VERSION
        head.number = number
        head.room = self.room
        self.used = SEGMENT_HEADER
        self.slots = 4096
        self.words = <uint32_t*>calloc(self.slots, sizeof(uint32_t))
        self.hashes = <uint32_t*>calloc(self.slots, sizeof(uint32_t))
        self.stack_room = 1024
        self.stack = <Word*>malloc(self.stack_room * sizeof(Word))
        self.level_room = 64
        self.levels = <Level*>malloc(self.level_room * sizeof(Level))
        if (
            self.words == NULL
            or self.hashes == NULL
            or self.stack == NULL
            or self.levels == NULL
        ):
            raise MemoryError

    def __dealloc__(self):
        self.free_tables()

    cdef void free_tables(self) noexcept:
        free(self.words)
        free(self.hashes)
        free(self.stack)
        free(self.levels)
        self.words = self.hashes = NULL
        self.stack = NULL
        self.levels = NULL

    def close(self):
        """Nothing more is added: what only adding needs is freed."""
        self.free_tables()

    def append(self, Doc document not None, path) -> int:
        """Adds a record; its offset, or 0 when there may be no room for it."""
        cdef Word[16] items
        cdef Level level
        cdef uint32_t i = 1
        if self.words == NULL:
            raise ValueError("the segment is closed")
        if len(path) + 1 > MAX_STEPS:
            raise ValueError("a path of too many steps")
        if room_for(document, path) > self.room - self.used:
            return 0
        items[0] = self.put(document.word)
        for step in path:
            data = step.encode("utf-8", "surrogateescape")
            items[i] = self.put_text(<const char*>data, len(data))
            i += 1
        memcpy(self.stack, items, i * sizeof(Word))
        level.base = 0
        level.end = i
        level.kind = T_ARR
        return self.put_sequence(&level) & ~<Word>7

    def record(self, uint64_t offset):
        """The document and the path of a record."""
        cdef Word w = <Word>(self.base + offset) | T_ARR
        cdef uint32_t i
        path = []
        for i in range(1, seq_node(w).n):
            path.append(to_str(str_node(item(w, i)).data, str_node(item(w, i)).size))
        return new_doc(self, item(w, 0)), tuple(path)

    def digest(self, uint64_t first, uint64_t end) -> int:
        """The checksum of a range of bytes."""
        if first > end or end > self.used:
            raise ValueError("no such range")
        return digest(self.base + first, end - first, False)

    # Nodes -------------------------------------------------------------------

    cdef int grow(self) except -1:
        cdef uint32_t slots = 2 * self.slots
        cdef uint32_t* words = <uint32_t*>calloc(slots, sizeof(uint32_t))
        cdef uint32_t* hashes = <uint32_t*>calloc(slots, sizeof(uint32_t))
        cdef uint32_t i, at
        if words == NULL or hashes == NULL:
            free(words)
            free(hashes)
            raise MemoryError
        for i in range(self.slots):
            if self.words[i]:
                at = self.hashes[i] & (slots - 1)
                while words[at]:
                    at = (at + 1) & (slots - 1)
                words[at] = self.words[i]
                hashes[at] = self.hashes[i]
        free(self.words)
        free(self.hashes)
        self.words = words
        self.hashes = hashes
        self.slots = slots
        return 0

    cdef char* reserve(self, size_t size) except NULL:
        cdef char* out = self.base + self.used
        size = (size + 7) & ~<size_t>7
        if size > self.room - self.used:
            raise MemoryError("a segment is full")      # `room_for` sees to it
        self.used += size
        return out

    cdef Word note(self, uint32_t at, uint32_t hash, Word w) except? 1:
        self.words[at] = <uint32_t>w
        self.hashes[at] = hash
        self.count += 1
        if 2 * self.count > self.slots:
            self.grow()
        return w

    cdef Word put_text(self, const char* data, size_t size) except? 1:
        cdef uint32_t hash = hash_bytes(data, size)
        cdef uint32_t at = hash & (self.slots - 1)
        cdef StrNode* s
        while self.words[at]:
            if self.hashes[at] == hash and self.words[at] & 7 == T_STR:
                s = <StrNode*>(self.base + (self.words[at] & ~<uint32_t>7))
                if s.size == size and memcmp(s.data, data, size) == 0:
                    return self.words[at]
            at = (at + 1) & (self.slots - 1)
        s = <StrNode*>self.reserve(STR_HEADER + size + 1)
        s.size = <uint32_t>size
        s.hash = hash
        s.runes = <uint32_t>count_runes(data, size)
        s.flags = 0
        memcpy(s.data, data, size)
        s.data[size] = 0
        return self.note(at, hash, <Word>(<char*>s - self.base) | T_STR)

    cdef Word put_number(self, Word w) except? 1:
        cdef NumNode* num = num_node(w)
        cdef size_t size = NUM_HEADER + <size_t>num.size + 1 + num.digits
        cdef char* out = self.reserve(size)
        memcpy(out, num, size)
        return <Word>(out - self.base) | T_NUM

    cdef Word put_sequence(self, const Level* level) except? 1:
        # Its items are on the stack
        cdef uint32_t n = level.end
        cdef uint32_t count = n // 2 if level.kind == T_OBJ else n
        cdef const Word* items = self.stack + level.base
        cdef uint64_t h = <uint64_t>count << 8 | level.kind
        cdef uint32_t hash, at, i
        cdef SeqNode* seq
        cdef Word w, here
        for i in range(n):
            h = (h ^ items[i]) * <uint64_t>0xA0761D6478BD642F
            h ^= h >> 29
        hash = mixed(h, n)
        at = hash & (self.slots - 1)
        while self.words[at]:
            if self.hashes[at] == hash and self.words[at] & 7 == level.kind:
                here = self.words[at] & ~<uint32_t>7
                seq = <SeqNode*>(self.base + here)
                if seq.n == count:
                    for i in range(n):
                        w = seq.items[i]
                        if w & 7 >= 2:
                            w += here + SEQ_HEADER + i * sizeof(Word)
                        if w != items[i]:
                            break
                    else:
                        return self.words[at]
            at = (at + 1) & (self.slots - 1)
        seq = <SeqNode*>self.reserve(SEQ_HEADER + <size_t>n * sizeof(Word))
        here = <Word>(<char*>seq - self.base)
        seq.n = count
        seq.flags = 0 if level.kind == T_ARR else F_SORTED
        for i in range(n):
            w = items[i]
            if w & 7 >= 2:
                w -= here + SEQ_HEADER + i * sizeof(Word)
            seq.items[i] = w
        return self.note(at, hash, here | level.kind)

    cdef int open(self, Word w, size_t depth, size_t top) except -1:
        cdef Level* levels
        cdef Level* level
        cdef Word* stack
        cdef size_t need
        if depth == self.level_room:
            levels = <Level*>realloc(
                self.levels, 2 * self.level_room * sizeof(Level)
            )
            if levels == NULL:
                raise MemoryError
            self.levels = levels
            self.level_room *= 2
        if tag(w) == T_OBJ:
            sort_object(w)
        level = &self.levels[depth]
        level.seq = seq_node(w)
        level.at = 0
        level.kind = tag(w)
        level.end = level.seq.n * (2 if level.kind == T_OBJ else 1)
        level.base = top
        need = top + level.end
        if need > self.stack_room:
            need *= 2
            stack = <Word*>realloc(self.stack, need * sizeof(Word))
            if stack == NULL:
                raise MemoryError
            self.stack = stack
            self.stack_room = need
        return 0

    cdef Word put(self, Word w) except? 1:
        # Offset and tag of an equal node, or the immediate
        cdef size_t depth = 0
        cdef size_t top = 0
        cdef Level* level
        cdef uint32_t kind
        while True:
            kind = tag(w)
            if kind == T_STR:
                w = self.put_text(str_node(w).data, str_node(w).size)
            elif kind == T_NUM:
                w = self.put_number(w)
            elif kind == T_AUX or w == UNDEFINED:
                raise ValueError("undefined cannot be part of a segment")
            elif kind >= T_ARR:
                self.open(w, depth, top)
                top += self.levels[depth].end
                depth += 1
            # To the next one that is there to be copied
            while depth:
                level = &self.levels[depth - 1]
                if kind < T_ARR:
                    self.stack[level.base + level.at] = w
                    level.at += 1
                if level.at < level.end:
                    break
                w = self.put_sequence(level)
                kind = 0
                top = level.base
                depth -= 1
            if depth == 0:
                return w
            level = &self.levels[depth - 1]
            w = load(&level.seq.items[level.at])
