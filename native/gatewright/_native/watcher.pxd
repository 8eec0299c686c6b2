# What keeps something up over the entries of a catalog: an index.
#
# Both functions are pointers, and a catalog refuses a watcher that lacks one: a cdef
# method would have a body here that does nothing, or raises where nothing may raise.

from libc.stdint cimport uint32_t

cdef class Watcher:
    cdef object __weakref__
    # Entries that are new; False: out of memory
    cdef bint (*add)(Watcher self, const uint32_t* entries, size_t n) except -1
    # An entry is nobody's any more; under the catalog's lock
    cdef void (*forget)(Watcher self, uint32_t entry) noexcept nogil
