# cython: cdivision=True
"""Lays out values: the only writer of nodes in images and segments.

Nodes are hashed as they are added, children first, so that an equal one that is
there already is taken instead: strings always, sequences where `shares` says so.
"""

from cpython.buffer cimport PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memcpy, memset

from gatewright._native.utf8 cimport count_runes
from gatewright._native.value cimport (
    F_SORTED, NUM_HEADER, SEQ_HEADER, STR_HEADER, T_ARR, T_AUX, T_NUM, T_OBJ, T_STR,
    UNDEFINED, NumNode, SeqNode, StrNode, Word, hash_bytes, load, num_node, seq_node,
    sort_object, str_node, tag,
)

import array

cdef enum:
    KIND = 7                    # of a hash: the bits that are the node's tag
    FIRST_ROOM = 1 << 16


cdef class Layout:
    """Values one after the other, in memory of their own, or in `source`.

    `source`: a writable buffer of zeros (an mmap), of at most 4 GiB; what is put
    begins at `start`.
    """

    def __cinit__(self, source=None, uint64_t start=0, bint shares=False):
        cdef Py_buffer view
        self.shares = shares
        self.used = start
        if source is None:
            self.room = FIRST_ROOM
            self.base = <char*>malloc(self.room)
        else:
            self.source = memoryview(source)
            PyObject_GetBuffer(self.source, &view, PyBUF_WRITABLE)
            self.base = <char*>view.buf
            self.room = view.len
            PyBuffer_Release(&view)
            if self.room < start or self.room >> 32 or <Word>self.base & 7:
                raise ValueError(f"nothing can be laid out in {self.room} bytes")
        self.slots = 4096
        self.places = <uint32_t*>calloc(self.slots, sizeof(uint32_t))
        self.hashes = <uint32_t*>calloc(self.slots, sizeof(uint32_t))
        self.stack_room = 1024
        self.stack = <Word*>malloc(self.stack_room * sizeof(Word))
        self.level_room = 64
        self.levels = <Level*>malloc(self.level_room * sizeof(Level))
        if (
            self.base == NULL
            or self.places == NULL
            or self.hashes == NULL
            or self.stack == NULL
            or self.levels == NULL
        ):
            raise MemoryError

    def __dealloc__(self):
        self.close()
        if self.source is None:
            free(self.base)

    cdef void close(self) noexcept:
        free(self.places)
        free(self.hashes)
        free(self.stack)
        free(self.levels)
        self.places = self.hashes = NULL
        self.stack = NULL
        self.levels = NULL

    cdef object strings(self, uint64_t end):
        cdef size_t i
        found = array.array("Q")
        for i in range(self.slots):
            if self.places[i] and self.hashes[i] & KIND == T_STR and (
                8 * (<uint64_t>self.places[i] - 1) < end
            ):
                found.append(8 * (<uint64_t>self.places[i] - 1))
        return array.array("Q", sorted(found))

    cdef int64_t reserve(self, size_t size) except -1:
        cdef uint64_t at = self.used
        cdef uint64_t room = self.room
        cdef char* base
        size = (size + 7) & ~<size_t>7
        if self.source is not None:
            if size > room - at:
                raise MemoryError("a segment is full")      # `room_for` sees to it
            self.used += size
            return at
        while at + size > room:
            room *= 2
        if room > <uint64_t>1 << 35:
            raise MemoryError("an image holds at most 32 GiB of values")
        if room != self.room:
            base = <char*>realloc(self.base, room)
            if base == NULL:
                raise MemoryError
            self.base = base
            self.room = room
        memset(self.base + at, 0, size)
        self.used += size
        return at

    # What is there already ---------------------------------------------------

    cdef int grow(self) except -1:
        cdef size_t slots = 2 * self.slots
        cdef uint32_t* places = <uint32_t*>calloc(slots, sizeof(uint32_t))
        cdef uint32_t* hashes = <uint32_t*>calloc(slots, sizeof(uint32_t))
        cdef size_t i, at
        if places == NULL or hashes == NULL:
            free(places)
            free(hashes)
            raise MemoryError
        for i in range(self.slots):
            if self.places[i]:
                at = (self.hashes[i] >> 3) & (slots - 1)
                while places[at]:
                    at = (at + 1) & (slots - 1)
                places[at] = self.places[i]
                hashes[at] = self.hashes[i]
        free(self.places)
        free(self.hashes)
        self.places = places
        self.hashes = hashes
        self.slots = slots
        return 0

    cdef int note(self, size_t at, uint32_t hash, Word w) except -1:
        self.places[at] = <uint32_t>((w >> 3) + 1)
        self.hashes[at] = hash
        self.count += 1
        if 2 * self.count > self.slots:
            self.grow()
        return 0

    # Nodes -------------------------------------------------------------------

    cdef Word put_text(self, const char* data, size_t size) except? 1:
        return self.put_string(
            data, size, hash_bytes(data, size), <uint32_t>count_runes(data, size)
        )

    cdef Word put_string(
        self, const char* data, size_t size, uint32_t full, uint32_t runes
    ) except? 1:
        cdef uint32_t hash = full & ~<uint32_t>KIND | T_STR
        cdef size_t at = (hash >> 3) & (self.slots - 1)
        cdef Word here
        cdef StrNode* s
        while self.places[at]:
            if self.hashes[at] == hash:
                here = 8 * (<Word>self.places[at] - 1)
                s = <StrNode*>(self.base + here)
                if s.size == size and memcmp(s.data, data, size) == 0:
                    return here | T_STR
            at = (at + 1) & (self.slots - 1)
        here = <Word>self.reserve(STR_HEADER + size + 1)
        s = <StrNode*>(self.base + here)
        s.size = <uint32_t>size
        s.hash = full
        s.runes = runes
        s.flags = 0
        memcpy(s.data, data, size)
        s.data[size] = 0
        self.note(at, hash, here)
        return here | T_STR

    cdef Word put_items(self, const Word* items, uint32_t n, uint32_t kind) except? 1:
        cdef uint32_t count = n // 2 if kind == T_OBJ else n
        cdef uint64_t h = <uint64_t>count << 8 | kind
        cdef uint32_t hash = 0
        cdef uint32_t i
        cdef size_t at = 0
        cdef SeqNode* seq
        cdef Word w, here
        if self.shares:
            for i in range(n):
                h = (h ^ items[i]) * <uint64_t>0xA0761D6478BD642F
                h ^= h >> 29
            h = (h ^ n) * <uint64_t>0xD6E8FEB86659FD93
            hash = <uint32_t>(h ^ h >> 32) & ~<uint32_t>KIND | kind
            at = (hash >> 3) & (self.slots - 1)
            while self.places[at]:
                here = 8 * (<Word>self.places[at] - 1)
                seq = <SeqNode*>(self.base + here)
                if self.hashes[at] == hash and seq.n == count:
                    for i in range(n):
                        w = seq.items[i]
                        if w & 7 >= 2:
                            w += here + SEQ_HEADER + i * sizeof(Word)
                        if w != items[i]:
                            break
                    else:
                        return here | kind
                at = (at + 1) & (self.slots - 1)
        here = <Word>self.reserve(SEQ_HEADER + <size_t>n * sizeof(Word))
        seq = <SeqNode*>(self.base + here)
        seq.n = count
        seq.flags = 0 if kind == T_ARR else F_SORTED
        for i in range(n):
            w = items[i]
            if w & 7 >= 2:
                w -= here + SEQ_HEADER + i * sizeof(Word)
            seq.items[i] = w
        if self.shares:
            self.note(at, hash, here)
        return here | kind

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
        cdef size_t depth = 0
        cdef size_t top = 0
        cdef size_t size
        cdef Level* level
        cdef NumNode* num
        cdef StrNode* s
        cdef uint32_t kind
        while True:
            # One value
            kind = tag(w)
            if kind == T_STR:
                s = str_node(w)
                w = self.put_string(s.data, s.size, s.hash, s.runes)
            elif kind == T_NUM:
                size = NUM_HEADER + <size_t>num_node(w).size + 1 + num_node(w).digits
                num = num_node(w)
                w = <Word>self.reserve(size)
                memcpy(self.base + w, num, size)
                w |= T_NUM
            elif kind == T_AUX or w == UNDEFINED:
                raise ValueError("undefined has no place among values")
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
                w = self.put_items(self.stack + level.base, level.end, level.kind)
                kind = 0
                top = level.base
                depth -= 1
            if depth == 0:
                return w
            level = &self.levels[depth - 1]
            w = load(&level.seq.items[level.at])
