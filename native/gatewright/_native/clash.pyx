"""Conflicts: the values that a rule has beside its first one, and getting over them."""

from libc.stdint cimport int32_t, uint32_t

from gatewright._native.frame cimport (
    MAX_LISTED,
    MEMO_CONFLICT,
    Clash,
    Frame,
    Rival,
    Vm,
    pop_context,
    set_failure,
)
from gatewright._native.value cimport (
    E_CONFLICT, E_NONE, UNDEFINED, Word, from_int, heap_alloc, new_array,
)


cdef bint note_rival(
    Vm* vm, Frame* frame, Word first, Word value, Word message, int32_t location
) noexcept nogil:
    cdef Clash* clash = frame.clash
    cdef Rival* rival
    if clash == NULL:
        clash = <Clash*>heap_alloc(vm.heap, sizeof(Clash))
        if clash == NULL:
            return False
        clash.message = message
        clash.first = first
        clash.location = frame.first
        clash.n = 0
        clash.rivals = NULL
        clash.end = &clash.rivals
        clash.collected_count = vm.collected_count
        clash.collected_end = vm.collected_end
        frame.clash = clash
    if clash.n < MAX_LISTED:
        rival = <Rival*>heap_alloc(vm.heap, sizeof(Rival))
        if rival == NULL:
            return False
        rival.next = NULL
        rival.value = value
        rival.location = location
        clash.end[0] = rival
        clash.end = &rival.next
        clash.n += 1
    return True


cdef void raise_clash(Vm* vm, Frame* frame) noexcept nogil:
    # The message: [text, [value, location], ...] in the order of evaluation.  What
    # builtins reported since the conflict is not said, as in OPA.
    cdef Clash* clash = frame.clash
    cdef Rival* rival = clash.rivals
    cdef Word pair[2]
    cdef Word parts[MAX_LISTED + 2]
    cdef uint32_t n = 2
    vm.heap.error = E_NONE
    frame.clash = NULL
    parts[0] = clash.message
    pair[0] = clash.first
    pair[1] = from_int(clash.location)
    parts[1] = new_array(vm.heap, pair, 2)
    while rival != NULL and parts[n - 1] != UNDEFINED:
        pair[0] = rival.value
        pair[1] = from_int(rival.location)
        parts[n] = new_array(vm.heap, pair, 2)
        n += 1
        rival = rival.next
    vm.collected_count = clash.collected_count
    vm.collected_end = clash.collected_end
    vm.collected_end[0] = NULL
    if parts[n - 1] == UNDEFINED:
        return
    parts[0] = new_array(vm.heap, parts, n)
    if parts[0] == UNDEFINED:
        return
    set_failure(vm, E_CONFLICT, b"conflicting values", clash.rivals.location)
    vm.error_message = parts[0]


cdef bint rescue(Vm* vm) noexcept nogil:
    # Contexts and memos of the frames that are left go with them.
    cdef uint32_t depth = vm.depth
    cdef Frame* frame
    cdef bint found = False
    if vm.heap.error != E_CONFLICT:
        return False
    while depth and not found:
        depth -= 1
        frame = &vm.frames[depth]
        if frame.clash != NULL:
            raise_clash(vm, frame)
            if vm.heap.error != E_CONFLICT:
                return False
        found = frame.rescue != NULL
    if not found:
        return False
    while vm.depth > depth:
        vm.depth -= 1
        frame = &vm.frames[vm.depth]
        while vm.context != frame.leave and vm.context.parent != NULL:
            pop_context(vm)
        if frame.memo >= 0:
            vm.context.memo[frame.memo] = (
                MEMO_CONFLICT if vm.depth == depth else <Word>0
            )
        if frame.recall != NULL and frame.recall.owner == frame.owner:
            frame.recall.context = 0
    vm.pc = frame.rescue
    vm.heap.error = E_NONE
    vm.error_message = 0
    vm.error_location = -1
    return True
