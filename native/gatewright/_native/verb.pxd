# What Go's fmt does with one verb: flags, padding, and the state of a call.

from libc.stdint cimport int64_t, uint32_t

from gatewright._native.value cimport Heap, Word
from gatewright._native.writer cimport Out

cdef enum Kind:
    A_INT = 0
    A_BIG = 1
    A_FLOAT = 2
    A_STRING = 3

# One operand, as Go sees it
ctypedef struct Arg:
    Kind kind
    int64_t value       # A_INT
    const char* text    # number text; a string's bytes
    size_t size
    char room[24]

# Flags of the verb being printed
ctypedef struct Verb:
    bint sharp
    bint sharp_v
    bint zero
    bint plus
    bint plus_v
    bint minus
    bint space
    bint has_width
    bint has_prec
    int64_t width
    int64_t prec

# The state of one call
ctypedef struct Print:
    Heap* heap
    Out out
    Verb verb
    Word args           # array
    uint32_t count
    bint reordered
    bint good_index

cdef void clear_verb(Verb* verb) noexcept nogil
# Padding by the width's flags; `pad` writes a text that it brings to the width
cdef void write_padding(Print* p, int64_t n) noexcept nogil
cdef void pad(Print* p, const char* text, size_t size) noexcept nogil
# The bytes of the first `prec` code points
cdef size_t truncated(Print* p, const char* text, size_t size) noexcept nogil
