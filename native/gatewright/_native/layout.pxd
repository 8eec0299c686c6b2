# Values laid out one after the other, as images and segments have them.
#
# Each node after all that it refers to, equal strings once.  Offsets stand in for
# addresses until a slot is written.

from libc.stdint cimport int64_t, uint32_t, uint64_t

from gatewright._native.value cimport SeqNode, Word

# A sequence that is being copied
ctypedef struct Level:
    SeqNode* seq
    uint32_t at
    uint32_t end
    uint32_t kind
    size_t base                 # its first item on the stack

cdef class Layout:
    cdef char* base
    cdef readonly uint64_t used
    cdef readonly uint64_t room
    cdef object source          # whose memory it is; None: its own, and it grows
    cdef bint shares            # equal sequences are one, too
    cdef uint32_t* places       # open addressing: offset / 8 + 1, 0 for empty
    cdef uint32_t* hashes       # the lowest three bits: the kind
    cdef size_t slots
    cdef size_t count
    cdef Word* stack
    cdef size_t stack_room
    cdef Level* levels
    cdef size_t level_room

    # Offset and tag of an equal node, or the immediate
    cdef Word put(self, Word w) except? 1
    cdef Word put_text(self, const char* data, size_t size) except? 1
    cdef Word put_string(
        self, const char* data, size_t size, uint32_t full, uint32_t runes
    ) except? 1
    # A sequence of what `put` gave
    cdef Word put_items(self, const Word* items, uint32_t n, uint32_t kind) except? 1
    # Offset of so many bytes, cleared
    cdef int64_t reserve(self, size_t size) except -1
    # Offsets of the strings before an offset, in their order
    cdef object strings(self, uint64_t end)
    # Nothing more is put
    cdef void close(self) noexcept
    cdef int grow(self) except -1
    cdef int note(self, size_t at, uint32_t hash, Word w) except -1
    cdef int open(self, Word w, size_t depth, size_t top) except -1
