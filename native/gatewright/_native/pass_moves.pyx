# cython: cdivision=True
"""Values are computed where they are wanted, without a move."""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset

from gatewright._native.opcodes cimport OP_ITER, OP_MOVE, OP_NEXT
from gatewright._native.pass_code cimport Code, Effects


cdef int coalesce(Code table) except -1:
    cdef Effects effects
    cdef int32_t i, j
    cdef int64_t register, source, dest
    cdef bint found = False
    cdef int32_t* reads
    cdef int32_t* writes
    cdef char* fixed
    cdef int64_t* names
    for i in range(table.count):
        if table.code[i].op == OP_MOVE:
            found = True
            break
    if not found:
        return 0
    reads = <int32_t*>calloc(table.registers + 1, sizeof(int32_t))
    writes = <int32_t*>calloc(table.registers + 1, sizeof(int32_t))
    fixed = <char*>calloc(table.registers + 1, 1)
    names = <int64_t*>malloc((table.registers + 1) * sizeof(int64_t))
    try:
        if reads == NULL or writes == NULL or fixed == NULL or names == NULL:
            raise MemoryError
        memset(fixed, 1, table.params)
        for i in range(table.count):
            table.effects(&table.code[i], &effects)
            for j in range(effects.read_count):
                reads[effects.reads[j]] += 1
            for j in range(effects.set_count):
                writes[effects.sets[j]] += 1
            for register in range(effects.block, effects.block + effects.size):
                reads[register] += 1
                fixed[register] = 1
            if table.code[i].op == OP_ITER or table.code[i].op == OP_NEXT:
                fixed[table.code[i].args[0]] = 1
                fixed[table.code[i].args[0] + 1] = 1
        for register in range(table.registers + 1):
            names[register] = register
        memset(table.wanted, 1, table.count + 1)
        found = False
        for i in range(table.count):
            if table.code[i].op != OP_MOVE:
                continue
            dest, source = table.code[i].args[0], table.code[i].args[1]
            if (
                not fixed[source]
                and reads[source] == 1
                and writes[source] == 1
                and writes[dest] == 1
                and dest >= table.params
            ):
                names[source] = dest
                table.wanted[i] = 0
                found = True
        if not found:
            return 0
        for register in range(table.registers):
            dest = register
            while names[dest] != dest:
                dest = names[dest]
            names[register] = dest
        table.renumber(names)
        table.keep()
    finally:
        free(reads)
        free(writes)
        free(fixed)
        free(names)
    return 0
