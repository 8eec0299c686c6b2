# cython: cdivision=True
"""Joins: the elements of a collection of which a part equals a value.

The planner puts `internal.matching` in the place of a loop that goes through a
collection again and again for one comparison (plan/lookups.py); the comparison
itself is still made after it, so what is found may be a little too much.
"""

from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memcpy, memset

from gatewright._native.frame cimport hash_value
from gatewright._native.value cimport (
    E_NONE, T_ARR, T_AUX, T_OBJ, UNDEFINED, Heap, Tag, Word, from_int, heap_alloc, item,
    key_at, lookup, new_array, seq_len, sort_object, tag, value_at,
)
from gatewright._native.work cimport afford

cdef enum:
    PLACES = 16             # collections that have a table at a time
    FEW = 16                # elements up to which they are looked at one by one
    NONE = 0xFFFFFFFF

# The elements of a collection by the hash of their part; in the arena
ctypedef struct Table:
    Word source
    Word path
    uint32_t* heads         # NULL: asked for once only, or no memory
    uint32_t* hashes
    uint32_t* following     # of the same chain, in the order of the collection
    uint32_t mask

ctypedef struct Found:
    Word* words
    size_t n
    size_t room
    Word small[32]


cdef inline Word element_at(Word source, uint32_t i) noexcept nogil:
    return value_at(source, i) if tag(source) == T_OBJ else item(source, i)


cdef inline Word part_of(Word element, Word path) noexcept nogil:
    cdef uint32_t i
    for i in range(seq_len(path)):
        element = lookup(element, item(path, i))
        if element == UNDEFINED:
            break
    return element


cdef bint build(Heap* heap, Table* table) noexcept nogil:
    # Without memory the elements are gone through as ever
    cdef uint32_t n = seq_len(table.source)
    cdef uint32_t slots = 64
    cdef uint32_t i, at
    cdef uint32_t* room
    cdef Word part
    while slots < n:
        slots *= 2
    if not afford(n):
        return False
    room = <uint32_t*>heap_alloc(heap, (slots + 2 * <size_t>n) * sizeof(uint32_t))
    if room == NULL:
        heap.error = E_NONE
        return False
    table.mask = slots - 1
    table.hashes = room + slots
    table.following = table.hashes + n
    memset(room, 0xFF, slots * sizeof(uint32_t))
    i = n
    while i:
        i -= 1
        part = part_of(element_at(table.source, i), table.path)
        if part == UNDEFINED:
            continue
        table.hashes[i] = hash_value(part)
        at = table.hashes[i] & table.mask
        table.following[i] = room[at]
        room[at] = i
    table.heads = room
    return True


cdef Table* table_of(Heap* heap, Word source, Word path) noexcept nogil:
    # From the second time on that a collection is asked about
    cdef Table* tables = <Table*>heap.joins
    cdef Table* one
    if tables == NULL:
        tables = <Table*>heap_alloc(heap, PLACES * sizeof(Table))
        if tables == NULL:
            heap.error = E_NONE
            return NULL
        memset(tables, 0, PLACES * sizeof(Table))
        heap.joins = tables
    one = &tables[((source >> 3) + (path >> 3)) % PLACES]
    if one.source != source or one.path != path:
        one.source = source
        one.path = path
        one.heads = NULL
        return NULL
    if one.heads == NULL and not build(heap, one):
        return NULL
    return one


cdef bint add(
    Heap* heap, Found* found, Word source, uint32_t i, bint keys
) noexcept nogil:
    cdef Word* more
    cdef Word pair[2]
    cdef Word w = element_at(source, i)
    if keys:
        pair[0] = (
            key_at(source, i) if tag(source) == T_OBJ
            else from_int(i) if tag(source) == T_ARR
            else w
        )
        pair[1] = w
        w = new_array(heap, pair, 2)
        if w == UNDEFINED:
            return False
    if found.n == found.room:
        more = <Word*>heap_alloc(heap, 2 * found.room * sizeof(Word))
        if more == NULL:
            return False
        memcpy(more, found.words, found.n * sizeof(Word))
        found.words = more
        found.room *= 2
    found.words[found.n] = w
    found.n += 1
    return True


cdef Word matching(Heap* heap, const Word* args, bint keys) noexcept nogil:
    cdef Word source = args[0], path = args[1]
    cdef Table* table = NULL
    cdef Found found
    cdef Word part
    cdef uint32_t hash, i, n
    cdef Tag kind = tag(source)
    if kind < T_ARR or kind == T_AUX:
        return UNDEFINED
    if kind == T_OBJ:
        sort_object(source)
    n = seq_len(source)
    found.words = found.small
    found.n = 0
    found.room = 32
    hash = hash_value(args[2])
    if n > FEW:
        table = table_of(heap, source, path)
    if table == NULL:
        if not afford(n):
            return UNDEFINED
        for i in range(n):
            part = part_of(element_at(source, i), path)
            if part != UNDEFINED and hash_value(part) == hash:
                if not add(heap, &found, source, i, keys):
                    return UNDEFINED
    else:
        i = table.heads[hash & table.mask]
        while i != NONE:
            if table.hashes[i] == hash and not add(heap, &found, source, i, keys):
                return UNDEFINED
            i = table.following[i]
        if not afford(<int64_t>found.n):
            return UNDEFINED
    return new_array(heap, found.words, <uint32_t>found.n)


cdef Word lib_matching(Heap* heap, const Word* args, int n) noexcept nogil:
    return matching(heap, args, False)


cdef Word lib_matching_keys(Heap* heap, const Word* args, int n) noexcept nogil:
    return matching(heap, args, True)
