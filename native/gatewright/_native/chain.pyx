# cython: cdivision=True
"""Hash tables of chains, over items that lie in an array of their owner."""

from libc.stdint cimport uint32_t
from libc.stdlib cimport calloc, free


cdef bint chain_init(Chains* chains) noexcept nogil:
    chains.mask = 63
    chains.count = 0
    chains.heads = <uint32_t*>calloc(64, sizeof(uint32_t))
    return chains.heads != NULL


cdef void chain_free(Chains* chains) noexcept nogil:
    free(chains.heads)


cdef bint grow(Chains* chains, Link* links, size_t stride) noexcept nogil:
    cdef uint32_t mask = 2 * chains.mask + 1
    cdef uint32_t* heads = <uint32_t*>calloc(<size_t>mask + 1, sizeof(uint32_t))
    cdef uint32_t i, at, following
    cdef Link* link
    if heads == NULL:
        return False
    for i in range(chains.mask + 1):
        at = chains.heads[i]
        while at:
            link = link_at(links, stride, at)
            following = link.next
            link.next = heads[link.hash & mask]
            heads[link.hash & mask] = at
            at = following
    free(chains.heads)
    chains.heads = heads
    chains.mask = mask
    return True


cdef bint chain_add(
    Chains* chains, Link* links, size_t stride, uint32_t id
) noexcept nogil:
    cdef Link* link = link_at(links, stride, id)
    cdef uint32_t* head
    if chains.count > chains.mask and not grow(chains, links, stride):
        return False
    head = &chains.heads[link.hash & chains.mask]
    link.next = head[0]
    head[0] = id
    chains.count += 1
    return True


cdef bint chain_remove(
    Chains* chains, Link* links, size_t stride, uint32_t id
) noexcept nogil:
    cdef Link* link = link_at(links, stride, id)
    cdef uint32_t* place = &chains.heads[link.hash & chains.mask]
    while place[0] and place[0] != id:
        place = &link_at(links, stride, place[0]).next
    if place[0] == 0:
        return False
    place[0] = link.next
    link.next = 0
    chains.count -= 1
    return True
