# cython: cdivision=True
"""Instructions whose result nobody reads."""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from gatewright._native.opcodes cimport (
    OP_ANEW, OP_ARR, OP_CMP, OP_CONST, OP_DATA, OP_DONE, OP_MOVE, OP_NEXT, OP_OBJ,
    OP_ONEW, OP_SET, OP_SNEW, OP_UNSET,
)
from gatewright._native.pass_code cimport Code, Effects, Instr


cdef int bury(Code table) except -1:
    cdef Effects effects
    cdef int32_t i, j
    cdef int64_t register
    cdef bint changed = True
    cdef Instr* instr
    cdef int32_t* reads = <int32_t*>calloc(table.registers + 2, sizeof(int32_t))
    if reads == NULL:
        raise MemoryError
    try:
        for i in range(table.count):
            table.effects(&table.code[i], &effects)
            for j in range(effects.read_count):
                reads[effects.reads[j]] += 1
            for register in range(effects.block, effects.block + effects.size):
                reads[register] += 1
        memset(table.wanted, 1, table.count + 1)
        while changed:
            changed = False
            for i in range(table.count - 1, -1, -1):
                instr = &table.code[i]
                if (
                    not table.wanted[i]
                    or not is_pure(instr.op)
                    or reads[instr.args[0]]
                ):
                    continue
                table.wanted[i] = 0
                changed = True
                table.effects(instr, &effects)
                for j in range(effects.read_count):
                    reads[effects.reads[j]] -= 1
                for register in range(effects.block, effects.block + effects.size):
                    reads[register] -= 1
        for i in range(table.count):
            instr = &table.code[i]
            if instr.op == OP_NEXT:
                for j in range(1, 3):
                    if instr.args[j] >= 0 and not reads[instr.args[j]]:
                        instr.args[j] = -1
                        instr.changed = True
        table.keep()
    finally:
        free(reads)
    return 0


cdef bint is_pure(int32_t op) noexcept nogil:
    # Cannot fail, and does nothing but set a register
    return op in (
        OP_CONST, OP_MOVE, OP_UNSET, OP_DATA, OP_CMP, OP_ARR, OP_OBJ, OP_SET, OP_ANEW,
        OP_SNEW, OP_ONEW, OP_DONE,
    )
