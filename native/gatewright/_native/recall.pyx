# cython: cdivision=True
"""Results of functions with parameters, kept for calls with the same operands."""

from libc.stdint cimport int32_t, uint32_t
from libc.string cimport memset

from gatewright._native.frame cimport (
    MEMO_RUNNING,
    RECALLED,
    Recall,
    Vm,
    hash_value,
)
from gatewright._native.value cimport UNDEFINED, Word, equal, heap_alloc


cdef Recall* find_recall(Vm* vm, int32_t function, const Word* args) noexcept nogil:
    # One place for each of a few hashes: the latest operands win
    cdef uint32_t n = vm.program.functions[function].params
    cdef size_t size = sizeof(Recall) + n * sizeof(Word)
    cdef uint32_t h = 0
    cdef uint32_t i
    cdef Recall* found
    if vm.recalls == NULL:
        i = vm.program.function_count
        vm.recalls = <Recall**>heap_alloc(vm.heap, i * sizeof(Recall*))
        if vm.recalls == NULL:
            return NULL
        memset(vm.recalls, 0, i * sizeof(Recall*))
    if vm.recalls[function] == NULL:
        found = <Recall*>heap_alloc(vm.heap, RECALLED * size)
        if found == NULL:
            return NULL
        memset(found, 0, RECALLED * size)
        vm.recalls[function] = found
    for i in range(n):
        h = h * 31 + (hash_value(args[i]) if args[i] != UNDEFINED else 0)
    h ^= h >> 16
    found = <Recall*>(<char*>vm.recalls[function] + (h % RECALLED) * size)
    if found.context == vm.context.serial:
        for i in range(n):
            if found.operands[i] == args[i]:
                continue
            if found.operands[i] == UNDEFINED or args[i] == UNDEFINED:
                break
            if not equal(found.operands[i], args[i]):
                break
        else:
            if found.value != MEMO_RUNNING:
                return found
    found.context = vm.context.serial
    found.value = 0
    for i in range(n):
        found.operands[i] = args[i]
    return found
