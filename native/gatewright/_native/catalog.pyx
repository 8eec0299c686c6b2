# cython: cdivision=True
"""Takes over one epoch of segments after the other, gives views of them.

One thread at a time takes over epochs (`apply`), without the GIL; any number of
threads look at views meanwhile.  What is new is checked before anything is changed:
an epoch that is refused leaves everything as it was.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memset

import os
import weakref

from gatewright._native.chain cimport (
    chain_add, chain_free, chain_init, chain_remove, chain_start,
)
from gatewright._native.document cimport Doc, new_doc
from gatewright._native.image cimport digest
from gatewright._native.mapping cimport (
    Map, check_record, has_path, map_close, map_open, record_at,
)
from gatewright._native.survey cimport survey_close
from gatewright._native.tree cimport (
    Level, compare_records, path_hash, pthread_mutex_destroy, pthread_mutex_init,
    pthread_mutex_lock, pthread_mutex_unlock, tree_free, tree_init, tree_insert,
    tree_publish, tree_rebuild, tree_reclaim, tree_remove, tree_retire,
)
from gatewright._native.value cimport (
    F_SORTED, SEQ_HEADER, STR_HEADER, T_OBJ, SeqNode, StrNode, Word, seal_str, store,
    str_node,
)
from gatewright._native.watcher cimport Watcher

cdef enum:
    STRETCH = 256           # changes made under one lock: some 50 us
    BULK = 8                # a tree is made anew from a change of 1 in so many
    MAX_SEGMENTS = 1 << 20


class CatalogError(ValueError):
    """An epoch that cannot be taken over: the last one stays."""


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
        tree_init(&self.tree, &self.lock)
        self.pin_room = 8
        self.pins = <Pin*>malloc(self.pin_room * sizeof(Pin))
        self.empty = <SeqNode*>calloc(1, SEQ_HEADER)
        if (
            self.entries == NULL
            or not chain_init(&self.paths)
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
        for i in range(self.map_count):
            map_close(&self.maps[i])
        tree_free(&self.tree)
        free(self.maps)
        free(self.entries)
        chain_free(&self.paths)
        free(self.dead)
        free(self.pins)
        free(self.empty)
        free(self.root)
        if self.name:
            free(str_node(self.name))
        pthread_mutex_destroy(&self.lock)

    def __len__(self):
        return self.count

    cdef int watch(self, Watcher watcher) except -1:
        # From now on, for as long as it lives
        if watcher.add == NULL or watcher.forget == NULL:
            raise TypeError(f"{type(watcher).__name__} does not say how it keeps up")
        self.watchers.append(weakref.ref(watcher))
        return 0

    cdef list watching(self):
        return [one for one in [ref() for ref in self.watchers] if one is not None]

    # Segments ----------------------------------------------------------------

    def attach(self, uint32_t number, int fd):
        """Maps a segment to read; the descriptor stays the caller's.

        Raises CatalogError if it is none, or its number is taken.
        """
        cdef uint64_t size = os.fstat(fd).st_size
        cdef Map* maps
        cdef const char* trouble
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
        trouble = map_open(&self.maps[number], number, fd, size)
        if trouble != NULL:
            raise CatalogError(f"segment {number} {trouble.decode()}")

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
        watchers = self.watching()
        try:
            with nogil:
                trouble = self.change(epoch, new, new_count, old, old_count, fresh)
            if trouble == NULL:
                for watcher in watchers:
                    if not watcher.add(watcher, fresh, new_count):
                        trouble = b"out of memory"
            if trouble == NULL:
                with nogil:
                    if not tree_publish(&self.tree, epoch):
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
        tree_retire(&self.tree, self.root, epoch)
        self.root = root
        self.epoch = epoch
        pthread_mutex_unlock(&self.lock)
        self.watchers = [ref for ref in self.watchers if ref() is not None]
        self.sweep()

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
        cdef const char* trouble
        for i in range(n):
            if records[2 * i] >= self.map_count:
                return b"a record lies nowhere"
            trouble = check_record(&self.maps[records[2 * i]], records[2 * i + 1])
            if trouble != NULL:
                return trouble
        return NULL

    cdef uint32_t find(self, const SeqNode* record) noexcept nogil:
        # The entry in force at the path of a record, if it has that very record
        cdef uint32_t id = chain_start(&self.paths, path_hash(record))
        while id:
            if self.entries[id].record == record:
                return id
            id = self.entries[id].link.next
        return 0

    cdef uint32_t at_path(self, const SeqNode* record, uint32_t hash) noexcept nogil:
        cdef uint32_t id = chain_start(&self.paths, hash)
        while id:
            if self.entries[id].link.hash == hash and compare_records(
                self.entries[id].record, record
            ) == 0:
                return id
            id = self.entries[id].link.next
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
                tree_remove(&self.tree, record, epoch)
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
                trouble = tree_insert(&self.tree, record)
                if trouble != NULL:
                    pthread_mutex_unlock(&self.lock)
                    return trouble
        pthread_mutex_unlock(&self.lock)
        if bulk and not self.rebuild(epoch):
            return b"out of memory, or a document lies above others"
        return NULL

    cdef uint32_t new_entry(self, SeqNode* record, uint64_t epoch) noexcept nogil:
        # 0 without memory
        cdef uint32_t id = self.free_entry
        cdef uint32_t room
        cdef Entry* entries
        if id:
            self.free_entry = self.entries[id].link.next
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
        self.entries[id].record = record
        self.entries[id].born = epoch
        self.entries[id].died = 0
        self.entries[id].link.hash = path_hash(record)
        if not chain_add(&self.paths, &self.entries[0].link, sizeof(Entry), id):
            return 0
        self.count += 1
        return id

    cdef void bury(self, uint32_t id, uint64_t epoch) noexcept nogil:
        # Out of the paths; seen by older views until they go
        cdef uint32_t* dead
        chain_remove(&self.paths, &self.entries[0].link, sizeof(Entry), id)
        self.entries[id].died = epoch
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

    cdef bint rebuild(self, uint64_t epoch) noexcept nogil:
        # The tree anew, from all entries in force
        cdef SeqNode** records
        cdef size_t n = 0
        cdef uint32_t id
        cdef bint fine
        records = <SeqNode**>malloc((self.count + 1) * sizeof(SeqNode*))
        if records == NULL:
            return False
        for id in range(1, self.entry_end):
            if self.entries[id].record != NULL and self.entries[id].died == 0:
                records[n] = self.entries[id].record
                n += 1
        fine = tree_rebuild(&self.tree, records, n, epoch)
        free(records)
        return fine

    cdef SeqNode* new_root(self) noexcept nogil:
        cdef SeqNode* out = <SeqNode*>malloc(SEQ_HEADER + 2 * sizeof(Word))
        cdef Level* top = self.tree.top
        if out != NULL:
            out.n = 1
            out.flags = F_SORTED
            store(&out.items[0], self.name)
            store(
                &out.items[1],
                <Word>(top.node if top != NULL else self.empty) | T_OBJ,
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
        # Views go anywhere, a worker's event loop too: what they leave is freed by the
        # thread that takes over epochs.
        cdef uint32_t i
        pthread_mutex_lock(&self.lock)
        for i in range(self.pin_count):
            if self.pins[i].epoch == epoch:
                self.pins[i].count -= 1
                if self.pins[i].count == 0:
                    self.pin_count -= 1
                    self.pins[i] = self.pins[self.pin_count]
                break
        pthread_mutex_unlock(&self.lock)

    def sweep(self):
        """Frees what no view can see any more, without the GIL.

        `apply` does so at its end; this is for views that go later.  For the thread
        that takes over epochs and makes indexes, and no other.
        """
        cdef size_t i
        cdef uint64_t oldest
        cdef Watcher watcher
        if self.tree.retired_count == 0 and self.dead_count == 0:
            return
        watchers = self.watching()
        pthread_mutex_lock(&self.lock)
        oldest = self.oldest()
        pthread_mutex_unlock(&self.lock)
        for watcher in watchers:
            with nogil:
                pthread_mutex_lock(&self.lock)
                for i in range(self.dead_count):
                    if i % STRETCH == STRETCH - 1:
                        pthread_mutex_unlock(&self.lock)
                        pthread_mutex_lock(&self.lock)
                    if self.entries[self.dead[i]].died <= oldest:
                        watcher.forget(watcher, self.dead[i])
                pthread_mutex_unlock(&self.lock)
        with nogil:
            self.reclaim(oldest)

    cdef void reclaim(self, uint64_t oldest) noexcept nogil:
        cdef size_t i, kept = 0
        cdef uint32_t id, k
        pthread_mutex_lock(&self.lock)
        tree_reclaim(&self.tree, oldest)
        for i in range(self.dead_count):
            id = self.dead[i]
            if self.entries[id].died <= oldest:
                self.entries[id].record = NULL
                self.entries[id].link.next = self.free_entry
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
                map_close(&self.maps[k])
        pthread_mutex_unlock(&self.lock)

    @property
    def waiting(self) -> int:
        """How many things wait for older views to go."""
        return self.tree.retired_count + self.dead_count

    @property
    def mapped(self) -> int:
        """Bytes of segments that are mapped."""
        cdef uint64_t total = 0
        cdef uint32_t i
        for i in range(self.map_count):
            if self.maps[i].base != NULL:
                total += self.maps[i].room
        return total
