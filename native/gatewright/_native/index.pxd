# Indexes over referential data: from a key to the records that may have it.
#
# A plan asks for an index where it goes through documents and then wants a value that
# depends on the document alone to be equal to one that does not.  The values are
# computed once for each document; the index holds their hashes, so what it finds is
# a little too much at times, and never too little: the plan still compares.

from libc.stdint cimport int32_t, uint32_t, uint64_t

from gatewright._native.catalog cimport Catalog, Entry
from gatewright._native.chain cimport Chains, Link
from gatewright._native.frame cimport Vm
from gatewright._native.image cimport Image
from gatewright._native.program cimport Program
from gatewright._native.tree cimport pthread_mutex_t
from gatewright._native.value cimport Heap, SeqNode, Word
from gatewright._native.watcher cimport Watcher

ctypedef struct Item:
    Link link                   # of the hash, or in the list of free ones
    uint32_t entry              # of the catalog
    uint32_t sibling            # the entry's next one

ctypedef struct Index:
    uint32_t program
    uint32_t function
    Word pattern
    Chains chains               # -> items
    Item* items                 # the first one is never used
    uint32_t item_room
    uint32_t item_end
    uint32_t item_count
    uint32_t free_item
    uint32_t* first             # entry -> its first item
    uint32_t first_room
    uint32_t always             # items whose keys are unknown

# What a look-up needs, without the GIL
ctypedef struct Lookup:
    Index* indexes
    uint32_t* starts
    const Program* programs
    pthread_mutex_t* lock
    Entry** entries

cdef class IndexSet(Watcher):
    cdef Lookup lookup
    cdef Catalog catalog
    cdef Image image
    cdef Vm vm
    cdef Heap heap
    cdef Index* indexes
    cdef uint32_t* starts       # program -> its first index
    cdef readonly uint32_t count
    cdef readonly uint64_t failures     # documents whose keys could not be computed
    cdef bint note_entries(self, const uint32_t* entries, size_t n) noexcept
    cdef bint note(
        self, Index* index, uint32_t entry, uint32_t hash, bint always
    ) noexcept nogil
    cdef bint note_record(
        self, Index* index, uint32_t entry, SeqNode* record
    ) noexcept nogil

cdef Word find_records(
    void* finder,
    Heap* heap,
    const Program* program,
    int32_t number,
    Word key,
    uint64_t epoch,
) noexcept nogil
