# Hash tables of chains over items that lie in an array of their owner.
#
# An item has a `Link`; the first item of the array is never used, so that 0 is none.
# `links`: the link of item 0; `stride`: bytes from one item to the next.

from libc.stdint cimport uint32_t

ctypedef struct Link:
    uint32_t hash
    uint32_t next               # of the same chain; 0: none

ctypedef struct Chains:
    uint32_t* heads
    uint32_t mask
    uint32_t count

cdef inline Link* link_at(Link* links, size_t stride, uint32_t id) noexcept nogil:
    return <Link*>(<char*>links + stride * id)

# The first of the items that may have a hash
cdef inline uint32_t chain_start(const Chains* chains, uint32_t hash) noexcept nogil:
    return chains.heads[hash & chains.mask]

# False without memory
cdef bint chain_init(Chains* chains) noexcept nogil
cdef void chain_free(Chains* chains) noexcept nogil
# Puts in an item, of which `hash` is set; False without memory
cdef bint chain_add(
    Chains* chains, Link* links, size_t stride, uint32_t id
) noexcept nogil
# False if it is not in there
cdef bint chain_remove(
    Chains* chains, Link* links, size_t stride, uint32_t id
) noexcept nogil
