# Calls that are made together, and how the lines of an answer begin.

from libc.stdint cimport uint32_t

ctypedef struct Entry:
    uint32_t program        # its first entry point is called
    uint32_t document       # the parameters
    uint32_t rank           # where its lines come in the answer
    uint32_t parts          # of the answer that take them: 1 the first, 2 the second
    uint32_t head_size
    const char* head        # before each message

cdef class Roster:
    cdef readonly uint32_t count
    cdef readonly bint spoken       # every call's violations have lines
    cdef Entry* entries
    cdef list texts                 # keeps the heads
