# Referential data as a reader has it: segments mapped, and the tree over them.
#
# Documents lie in segments, which all processes share.  What says which of them are
# there at one time is small and each reader's own: an entry for each, and the nodes
# of the tree above them.

from libc.stdint cimport uint32_t, uint64_t

from gatewright._native.chain cimport Chains, Link
from gatewright._native.mapping cimport Map
from gatewright._native.tree cimport Tree, pthread_mutex_t
from gatewright._native.value cimport SeqNode, Word
from gatewright._native.watcher cimport Watcher

ctypedef struct Entry:
    SeqNode* record             # NULL: free
    uint64_t born               # epochs: seen from `born` on, before `died`
    uint64_t died               # 0: alive
    Link link                   # of the path, or in the list of free ones

ctypedef struct Pin:
    uint64_t epoch
    uint32_t count

cdef class Catalog:
    cdef pthread_mutex_t lock   # over what lookups and views read
    cdef Map* maps
    cdef uint32_t map_count
    cdef Entry* entries         # the first one is never used
    cdef uint32_t entry_room
    cdef uint32_t entry_end
    cdef uint32_t free_entry
    cdef Chains paths           # -> entries
    cdef readonly uint32_t count
    cdef Tree tree
    cdef SeqNode* empty
    cdef SeqNode* root          # {name: the tree}
    cdef Word name
    cdef uint32_t* dead         # entries that died and may still be seen
    cdef size_t dead_room
    cdef size_t dead_count
    cdef Pin* pins
    cdef uint32_t pin_room
    cdef uint32_t pin_count
    cdef readonly uint64_t epoch
    cdef readonly str broken    # why nothing more is taken over
    cdef list watchers          # weak references
    # TypeError for a watcher that lacks a function
    cdef int watch(self, Watcher watcher) except -1
    cdef list watching(self)
    cdef const char* known(self, const uint32_t* records, size_t n) noexcept nogil
    cdef const char* check(self, const uint32_t* records, size_t n) noexcept nogil
    cdef uint32_t find(self, const SeqNode* record) noexcept nogil
    cdef uint32_t at_path(self, const SeqNode* record, uint32_t hash) noexcept nogil
    cdef const char* change(
        self, uint64_t epoch, const uint32_t* added, size_t added_count,
        const uint32_t* removed, size_t removed_count, uint32_t* fresh,
    ) noexcept nogil
    cdef uint32_t new_entry(self, SeqNode* record, uint64_t epoch) noexcept nogil
    cdef void bury(self, uint32_t id, uint64_t epoch) noexcept nogil
    cdef SeqNode* new_root(self) noexcept nogil
    cdef bint rebuild(self, uint64_t epoch) noexcept nogil
    cdef void unpin(self, uint64_t epoch) noexcept
    cdef void reclaim(self, uint64_t oldest) noexcept nogil
    cdef uint64_t oldest(self) noexcept nogil

cdef class View:
    cdef Catalog catalog
    cdef readonly uint64_t epoch
    cdef Word root
    cdef bint pinned

cdef inline bint seen(const Entry* entry, uint64_t epoch) noexcept nogil:
    return entry.born <= epoch and (entry.died == 0 or epoch < entry.died)
