"""Verifies functions, so that the evaluator need not look twice.

After this no operand of any instruction can name a register, constant, function,
builtin, location or label that is not there, no run of instructions can leave its
function, and no builder can be taken for a value.  What stays to be checked while
running is cheap there: whether a register is undefined or holds a collection.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memset, strlen

from gatewright._native.opcodes cimport (
    GW_OPERANDS,
    OP_AADD,
    OP_ANEW,
    OP_ARR,
    OP_BADD,
    OP_BPUT,
    OP_BUILTIN,
    OP_CALL,
    OP_CMP,
    OP_CMPJ,
    OP_CMPKJ,
    OP_DATAK,
    OP_DONE,
    OP_DOTK,
    OP_ERR,
    OP_INPUTK,
    OP_ITER,
    OP_JUMP,
    OP_MOCKED,
    OP_NEXT,
    OP_OADD,
    OP_OBJ,
    OP_ONCE,
    OP_ONEW,
    OP_OVERRIDE,
    OP_PATHK,
    OP_RET,
    OP_RETU,
    OP_RULE,
    OP_SADD,
    OP_SET,
    OP_SNEW,
    OP_UNSET,
    OP_WDATA,
    OP_WINPUTP,
    OP_WMOCKB,
    OPCODE_COUNT,
    REL_GTE,
)
from gatewright._native.value cimport T_ARR, T_STR, Word, item, seq_node, tag

cdef enum:
    STARTS = 1              # mark: an instruction starts at this word
    TARGET = 2              # mark: a label names this word

cdef enum:
    BUILDER = 1             # kind: the register holds a builder
    VALUE = 2               # kind: anything else


cdef inline bint is_path(const Program* program, int32_t k) noexcept nogil:
    return tag(constant(program, k)) == T_ARR


cdef inline bint is_text(const Program* program, int32_t k) noexcept nogil:
    return tag(constant(program, k)) == T_STR


cdef inline bint is_failure(const Program* program, int32_t k) noexcept nogil:
    # [code, message]
    cdef Word w = constant(program, k)
    return (
        tag(w) == T_ARR
        and seq_node(w).n == 2
        and tag(item(w, 0)) == T_STR
        and tag(item(w, 1)) == T_STR
    )


cdef inline bint takes_builder(int32_t op, int position) noexcept nogil:
    if op == OP_DONE:
        return position == 1
    return position == 0 and (
        op == OP_ANEW or op == OP_SNEW or op == OP_ONEW or op == OP_AADD
        or op == OP_SADD or op == OP_OADD or op == OP_BPUT or op == OP_BADD
    )


cdef const char* check_block(
    const Function* function, uint8_t* kinds, int64_t base, int64_t n
) noexcept nogil:
    # `n` registers from `base` on are read as values
    cdef int64_t i
    if n < 0 or n > MAX_ITEMS or base + n > function.registers:
        return b"a block of registers ends outside the window"
    for i in range(base, base + n):
        kinds[i] |= VALUE
    return NULL


cdef const char* check_operands(
    const Program* program,
    const Function* function,
    const int32_t* code,
    uint8_t* marks,
    uint8_t* kinds,
) noexcept nogil:
    # The kinds of operands that the table gives, one by one
    cdef int32_t op = code[0]
    cdef const char* letters = GW_OPERANDS[op]
    cdef int position
    cdef char letter
    cdef int64_t value
    for position in range(<int>strlen(letters)):
        letter = letters[position]
        value = code[1 + position]
        if letter == c"o" and value == -1:
            continue
        if letter == c"r" or letter == c"d" or letter == c"o":
            if value < 0 or value >= function.registers:
                # an empty block may start one past the last register
                if letter == c"r" and value == function.registers and (
                    op == OP_ARR or op == OP_OBJ or op == OP_SET or op == OP_CALL
                    or op == OP_BUILTIN or op == OP_MOCKED
                ):
                    continue
                return b"no such register"
            if takes_builder(op, position):
                kinds[value] |= BUILDER
            elif not (
                # the start of a block: its registers are checked as such
                op == OP_UNSET or (letter == c"r" and (
                    op == OP_ARR or op == OP_OBJ or op == OP_SET
                    or op == OP_CALL or op == OP_BUILTIN or op == OP_MOCKED
                    or ((op == OP_BPUT or op == OP_BADD) and position == 1)
                ))
            ):
                kinds[value] |= VALUE
        elif letter == c"k":
            if value < 0 or value >= program.constant_count:
                return b"no such constant"
        elif letter == c"f":
            if value < 0 or value >= program.function_count:
                return b"no such function"
        elif letter == c"b":
            if value < 0 or value >= program.builtin_count:
                return b"no such builtin"
        elif letter == c"m":
            if value < 0 or value >= program.mock_count:
                return b"no such mock slot"
        elif letter == c"p":
            if value < -1 or value >= program.location_count:
                return b"no such location"
        elif letter == c"L":
            if value < 0 or value >= function.size:
                return b"a label outside the function"
            marks[value] |= TARGET
        elif value < 0:
            return b"a negative number"
    return NULL


cdef const char* check_instruction(
    const Program* program, const Function* function, const int32_t* code, uint8_t* kinds
) noexcept nogil:
    # What the kinds of operands cannot say
    cdef int32_t op = code[0]
    cdef const Builtin* builtin
    if op == OP_ERR:
        if not is_failure(program, code[1]):
            return b"ERR wants a constant of two texts"
    elif op == OP_PATHK:
        if not is_path(program, code[3]):
            return b"a path is no array"
    elif op == OP_INPUTK or op == OP_DATAK or op == OP_OVERRIDE:
        if not is_path(program, code[2]):
            return b"a path is no array"
    elif op == OP_WINPUTP or op == OP_WDATA:
        if not is_path(program, code[1]):
            return b"a path is no array"
    elif op == OP_ONCE:
        if not is_text(program, code[3]):
            return b"ONCE wants a text"
    elif op == OP_CMP:
        if code[2] > REL_GTE:
            return b"no such relation"
    elif op == OP_CMPJ or op == OP_CMPKJ:
        if code[1] > REL_GTE:
            return b"no such relation"
    elif op == OP_ITER or op == OP_NEXT:
        return check_block(function, kinds, code[1], 2)
    elif op == OP_ARR or op == OP_SET:
        return check_block(function, kinds, code[2], code[3])
    elif op == OP_OBJ:
        return check_block(function, kinds, code[2], 2 * <int64_t>code[3])
    elif op == OP_BPUT or op == OP_BADD:
        if code[3] < 1 or code[3] > MAX_PATH:
            return b"a path of no or too many keys"
        return check_block(function, kinds, code[2], code[3])
    elif op == OP_CALL:
        return check_block(
            function, kinds, code[3], program.functions[code[2]].params
        )
    elif op == OP_RULE:
        if program.functions[code[2]].params != 0:
            return b"RULE calls a function with parameters"
    elif op == OP_BUILTIN:
        builtin = &program.builtins[code[2]]
        if builtin.arity >= 0 and builtin.arity != code[4]:
            return b"wrong number of operands for a builtin"
        return check_block(function, kinds, code[3], code[4])
    elif op == OP_MOCKED:
        return check_block(function, kinds, code[3], code[4])
    return NULL


cdef const char* verify_function(
    const Program* program,
    const Function* function,
    uint8_t* marks,
    uint8_t* kinds,
    uint32_t* at,
) noexcept nogil:
    cdef uint32_t pc = 0
    cdef uint32_t i
    cdef uint32_t width
    cdef int32_t op = -1
    cdef const char* trouble
    at[0] = 0
    memset(marks, 0, function.size)
    memset(kinds, 0, function.registers)
    for i in range(function.params):
        kinds[i] = VALUE
    while pc < function.size:
        at[0] = pc
        op = function.code[pc]
        if op < 0 or op >= OPCODE_COUNT:
            return b"no such instruction"
        width = 1 + <uint32_t>strlen(GW_OPERANDS[op])
        if width > function.size - pc:
            return b"an instruction is cut short"
        marks[pc] |= STARTS
        trouble = check_operands(program, function, function.code + pc, marks, kinds)
        if trouble == NULL:
            trouble = check_instruction(program, function, function.code + pc, kinds)
        if trouble != NULL:
            return trouble
        pc += width
    if op != OP_RET and op != OP_RETU and op != OP_JUMP and op != OP_ERR:
        return b"the last instruction runs on"
    for i in range(function.size):
        if marks[i] == TARGET:
            at[0] = i
            return b"a label into the middle of an instruction"
    for i in range(function.registers):
        if kinds[i] == BUILDER | VALUE:
            at[0] = i
            return b"a register holds both builders and values"
    return NULL
