"""What a call came to, as values of its arena."""

from libc.stdint cimport int64_t, uint32_t

from gatewright._native.frame cimport Collected, Vm
from gatewright._native.value cimport (
    T_OBJ,
    T_SET,
    UNDEFINED as NONE,
    Heap,
    Word,
    from_int,
    heap_alloc,
    item,
    key_at,
    lookup_str,
    new_array,
    new_set,
    seq_node,
    sort_object,
    tag,
)


cdef Word violations_of(Heap* heap, Word found, Word empty) noexcept nogil:
    # Gatekeeper's reading of `violation[r]`: of each r that has a `msg`, [details,
    # msg], in order and once; r is a member, or a key where the rule made an object.
    # NONE: there is none, or failure.
    cdef Word* pairs
    cdef Word pair[2]
    cdef Word member
    cdef uint32_t i, n = 0
    cdef bint keyed = tag(found) == T_OBJ
    if tag(found) != T_SET and not keyed or seq_node(found).n == 0:
        return NONE
    if keyed:
        sort_object(found)
    pairs = <Word*>heap_alloc(heap, seq_node(found).n * sizeof(Word))
    if pairs == NULL:
        return NONE
    for i in range(seq_node(found).n):
        member = key_at(found, i) if keyed else item(found, i)
        pair[1] = lookup_str(member, b"msg", 3)
        if pair[1] == NONE:
            continue
        pair[0] = lookup_str(member, b"details", 7)
        if pair[0] == NONE:
            pair[0] = empty
        pairs[n] = new_array(heap, pair, 2)
        if pairs[n] == NONE:
            return NONE
        n += 1
    return new_set(heap, pairs, n) if n else <Word>NONE


cdef Word collected_of(Heap* heap, const Vm* vm) noexcept nogil:
    # [[kind, message, location], ...]; 0 for none
    cdef Collected* entry = vm.collected
    cdef Word triple[3]
    cdef Word* out
    cdef uint32_t n = 0
    while entry != NULL:
        n += 1
        entry = entry.next
    if n == 0:
        return NONE
    out = <Word*>heap_alloc(heap, n * sizeof(Word))
    if out == NULL:
        return NONE
    n = 0
    entry = vm.collected
    while entry != NULL:
        triple[0] = from_int(<int64_t>entry.kind)
        triple[1] = entry.message
        triple[2] = from_int(entry.location)
        out[n] = new_array(heap, triple, 3) if entry.message != NONE else <Word>NONE
        if out[n] == NONE:
            break
        n += 1
        entry = entry.next
    return new_array(heap, out, n)
