# Trees over records, for the catalog.
#
# Changes make new nodes for the levels that they touch and leave the old ones to the
# views that still use them: what is retired is freed when no view is that old.

from libc.stdint cimport uint32_t, uint64_t

from gatewright._native.value cimport SeqNode, Word

cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_mutex_t:
        pass
    int pthread_mutex_init(pthread_mutex_t*, const void*)
    int pthread_mutex_destroy(pthread_mutex_t*)
    int pthread_mutex_lock(pthread_mutex_t*)
    int pthread_mutex_unlock(pthread_mutex_t*)

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

ctypedef struct Tree:
    Level* top
    Retired* retired
    size_t retired_room
    size_t retired_count
    pthread_mutex_t* lock       # over what is retired

cdef uint32_t path_hash(const SeqNode* record) noexcept nogil
# By path, step by step
cdef int compare_records(const SeqNode* a, const SeqNode* b) noexcept nogil

cdef void tree_init(Tree* tree, pthread_mutex_t* lock) noexcept nogil
cdef void tree_free(Tree* tree) noexcept nogil
# What is wrong, or NULL.  Under the lock, as removing.
cdef const char* tree_insert(Tree* tree, SeqNode* record) noexcept nogil
cdef void tree_remove(Tree* tree, SeqNode* record, uint64_t epoch) noexcept nogil
# Anew, from all records in force, which it sorts
cdef bint tree_rebuild(
    Tree* tree, SeqNode** records, size_t n, uint64_t epoch
) noexcept nogil
# The nodes of the levels that changed; False without memory
cdef bint tree_publish(Tree* tree, uint64_t epoch) noexcept nogil
# Under the lock; False without memory, and then it leaks
cdef bint tree_retire(Tree* tree, void* memory, uint64_t epoch) noexcept nogil
cdef void tree_reclaim(Tree* tree, uint64_t oldest) noexcept nogil
