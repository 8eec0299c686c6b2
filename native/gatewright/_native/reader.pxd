# Bytes of JSON to values.
#
# Strict JSON as Go's encoding/json reads it: invalid UTF-8 and lone surrogates
# become U+FFFD, of equal keys the last one wins, nesting stops at MAX_DEPTH.
# Errors have Go's texts; heap.error_at is the offset of the byte at fault.

from libc.stdint cimport uint32_t
from gatewright._native.value cimport Heap, Word

cdef enum ReadMode:
    READ_EXACT = 0      # number text is kept; OPA takes binary exponents to 100,000
    READ_REVIEW = 1     # numbers go through float64, as Gatekeeper's reviews do
    READ_TERM = 2       # exact; keys may be any value, and <1, 2> is a set
    READ_VALID = 3      # as exact, but numbers may be as large as they like
    READ_OBJECT = 4     # as exact, but no numbers beyond float64

# Strings known beforehand (an image's constants), so that keys of a review are
# found by address: open addressing by hash, linear probing, at least one slot empty
ctypedef struct InternTable:
    const Word* slots   # relative words of T_STR, 0 for empty
    uint32_t mask       # slots - 1, a power of two less one

cdef Word read_text(
    Heap* heap, const char* data, size_t size, ReadMode mode, const InternTable* known
) noexcept nogil
# The first value of a stream; `used`: where it ends
cdef Word read_first(
    Heap* heap, const char* data, size_t size, ReadMode mode, size_t* used
) noexcept nogil
cdef Word intern_find(
    const InternTable* known, uint32_t hash, const char* data, size_t size
) noexcept nogil
# Puts a string into a table under construction; the word of its equal if it has one
cdef Word intern_add(Word* slots, uint32_t mask, Word w) noexcept nogil
