# cython: cdivision=True
"""Jumps to jumps, tests that jump over a jump, and code never reached."""

from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset

from gatewright._native.opcodes cimport (
    OP_CMPJ, OP_CMPKJ, OP_DEF, OP_EQ, OP_EQK, OP_ERR, OP_JUMP, OP_NEQ, OP_RET, OP_RETU,
    OP_TRUE, OP_UNDEF,
)
from gatewright._native.pass_code cimport WIDTH, Code, Instr, Shape


cdef void mark_labels(Code table) noexcept:
    cdef int32_t i, j
    cdef const Shape* shape
    memset(table.mark, 0, table.count + 1)
    for i in range(table.count):
        shape = &table.shapes[table.code[i].op]
        for j in range(shape.label_count):
            table.mark[table.code[i].args[shape.labels[j]]] = 1


cdef int64_t final(Code table, int64_t label) noexcept:
    # The end of a chain of jumps; of a ring of them, where it closes
    cdef int64_t slow = label
    cdef int64_t steps = 0
    while table.code[label].op == OP_JUMP and steps <= table.count:
        label = table.code[label].args[0]
        steps += 1
    if steps <= table.count:
        return label
    # A ring: the first label that comes again
    memset(table.wanted, 0, table.count + 1)
    while not table.wanted[slow]:
        table.wanted[slow] = 1
        slow = table.code[slow].args[0]
    return slow


cdef bint turned(
    Code table, Instr* instr, int64_t over, int64_t to, constant
) except -1:
    # Makes of a test that fails to `over` the one that goes `to` where it held
    cdef int last = instr.count - 1
    if last < 0 or instr.args[last] != over:
        return False
    if instr.op == OP_EQ:
        instr.op = OP_NEQ
    elif instr.op == OP_NEQ:
        instr.op = OP_EQ
    elif instr.op == OP_DEF:
        instr.op = OP_UNDEF
    elif instr.op == OP_UNDEF:
        instr.op = OP_DEF
    elif instr.op == OP_CMPJ or instr.op == OP_CMPKJ:
        if not 0 <= instr.args[0] < WIDTH:
            raise ValueError("no such relation")
        instr.args[0] = table.opcodes.opposites[instr.args[0]]
    elif instr.op == OP_EQK:
        instr.op = OP_CMPKJ
        instr.args[2], instr.args[1] = instr.args[1], instr.args[0]
        instr.args[0] = table.opcodes.unequal
        last = 3
    elif instr.op == OP_TRUE:
        instr.op = OP_EQK
        instr.args[1] = constant()
        last = 2
    else:
        return False
    instr.count = last + 1
    instr.args[last] = to
    instr.changed = True
    return True


cdef void reach(Code table) noexcept:
    # Marks what can be reached, over what is not wanted
    cdef int32_t top = 0, index, j
    cdef const Shape* shape
    cdef int32_t* todo = table.place
    cdef int64_t label
    memset(table.mark, 0, table.count + 1)
    if table.count:
        table.mark[0] = 1
        todo[0] = 0
        top = 1
    while top:
        top -= 1
        index = todo[top]
        if table.wanted[index]:
            shape = &table.shapes[table.code[index].op]
            for j in range(shape.label_count):
                label = table.code[index].args[shape.labels[j]]
                if not table.mark[label]:
                    table.mark[label] = 1
                    todo[top] = <int32_t>label
                    top += 1
            if table.code[index].op in (OP_JUMP, OP_RET, OP_RETU, OP_ERR):
                continue
        if index + 1 < table.count and not table.mark[index + 1]:
            table.mark[index + 1] = 1
            todo[top] = index + 1
            top += 1


cdef bint straighten(Code table, constant) except -1:
    cdef int32_t i, j
    cdef Instr* instr
    cdef const Shape* shape
    cdef int64_t label
    mark_labels(table)
    for i in range(table.count):
        instr = &table.code[i]
        shape = &table.shapes[instr.op]
        for j in range(shape.label_count):
            label = final(table, instr.args[shape.labels[j]])
            if label != instr.args[shape.labels[j]]:
                instr.args[shape.labels[j]] = label
                instr.changed = True
    mark_labels(table)
    # What is a jump now; those that a test takes over are not wanted
    memset(table.wanted, 1, table.count + 1)
    for i in range(1, table.count - 1):
        if table.code[i].op != OP_JUMP or table.mark[i]:
            continue
        if turned(table, &table.code[i - 1], i + 1, table.code[i].args[0], constant):
            table.wanted[i] = 0
    for i in range(table.count):
        instr = &table.code[i]
        if instr.op == OP_JUMP and table.wanted[i]:
            if table.code[instr.args[0]].op == OP_RETU:
                instr.op = OP_RETU
                instr.count = 0
                instr.changed = True
    reach(table)
    for i in range(table.count):
        instr = &table.code[i]
        if not table.mark[i] or (instr.op == OP_JUMP and instr.args[0] == i + 1):
            table.wanted[i] = 0
    return table.keep()
