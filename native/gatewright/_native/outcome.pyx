"""What a call came to, as values of its arena."""

from libc.stdint cimport int64_t, uint32_t

from gatewright._native.convert cimport to_str
from gatewright._native.document cimport new_doc
from gatewright._native.frame cimport MAX_LISTED, Collected, Vm
from gatewright._native.program cimport Location, Program, constant
from gatewright._native.value cimport (
    T_OBJ,
    T_SET,
    T_STR,
    UNDEFINED as NONE,
    Heap,
    Word,
    as_int,
    from_int,
    heap_alloc,
    item,
    key_at,
    lookup_str,
    new_array,
    new_set,
    seq_node,
    sort_object,
    str_node,
    tag,
)

cdef enum:
    LONGEST = 80            # characters of a value that a conflict shows


cdef str word_text(Word w):
    return to_str(str_node(w).data, str_node(w).size)


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


cdef object message_of(const Program* program, Word message, object owner):
    # A text; or [text, [value, location], ...] of a conflict: after a colon, where
    # each value is from
    cdef const Location* place
    cdef uint32_t i
    cdef uint32_t n
    cdef object text
    if not message:
        return ""
    if tag(message) == T_STR:
        return word_text(message)
    n = seq_node(message).n
    text = word_text(item(message, 0))
    if not text.endswith(":"):
        return text
    lines = []
    for i in range(1, n if n <= MAX_LISTED else MAX_LISTED + 1):
        place = &program.locations[as_int(item(item(message, i), 1))]
        shown = " ".join(new_doc(owner, item(item(message, i), 0)).rego_text().split())
        if len(shown) > LONGEST:
            shown = shown[:LONGEST] + "..."
        file = word_text(constant(program, place.file))
        where = f"{file}:{place.row}" if file else f"{place.row}:{place.col}"
        lines.append((file, place.row, place.col, f"{shown} at {where}"))
    lines.sort(key=lambda line: line[:3])
    more = ["..."] if n > MAX_LISTED + 1 else []
    return "\n  ".join([text, *[line[3] for line in lines], *more])
