# Regular expressions that need no library: ASCII, without captures.
#
# `regex.match` asks only whether a pattern matches somewhere.  For the patterns that
# policies mostly have, an automaton over positions answers that in a few
# nanoseconds a byte; everything else is left to RE2, behind a Python builtin.

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from gatewright._native.value cimport StrNode, Word

cdef enum:
    WORDS = 4                   # of a set of positions
    MAX_POSITIONS = 256
    MAX_BRANCHES = 16
    MAX_NESTING = 24
    CACHE_SLOTS = 256           # at most half of them are used

ctypedef struct Bits:
    uint64_t w[4]

# One alternative of the whole pattern
ctypedef struct Branch:
    bint from_start             # ^
    bint to_end                 # $
    bint nullable
    uint32_t width              # words in use
    uint32_t count              # positions
    Bits first
    Bits last
    Bits* follow                # by position
    Bits* reads                 # by byte below 128: the positions that take it

ctypedef struct Pattern:
    uint32_t count
    Branch branches[16]

# Patterns of one evaluation, by the address of their text; only for texts that stay
# where they are, as those of an image do
ctypedef struct Known:
    const StrNode* text
    Pattern* pattern            # NULL: not one of ours

ctypedef struct PatternCache:
    const char* base            # where such texts lie
    uint64_t size
    uint32_t count
    Known slots[256]

# NULL: not one of ours (or faulty, or out of memory)
cdef Pattern* pattern_new(const char* text, uint32_t size) noexcept nogil
cdef void pattern_free(Pattern* pattern) noexcept nogil
# Whether it matches somewhere in an ASCII text
cdef bint pattern_matches(
    const Pattern* pattern, const char* text, uint32_t size
) noexcept nogil

# Whether it matches: true, false, or UNDEFINED where RE2 must be asked
cdef Word cached_match(
    PatternCache* cache, const StrNode* pattern, const StrNode* text
) noexcept nogil
cdef void cache_free(PatternCache* cache) noexcept nogil
