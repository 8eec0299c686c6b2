# Referential data as a reader has it: segments mapped, and the tree over them.
#
# Documents lie in segments, which all processes share.  What says which of them are
# there at one time is small and each reader's own: an entry for each, and the nodes
# of the tree above them.  Changes make new nodes for the levels that they touch and
# leave the old ones to the views that still use them.

from libc.stdint cimport uint32_t, uint64_t

from gatewright._native.survey cimport Survey
from gatewright._native.value cimport SeqNode, Word

cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_mutex_t:
        pass
    int pthread_mutex_init(pthread_mutex_t*, const void*)
    int pthread_mutex_destroy(pthread_mutex_t*)
    int pthread_mutex_lock(pthread_mutex_t*)
    int pthread_mutex_unlock(pthread_mutex_t*)

ctypedef struct Map:
    const char* base            # NULL: not mapped
    uint64_t room
    uint64_t end                # what is before it was found sound
    uint64_t dropped            # epoch from which nothing in it is used, or 0
    Survey survey

ctypedef struct Entry:
    SeqNode* record             # NULL: free
    uint64_t born               # epochs: seen from `born` on, before `died`
    uint64_t died               # 0: alive
    uint32_t hash               # of the path
    uint32_t next               # of the same hash, or free; 0: none

# A level of the tree: sorted keys, and what they lead to
ctypedef struct Level:
    uint32_t n
    uint32_t room
    bint leaf                   # leads to documents
    bint dirty                  # differs from `node`
    Word* keys                  # of inner levels: copies of their own
    Word* documents             # leaf
    Level** below               # inner
    SeqNode* node               # as views see it

ctypedef struct Retired:
    void* memory
    uint64_t epoch              # unused from then on

ctypedef struct Pin:
    uint64_t epoch
    uint32_t count

cdef class Watcher:
    cdef object __weakref__
    # Entries that are new; an exception or False: out of memory
    cdef bint add(self, const uint32_t* entries, size_t n) except -1
    # An entry is nobody's any more; under the catalog's lock
    cdef void forget(self, uint32_t entry) noexcept nogil

cdef class Catalog:
    cdef pthread_mutex_t lock   # over what lookups and views read
    cdef Map* maps
    cdef uint32_t map_count
    cdef Entry* entries         # the first one is never used
    cdef uint32_t entry_room
    cdef uint32_t entry_end
    cdef uint32_t free_entry
    cdef uint32_t* paths        # hash -> entry
    cdef uint32_t path_mask
    cdef readonly uint32_t count
    cdef Level* top
    cdef SeqNode* empty
    cdef SeqNode* root          # {name: the tree}
    cdef Word name
    cdef Retired* retired
    cdef size_t retired_room
    cdef size_t retired_count
    cdef uint32_t* dead         # entries that died and may still be seen
    cdef size_t dead_room
    cdef size_t dead_count
    cdef Pin* pins
    cdef uint32_t pin_room
    cdef uint32_t pin_count
    cdef readonly uint64_t epoch
    cdef readonly str broken    # why nothing more is taken over
    cdef list watchers          # weak references
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
    cdef bint retire(self, void* memory, uint64_t epoch) noexcept nogil
    cdef SeqNode* new_root(self) noexcept nogil
    cdef bint publish(self, Level* level, uint64_t epoch) noexcept nogil
    cdef bint rebuild(self, uint64_t epoch) noexcept nogil
    cdef void drop_level(self, Level* level, uint64_t epoch) noexcept nogil
    cdef const char* insert(self, SeqNode* record, uint64_t epoch) noexcept nogil
    cdef void remove(self, SeqNode* record, uint64_t epoch) noexcept nogil
    cdef void unpin(self, uint64_t epoch) noexcept
    cdef void reclaim(self) noexcept
    cdef uint64_t oldest(self) noexcept nogil

cdef class View:
    cdef Catalog catalog
    cdef readonly uint64_t epoch
    cdef Word root
    cdef bint pinned

cdef inline SeqNode* record_at(const Map* map, uint32_t offset) noexcept nogil:
    return <SeqNode*>(map.base + offset)

cdef inline bint seen(const Entry* entry, uint64_t epoch) noexcept nogil:
    return entry.born <= epoch and (entry.died == 0 or epoch < entry.died)

# By path, step by step
cdef int compare_records(const SeqNode* a, const SeqNode* b) noexcept nogil
