# cython: cdivision=True
"""Reads segments: takes over one epoch after the other, gives views of them.

One thread at a time takes over epochs (`apply`), without the GIL; any number of
threads look at views meanwhile.  What is new is checked before anything is changed:
an epoch that is refused leaves everything as it was.

This file is long because maps, trees and views change together under one lock, and
what an epoch changes is undone in the same terms when it is refused.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, qsort, realloc
from libc.string cimport memcpy, memmove, memset

import os

from gatewright._native.convert cimport Doc, new_doc
from gatewright._native.image cimport digest
from gatewright._native.segment cimport (
    MAX_STEPS, SEGMENT_HEADER, SegmentHead, is_segment,
)
from gatewright._native.survey cimport check_value, survey_close, survey_open
from gatewright._native.value cimport (
    F_SORTED, SEQ_HEADER, STR_HEADER, T_ARR, T_OBJ, T_STR, SeqNode, StrNode, Word,
    compare, load, seal_str, store, str_node, tag,
)

cdef extern from "<sys/mman.h>" nogil:
    void* mmap(void*, size_t, int, int, int, long)
    int munmap(void*, size_t)
    int PROT_READ
    int MAP_SHARED
    void* MAP_FAILED

cdef enum:
    STRETCH = 256           # changes made under one lock: some 50 us
    BULK = 8                # a tree is made anew from a change of 1 in so many
    MAX_SEGMENTS = 1 << 20


class CatalogError(ValueError):
    """An epoch that cannot be taken over: the last one stays."""


cdef inline uint32_t path_hash(const SeqNode* record) noexcept nogil:
    cdef uint64_t h = record.n
    cdef uint32_t i
    for i in range(1, record.n):
        h = (h ^ str_node(load(&record.items[i])).hash) * <uint64_t>0x9E3779B97F4A7C15
        h ^= h >> 32
    return <uint32_t>h


cdef bint has_path(const Map* map, uint64_t offset) noexcept nogil:
    # Can the hash of a path be read at an offset that nobody has checked?
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


cdef int compare_records(const SeqNode* a, const SeqNode* b) noexcept nogil:
    cdef uint32_t n = a.n if a.n < b.n else b.n
    cdef uint32_t i
    cdef int order
    for i in range(1, n):
        order = compare(load(&a.items[i]), load(&b.items[i]))
        if order:
            return order
    return (a.n > b.n) - (a.n < b.n)


cdef int by_path(const void* a, const void* b) noexcept nogil:
    return compare_records((<const SeqNode**>a)[0], (<const SeqNode**>b)[0])


# Levels ----------------------------------------------------------------------

cdef Level* new_level(bint leaf, uint32_t room) noexcept nogil:
    cdef Level* level = <Level*>calloc(1, sizeof(Level))
    if level == NULL:
        return NULL
    level.leaf = leaf
    level.dirty = True
    level.room = room if room else 4
    level.keys = <Word*>malloc(level.room * sizeof(Word))
    if leaf:
        level.documents = <Word*>malloc(level.room * sizeof(Word))
    else:
        level.below = <Level**>malloc(level.room * sizeof(Level*))
    if level.keys == NULL or (level.documents == NULL and level.below == NULL):
        free(level.keys)
        free(level.documents)
        free(level.below)
        free(level)
        return NULL
    return level


cdef uint32_t place_of(const Level* level, Word key, bint* there) noexcept nogil:
    cdef uint32_t low = 0, high = level.n, middle
    cdef int order
    there[0] = False
    while low < high:
        middle = (low + high) >> 1
        order = compare(level.keys[middle], key)
        if order == 0:
            there[0] = True
            return middle
        if order < 0:
            low = middle + 1
        else:
            high = middle
    return low


cdef bint open_place(Level* level, uint32_t at) noexcept nogil:
    # Room for one more at a place; what leads there is the caller's
    cdef uint32_t room = level.room
    cdef void* more
    if level.n == room:
        room *= 2
        more = realloc(level.keys, room * sizeof(Word))
        if more == NULL:
            return False
        level.keys = <Word*>more
        if level.leaf:
            more = realloc(level.documents, room * sizeof(Word))
            if more != NULL:
                level.documents = <Word*>more
        else:
            more = realloc(level.below, room * sizeof(Level*))
            if more != NULL:
                level.below = <Level**>more
        if more == NULL:
            return False
        level.room = room
    memmove(level.keys + at + 1, level.keys + at, (level.n - at) * sizeof(Word))
    if level.leaf:
        memmove(
            level.documents + at + 1,
            level.documents + at,
            (level.n - at) * sizeof(Word),
        )
    else:
        memmove(
            level.below + at + 1, level.below + at, (level.n - at) * sizeof(Level*)
        )
    level.n += 1
    return True


cdef void close_place(Level* level, uint32_t at) noexcept nogil:
    level.n -= 1
    memmove(level.keys + at, level.keys + at + 1, (level.n - at) * sizeof(Word))
    if level.leaf:
        memmove(
            level.documents + at,
            level.documents + at + 1,
            (level.n - at) * sizeof(Word),
        )
    else:
        memmove(
            level.below + at, level.below + at + 1, (level.n - at) * sizeof(Level*)
        )
    level.dirty = True


cdef Word own_key(Word key) noexcept nogil:
    # A copy that does not go with the segment; 0 without memory
    cdef size_t size = STR_HEADER + <size_t>str_node(key).size + 1
    cdef StrNode* out = <StrNode*>malloc(size)
    if out == NULL:
        return 0
    memcpy(out, str_node(key), size)
    return <Word>out | T_STR


cdef Level* build_levels(SeqNode** records, size_t n, uint32_t depth) noexcept nogil:
    # Of records in order, no two of one path; NULL without memory, or where a
    # document lies above others
    cdef size_t first = 0, end
    cdef uint32_t count = 0
    cdef Word key
    cdef Level* level
    cdef bint leaf = records[0].n == depth + 1
    while first < n:
        if (records[first].n == depth + 1) != leaf:
            return NULL
        key = load(&records[first].items[depth])
        end = first + 1
        while end < n and compare(load(&records[end].items[depth]), key) == 0:
            end += 1
        count += 1
        first = end
    level = new_level(leaf, count)
    if level == NULL:
        return NULL
    first = 0
    while first < n:
        key = load(&records[first].items[depth])
        end = first + 1
        while end < n and compare(load(&records[end].items[depth]), key) == 0:
            end += 1
        if leaf:
            level.keys[level.n] = key
            level.documents[level.n] = load(&records[first].items[0])
            level.n += 1
        else:
            level.keys[level.n] = own_key(key)
            level.below[level.n] = build_levels(
                records + first, end - first, depth + 1
            )
            level.n += 1
            if level.keys[level.n - 1] == 0 or level.below[level.n - 1] == NULL:
                free_levels(level)
                return NULL
        first = end
    return level


cdef void free_levels(Level* level) noexcept nogil:
    # With its keys and nodes: no view may use them
    cdef uint32_t i
    if level == NULL:
        return
    if not level.leaf:
        for i in range(level.n):
            if level.keys[i]:
                free(str_node(level.keys[i]))
            free_levels(level.below[i])
    free(level.keys)
    free(level.documents)
    free(level.below)
    free(level.node)
    free(level)


cdef class Watcher:
    """What keeps something up over the entries of a catalog: an index."""

    cdef bint add(self, const uint32_t* entries, size_t n) except -1:
        raise NotImplementedError

    cdef void forget(self, uint32_t entry) noexcept nogil:
        return


# It must still know its catalog when it goes, and is part of no cycle.
@cython.no_gc
@cython.final
cdef class View:
    """The base data of one epoch; it stays as it is while the view lives."""

    def __init__(self):
        raise TypeError("a catalog gives its views")

    def __dealloc__(self):
        if self.pinned:
            self.catalog.unpin(self.epoch)

    def document(self) -> Doc:
        """The tree as a document, which keeps the view."""
        return new_doc(self, self.root)


cdef class Catalog:
    """The segments that a reader has mapped, and the documents in force.

    `name`: where in the base data the tree of them is.
    """

    def __cinit__(self, str name):
        cdef StrNode* key
        text = name.encode()
        pthread_mutex_init(&self.lock, NULL)
        key = <StrNode*>calloc(1, STR_HEADER + len(text) + 1)
        if key == NULL:
            raise MemoryError
        key.size = len(text)
        memcpy(key.data, <const char*>text, len(text))
        self.name = seal_str(key)
        self.watchers = []
        self.entry_room = 64
        self.entry_end = 1
        self.entries = <Entry*>calloc(self.entry_room, sizeof(Entry))
        self.path_mask = 63
        self.paths = <uint32_t*>calloc(self.path_mask + 1, sizeof(uint32_t))
        self.pin_room = 8
        self.pins = <Pin*>malloc(self.pin_room * sizeof(Pin))
        self.empty = <SeqNode*>calloc(1, SEQ_HEADER)
        if (
            self.entries == NULL
            or self.paths == NULL
            or self.pins == NULL
            or self.empty == NULL
        ):
            raise MemoryError
        self.empty.flags = F_SORTED
        self.root = self.new_root()
        if self.root == NULL:
            raise MemoryError

    def __dealloc__(self):
        cdef uint32_t i
        cdef size_t k
        for i in range(self.map_count):
            survey_close(&self.maps[i].survey)
            if self.maps[i].base != NULL:
                munmap(<void*>self.maps[i].base, self.maps[i].room)
        for k in range(self.retired_count):
            free(self.retired[k].memory)
        free_levels(self.top)
        free(self.maps)
        free(self.entries)
        free(self.paths)
        free(self.retired)
        free(self.dead)
        free(self.pins)
        free(self.empty)
        free(self.root)
        if self.name:
            free(str_node(self.name))
        pthread_mutex_destroy(&self.lock)

    def __len__(self):
        return self.count

    # Segments ----------------------------------------------------------------

    def attach(self, uint32_t number, int fd):
        """Maps a segment to read; the descriptor stays the caller's.

        Raises CatalogError if it is none, or its number is taken.
        """
        cdef uint64_t size = os.fstat(fd).st_size
        cdef Map* maps
        cdef Map* map
        cdef void* base
        if number >= MAX_SEGMENTS:
            raise CatalogError(f"segment {number}: no such number")
        if number < self.map_count and self.maps[number].base != NULL:
            raise CatalogError(f"segment {number} is mapped already")
        if number >= self.map_count:
            maps = <Map*>realloc(self.maps, (number + 1) * sizeof(Map))
            if maps == NULL:
                raise MemoryError
            memset(
                maps + self.map_count, 0, (number + 1 - self.map_count) * sizeof(Map)
            )
            self.maps = maps
            self.map_count = number + 1
        if size < SEGMENT_HEADER or size >> 32:
            raise CatalogError(f"segment {number} has a wrong size")
        base = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0)
        if base == MAP_FAILED:
            raise CatalogError(f"segment {number} cannot be mapped")
        if not is_segment(<SegmentHead*>base, number, size):
            munmap(base, size)
            raise CatalogError(f"segment {number} is none, or of another version")
        map = &self.maps[number]
        memset(map, 0, sizeof(Map))
        map.base = <const char*>base
        map.room = size
        map.end = SEGMENT_HEADER
        if not survey_open(&map.survey, map.base, size):
            survey_close(&map.survey)
            munmap(base, size)
            map.base = NULL
            raise MemoryError

    def attached(self, uint32_t number) -> bool:
        """Is a segment mapped?"""
        return number < self.map_count and self.maps[number].base != NULL

    def finish(self, uint32_t number):
        """Frees what checking more of a segment would need: nothing is added to it
        any more."""
        if number < self.map_count:
            survey_close(&self.maps[number].survey)

    # Epochs ------------------------------------------------------------------

    def apply(self, uint64_t epoch, extents, bytes added, bytes removed, dropped=()):
        """Takes over an epoch.

        `extents`: for each segment that grew its number, the offsets where what is
        new begins and ends, and its checksum.  `added`, `removed`: records, each as
        two 32-bit numbers, segment and offset.  A record that is added takes the
        place of one with its path.  `dropped`: segments that nothing is in any more.

        Raises CatalogError, and leaves the last epoch in force.
        """
        cdef const uint32_t* new = <const uint32_t*>PyBytes_AS_STRING(added)
        cdef const uint32_t* old = <const uint32_t*>PyBytes_AS_STRING(removed)
        cdef size_t new_count = len(added) // 8
        cdef size_t old_count = len(removed) // 8
        cdef uint32_t number
        cdef uint64_t first, end, wanted, found
        cdef const char* trouble
        cdef uint32_t* fresh
        cdef SeqNode* root = NULL
        cdef Watcher watcher
        if self.broken is not None:
            raise CatalogError(self.broken)
        if epoch <= self.epoch:
            raise CatalogError(f"epoch {epoch} comes after {self.epoch}")
        for number, first, end, wanted in extents:
            if not self.attached(number) or self.maps[number].survey.sound == NULL:
                raise CatalogError(f"segment {number} is not open")
            if first != self.maps[number].end or end < first or (
                end > self.maps[number].room
            ):
                raise CatalogError(f"segment {number}: something is missing")
            with nogil:
                found = digest(
                    self.maps[number].base + first, end - first, False
                )
            if found != wanted:
                raise CatalogError(
                    f"segment {number} is damaged: its checksum does not match"
                )
            self.maps[number].survey.size = end
        with nogil:
            trouble = self.check(new, new_count)
        if trouble == NULL:
            trouble = self.known(old, old_count)
        if trouble != NULL:
            for number, first, _, _ in extents:
                self.maps[number].survey.size = first
            raise CatalogError(trouble.decode())
        fresh = <uint32_t*>malloc((new_count + 1) * sizeof(uint32_t))
        if fresh == NULL:
            raise MemoryError
        watchers = [one for one in [ref() for ref in self.watchers] if one is not None]
        try:
            with nogil:
                trouble = self.change(epoch, new, new_count, old, old_count, fresh)
            if trouble == NULL:
                for watcher in watchers:
                    if not watcher.add(fresh, new_count):
                        trouble = b"out of memory"
            if trouble == NULL:
                with nogil:
                    if not self.publish(self.top, epoch):
                        trouble = b"out of memory"
                root = self.new_root()
                if root == NULL:
                    trouble = b"out of memory"
        finally:
            free(fresh)
        if trouble != NULL:
            self.broken = trouble.decode()
            raise CatalogError(self.broken)
        pthread_mutex_lock(&self.lock)
        for number, _, end, _ in extents:
            self.maps[number].end = end
        for number in dropped:
            if number < self.map_count:
                self.maps[number].dropped = epoch
        self.retire(self.root, epoch)
        self.root = root
        self.epoch = epoch
        pthread_mutex_unlock(&self.lock)
        self.watchers = [ref for ref in self.watchers if ref() is not None]
        self.reclaim()

    cdef const char* known(self, const uint32_t* records, size_t n) noexcept nogil:
        # Are all of them in force?
        cdef size_t i
        for i in range(n):
            if records[2 * i] >= self.map_count or (
                self.maps[records[2 * i]].base == NULL
            ) or not has_path(&self.maps[records[2 * i]], records[2 * i + 1]):
                return b"a removed record lies nowhere"
            if not self.find(
                record_at(&self.maps[records[2 * i]], records[2 * i + 1])
            ):
                return b"a removed record is not in force"
        return NULL

    cdef const char* check(self, const uint32_t* records, size_t n) noexcept nogil:
        # Nodes, and the form of a record
        cdef size_t i
        cdef uint32_t k
        cdef Word root
        cdef Map* map
        cdef SeqNode* record
        cdef const char* trouble
        for i in range(n):
            if records[2 * i] >= self.map_count:
                return b"a record lies nowhere"
            map = &self.maps[records[2 * i]]
            if (
                map.base == NULL
                or map.dropped
                or records[2 * i + 1] & 7
                or records[2 * i + 1] < SEGMENT_HEADER
            ):
                return b"a record lies nowhere"
            if map.survey.sound == NULL:
                return b"a record lies in a finished segment"
            record = record_at(map, records[2 * i + 1])
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

    cdef uint32_t find(self, const SeqNode* record) noexcept nogil:
        # The entry in force at the path of a record, if it has that very record
        cdef uint32_t id = self.paths[path_hash(record) & self.path_mask]
        while id:
            if self.entries[id].record == record:
                return id
            id = self.entries[id].next
        return 0

    cdef uint32_t at_path(self, const SeqNode* record, uint32_t hash) noexcept nogil:
        cdef uint32_t id = self.paths[hash & self.path_mask]
        while id:
            if self.entries[id].hash == hash and compare_records(
                self.entries[id].record, record
            ) == 0:
                return id
            id = self.entries[id].next
        return 0

    cdef const char* change(
        self, uint64_t epoch, const uint32_t* added, size_t added_count,
        const uint32_t* removed, size_t removed_count, uint32_t* fresh,
    ) noexcept nogil:
        # Entries and levels
        cdef size_t i
        cdef uint32_t id, before
        cdef SeqNode* record
        cdef const char* trouble
        cdef bint bulk = (
            added_count + removed_count > 64
            and (added_count + removed_count) * BULK > self.count
        )
        pthread_mutex_lock(&self.lock)
        for i in range(removed_count):
            if i % STRETCH == STRETCH - 1:
                pthread_mutex_unlock(&self.lock)
                pthread_mutex_lock(&self.lock)
            record = record_at(&self.maps[removed[2 * i]], removed[2 * i + 1])
            id = self.find(record)
            if id == 0:
                continue        # named twice
            self.bury(id, epoch)
            if not bulk:
                self.remove(record, epoch)
        for i in range(added_count):
            if i % STRETCH == STRETCH - 1:
                pthread_mutex_unlock(&self.lock)
                pthread_mutex_lock(&self.lock)
            record = record_at(&self.maps[added[2 * i]], added[2 * i + 1])
            before = self.at_path(record, path_hash(record))
            if before:
                self.bury(before, epoch)
            id = self.new_entry(record, epoch)
            if id == 0:
                pthread_mutex_unlock(&self.lock)
                return b"out of memory"
            fresh[i] = id
            if not bulk:
                trouble = self.insert(record, epoch)
                if trouble != NULL:
                    pthread_mutex_unlock(&self.lock)
                    return trouble
        pthread_mutex_unlock(&self.lock)
        if bulk and not self.rebuild(epoch):
            return b"out of memory, or a document lies above others"
        return NULL

    cdef uint32_t new_entry(self, SeqNode* record, uint64_t epoch) noexcept nogil:
        cdef uint32_t id = self.free_entry
        cdef uint32_t room, mask, i, at
        cdef Entry* entries
        cdef uint32_t* paths
        if id:
            self.free_entry = self.entries[id].next
        else:
            if self.entry_end == self.entry_room:
                room = 2 * self.entry_room
                entries = <Entry*>realloc(self.entries, room * sizeof(Entry))
                if entries == NULL:
                    return 0
                self.entries = entries
                self.entry_room = room
            id = self.entry_end
            self.entry_end += 1
        if self.count > self.path_mask:
            mask = 2 * self.path_mask + 1
            paths = <uint32_t*>calloc(<size_t>mask + 1, sizeof(uint32_t))
            if paths == NULL:
                return 0
            for i in range(self.path_mask + 1):
                at = self.paths[i]
                while at:
                    room = self.entries[at].next
                    self.entries[at].next = paths[self.entries[at].hash & mask]
                    paths[self.entries[at].hash & mask] = at
                    at = room
            free(self.paths)
            self.paths = paths
            self.path_mask = mask
        self.entries[id].record = record
        self.entries[id].born = epoch
        self.entries[id].died = 0
        self.entries[id].hash = path_hash(record)
        at = self.entries[id].hash & self.path_mask
        self.entries[id].next = self.paths[at]
        self.paths[at] = id
        self.count += 1
        return id

    cdef void bury(self, uint32_t id, uint64_t epoch) noexcept nogil:
        # Out of the paths; seen by older views until they go
        cdef Entry* entry = &self.entries[id]
        cdef uint32_t* link = &self.paths[entry.hash & self.path_mask]
        cdef uint32_t* dead
        while link[0] != id:
            link = &self.entries[link[0]].next
        link[0] = entry.next
        entry.next = 0
        entry.died = epoch
        self.count -= 1
        if self.dead_count == self.dead_room:
            self.dead_room = 2 * self.dead_room if self.dead_room else 64
            dead = <uint32_t*>realloc(self.dead, self.dead_room * sizeof(uint32_t))
            if dead == NULL:
                self.dead_room = self.dead_count
                return          # never used again: a leak is all
            self.dead = dead
        self.dead[self.dead_count] = id
        self.dead_count += 1

    cdef bint retire(self, void* memory, uint64_t epoch) noexcept nogil:
        cdef Retired* more
        if memory == NULL:
            return True
        if self.retired_count == self.retired_room:
            self.retired_room = 2 * self.retired_room if self.retired_room else 64
            more = <Retired*>realloc(
                self.retired, self.retired_room * sizeof(Retired)
            )
            if more == NULL:
                self.retired_room = self.retired_count
                return False
            self.retired = more
        self.retired[self.retired_count].memory = memory
        self.retired[self.retired_count].epoch = epoch
        self.retired_count += 1
        return True

    # The tree ----------------------------------------------------------------

    cdef bint publish(self, Level* level, uint64_t epoch) noexcept nogil:
        # The nodes of a level and those below it that changed
        cdef SeqNode* node
        cdef uint32_t i
        if level == NULL or not level.dirty:
            return True
        if not level.leaf:
            for i in range(level.n):
                if not self.publish(level.below[i], epoch):
                    return False
        node = <SeqNode*>malloc(SEQ_HEADER + 2 * <size_t>level.n * sizeof(Word))
        if node == NULL:
            return False
        node.n = level.n
        node.flags = F_SORTED
        for i in range(level.n):
            store(&node.items[2 * i], level.keys[i])
            if level.leaf:
                store(&node.items[2 * i + 1], level.documents[i])
            else:
                store(&node.items[2 * i + 1], <Word>level.below[i].node | T_OBJ)
        pthread_mutex_lock(&self.lock)
        self.retire(level.node, epoch)
        pthread_mutex_unlock(&self.lock)
        level.node = node
        level.dirty = False
        return True

    cdef void drop_level(self, Level* level, uint64_t epoch) noexcept nogil:
        # What views may use waits; the rest is freed.  Under the lock.
        cdef uint32_t i
        if level == NULL:
            return
        if not level.leaf:
            for i in range(level.n):
                self.retire(str_node(level.keys[i]), epoch)
                self.drop_level(level.below[i], epoch)
        self.retire(level.node, epoch)
        free(level.keys)
        free(level.documents)
        free(level.below)
        free(level)

    cdef bint rebuild(self, uint64_t epoch) noexcept nogil:
        # The tree anew, from all entries in force
        cdef SeqNode** records
        cdef size_t n = 0
        cdef uint32_t id
        cdef Level* top = NULL
        if self.count:
            records = <SeqNode**>malloc(self.count * sizeof(SeqNode*))
            if records == NULL:
                return False
            for id in range(1, self.entry_end):
                if self.entries[id].record != NULL and self.entries[id].died == 0:
                    records[n] = self.entries[id].record
                    n += 1
            qsort(records, n, sizeof(SeqNode*), by_path)
            top = build_levels(records, n, 1)
            free(records)
            if top == NULL:
                return False
        pthread_mutex_lock(&self.lock)
        self.drop_level(self.top, epoch)
        pthread_mutex_unlock(&self.lock)
        self.top = top
        return True

    cdef const char* insert(self, SeqNode* record, uint64_t epoch) noexcept nogil:
        cdef Level* level
        cdef Level** place = &self.top
        cdef uint32_t i, at
        cdef bint there
        cdef Word key
        for i in range(1, record.n):
            if place[0] == NULL:
                place[0] = new_level(i == record.n - 1, 0)
                if place[0] == NULL:
                    return b"out of memory"
            level = place[0]
            if level.leaf != (i == record.n - 1):
                return b"a document lies above others"
            level.dirty = True
            key = load(&record.items[i])
            at = place_of(level, key, &there)
            if not there and not open_place(level, at):
                return b"out of memory"
            if level.leaf:
                level.keys[at] = key
                level.documents[at] = load(&record.items[0])
                return NULL
            if not there:
                level.keys[at] = own_key(key)
                level.below[at] = NULL
                if level.keys[at] == 0:
                    close_place(level, at)
                    return b"out of memory"
            place = &level.below[at]
        return NULL

    cdef void remove(self, SeqNode* record, uint64_t epoch) noexcept nogil:
        cdef (Level*)[16] levels
        cdef uint32_t[16] places
        cdef Level* level = self.top
        cdef uint32_t i
        cdef bint there
        for i in range(1, record.n):
            if level == NULL:
                return
            levels[i] = level
            places[i] = place_of(level, load(&record.items[i]), &there)
            if not there:
                return
            level.dirty = True
            level = NULL if level.leaf else level.below[places[i]]
        i = record.n - 1
        while i:
            level = levels[i]
            if not level.leaf:
                self.retire(str_node(level.keys[places[i]]), epoch)
                self.drop_level(level.below[places[i]], epoch)
            close_place(level, places[i])
            if level.n:
                return
            i -= 1
        self.drop_level(self.top, epoch)
        self.top = NULL

    cdef SeqNode* new_root(self) noexcept nogil:
        cdef SeqNode* out = <SeqNode*>malloc(SEQ_HEADER + 2 * sizeof(Word))
        if out != NULL:
            out.n = 1
            out.flags = F_SORTED
            store(&out.items[0], self.name)
            store(
                &out.items[1],
                <Word>(self.top.node if self.top != NULL else self.empty) | T_OBJ,
            )
        return out

    # Views -------------------------------------------------------------------

    def view(self) -> View:
        """The epoch in force."""
        cdef View out = View.__new__(View)
        cdef Pin* pins
        cdef uint32_t i
        cdef bint fine = True
        out.catalog = self
        pthread_mutex_lock(&self.lock)
        out.epoch = self.epoch
        out.root = <Word>self.root | T_OBJ
        for i in range(self.pin_count):
            if self.pins[i].epoch == out.epoch:
                self.pins[i].count += 1
                break
        else:
            if self.pin_count == self.pin_room:
                pins = <Pin*>realloc(self.pins, 2 * self.pin_room * sizeof(Pin))
                if pins != NULL:
                    self.pins = pins
                    self.pin_room *= 2
                else:
                    fine = False
            if fine:
                self.pins[self.pin_count].epoch = out.epoch
                self.pins[self.pin_count].count = 1
                self.pin_count += 1
        pthread_mutex_unlock(&self.lock)
        if not fine:
            raise MemoryError
        out.pinned = True
        return out

    cdef uint64_t oldest(self) noexcept nogil:
        cdef uint64_t found = self.epoch
        cdef uint32_t i
        for i in range(self.pin_count):
            if self.pins[i].epoch < found:
                found = self.pins[i].epoch
        return found

    cdef void unpin(self, uint64_t epoch) noexcept:
        cdef uint32_t i
        cdef bint last = False
        pthread_mutex_lock(&self.lock)
        for i in range(self.pin_count):
            if self.pins[i].epoch == epoch:
                self.pins[i].count -= 1
                if self.pins[i].count == 0:
                    self.pin_count -= 1
                    self.pins[i] = self.pins[self.pin_count]
                    last = True
                break
        pthread_mutex_unlock(&self.lock)
        if last:
            self.reclaim()

    cdef void reclaim(self) noexcept:
        # What no view can see any more
        cdef size_t i, kept = 0
        cdef uint32_t id, k
        cdef uint64_t oldest
        cdef Watcher watcher
        watchers = [one for one in [ref() for ref in self.watchers] if one is not None]
        pthread_mutex_lock(&self.lock)
        oldest = self.oldest()
        for i in range(self.retired_count):
            if self.retired[i].epoch <= oldest:
                free(self.retired[i].memory)
            else:
                self.retired[kept] = self.retired[i]
                kept += 1
        self.retired_count = kept
        kept = 0
        for i in range(self.dead_count):
            id = self.dead[i]
            if self.entries[id].died <= oldest:
                for watcher in watchers:
                    watcher.forget(id)
                self.entries[id].record = NULL
                self.entries[id].next = self.free_entry
                self.free_entry = id
            else:
                self.dead[kept] = id
                kept += 1
        self.dead_count = kept
        for k in range(self.map_count):
            if (
                self.maps[k].base != NULL
                and self.maps[k].dropped
                and self.maps[k].dropped <= oldest
            ):
                munmap(<void*>self.maps[k].base, self.maps[k].room)
                survey_close(&self.maps[k].survey)
                memset(&self.maps[k], 0, sizeof(Map))
        pthread_mutex_unlock(&self.lock)

    @property
    def waiting(self) -> int:
        """How many things wait for older views to go."""
        return self.retired_count + self.dead_count

    @property
    def mapped(self) -> int:
        """Bytes of segments that are mapped."""
        cdef uint64_t total = 0
        cdef uint32_t i
        for i in range(self.map_count):
            if self.maps[i].base != NULL:
                total += self.maps[i].room
        return total
