"""Verifies functions, so that the evaluator need not look twice.

After this no operand of any instruction can name a register, constant, function,
builtin, location or label that is not there, no run of instructions can leave its
function, and no builder can be taken for a value.  What stays to be checked while
running is cheap there: whether a register is undefined or holds what is asked for.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset, strlen

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
    OP_TRY,
    OP_SADD,
    OP_SET,
    OP_SNEW,
    OP_WDATA,
    OP_WINPUTP,
    OPCODE_COUNT,
    REL_GTE,
)
from gatewright._native.value cimport T_ARR, T_STR, Word, item, seq_node, tag

cdef enum:
    STARTS = 1              # mark: an instruction starts at this word
    TARGET = 2              # mark: a label names this word

cdef enum:
    WAITING = 4             # mark: on the list of places to look at
    REACHED = 8             # mark: looked at

cdef enum:
    NO_BIT = 0xFFFFFFFF     # the register never holds a builder
    MAX_FLOW = 1 << 26      # words that the flow of one function may take

# Which registers may hold a builder where; see `check_flow`
ctypedef struct Flow:
    uint32_t* bits          # register -> bit, or NO_BIT
    uint64_t* states        # `width` words for each word of code
    uint32_t width
    uint32_t* waiting
    uint32_t waiting_count
    uint8_t* marks


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
    const Function* function, int64_t base, int64_t n
) noexcept nogil:
    if n < 0 or n > MAX_ITEMS or base + n > function.registers:
        return b"a block of registers ends outside the window"
    return NULL


cdef inline bint starts_block(int32_t op, int position) noexcept nogil:
    return position == 2 and op == OP_CALL or position == 1 and (
        op == OP_ARR or op == OP_OBJ or op == OP_SET or op == OP_BPUT
        or op == OP_BADD
    ) or position == 2 and (op == OP_BUILTIN or op == OP_MOCKED)


cdef void block_of(
    const Program* program, const int32_t* code, int64_t* base, int64_t* n
) noexcept nogil:
    # The registers in a row that an instruction reads
    cdef int32_t op = code[0]
    base[0] = 0
    n[0] = 0
    if op == OP_ARR or op == OP_SET:
        base[0] = code[2]
        n[0] = code[3]
    elif op == OP_OBJ:
        base[0] = code[2]
        n[0] = 2 * <int64_t>code[3]
    elif op == OP_BPUT or op == OP_BADD:
        base[0] = code[2]
        n[0] = code[3]
    elif op == OP_CALL:
        base[0] = code[3]
        n[0] = program.functions[code[2]].params
    elif op == OP_BUILTIN or op == OP_MOCKED:
        base[0] = code[3]
        n[0] = code[4]
    elif op == OP_ITER or op == OP_NEXT:
        base[0] = code[1]
        n[0] = 2


cdef const char* check_operands(
    const Program* program,
    const Function* function,
    const int32_t* code,
    uint8_t* marks,
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
            if value < 0 or value > function.registers:
                return b"no such register"
            # an empty block may start one past the last register
            if value == function.registers and not starts_block(op, position):
                return b"no such register"
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
    const Program* program, const Function* function, const int32_t* code
) noexcept nogil:
    # What the kinds of operands cannot say
    cdef int32_t op = code[0]
    cdef const Builtin* builtin
    cdef int64_t base, n
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
    elif op == OP_BPUT or op == OP_BADD:
        if code[3] < 1 or code[3] > MAX_PATH:
            return b"a path of no or too many keys"
    elif op == OP_RULE or op == OP_TRY:
        if program.functions[code[2]].params != 0:
            return b"RULE or TRY calls a function with parameters"
    elif op == OP_BUILTIN:
        builtin = &program.builtins[code[2]]
        if builtin.arity >= 0 and builtin.arity != code[4]:
            return b"wrong number of operands for a builtin"
    block_of(program, code, &base, &n)
    return check_block(function, base, n)


# Builders --------------------------------------------------------------------

cdef inline bint may_build(
    const Flow* flow, const uint64_t* state, int64_t register_
) noexcept nogil:
    cdef uint32_t bit = flow.bits[register_]
    return bit != NO_BIT and state[bit >> 6] >> (bit & 63) & 1


cdef inline void note(
    const Flow* flow, uint64_t* state, int64_t register_, bint builder
) noexcept nogil:
    cdef uint32_t bit = flow.bits[register_]
    if bit == NO_BIT:
        return
    if builder:
        state[bit >> 6] |= <uint64_t>1 << (bit & 63)
    else:
        state[bit >> 6] &= ~(<uint64_t>1 << (bit & 63))


cdef bint reads_builder(
    const Program* program,
    const int32_t* code,
    const Flow* flow,
    const uint64_t* state,
) noexcept nogil:
    # Whether an instruction would take a builder for a value
    cdef int32_t op = code[0]
    cdef const char* letters = GW_OPERANDS[op]
    cdef int position
    cdef int64_t base, n, i
    for position in range(<int>strlen(letters)):
        if (
            letters[position] == c"r"
            and not takes_builder(op, position)
            and not starts_block(op, position)
            and may_build(flow, state, code[1 + position])
        ):
            return True
    if op == OP_ONCE and may_build(flow, state, code[1]):
        return True
    if op != OP_ITER:
        block_of(program, code, &base, &n)
        for i in range(base, base + n):
            if may_build(flow, state, i):
                return True
    return False


cdef void go_to(
    Flow* flow, uint32_t place, const uint64_t* state
) noexcept nogil:
    # What may be here may be there
    cdef uint64_t* there = flow.states + <size_t>place * flow.width
    cdef uint32_t i
    cdef bint more = not flow.marks[place] & REACHED
    for i in range(flow.width):
        if state[i] & ~there[i]:
            there[i] |= state[i]
            more = True
    flow.marks[place] |= REACHED
    if more and not flow.marks[place] & WAITING:
        flow.marks[place] |= WAITING
        flow.waiting[flow.waiting_count] = place
        flow.waiting_count += 1


cdef const char* follow(
    const Program* program, const Function* function, Flow* flow, uint32_t* at
) noexcept nogil:
    cdef uint64_t[64] state
    cdef const int32_t* code
    cdef const char* letters
    cdef int32_t op
    cdef uint32_t pc
    cdef int position, count
    memset(state, 0, sizeof(state))
    go_to(flow, 0, state)
    while flow.waiting_count:
        flow.waiting_count -= 1
        pc = flow.waiting[flow.waiting_count]
        flow.marks[pc] &= ~WAITING
        at[0] = pc
        code = function.code + pc
        op = code[0]
        letters = GW_OPERANDS[op]
        count = <int>strlen(letters)
        memcpy(
            state,
            flow.states + <size_t>pc * flow.width,
            flow.width * sizeof(uint64_t),
        )
        if reads_builder(program, code, flow, state):
            return b"a builder is taken for a value"
        # Where it fails nothing was set
        for position in range(count):
            if letters[position] == c"L":
                go_to(flow, code[1 + position], state)
        if op == OP_RET or op == OP_RETU or op == OP_JUMP or op == OP_ERR:
            continue
        for position in range(count):
            if letters[position] == c"d":
                note(
                    flow,
                    state,
                    code[1 + position],
                    op == OP_ANEW or op == OP_SNEW or op == OP_ONEW,
                )
            elif letters[position] == c"o" and code[1 + position] >= 0:
                note(flow, state, code[1 + position], False)
        if op == OP_ITER:
            note(flow, state, code[1] + 1, False)
        go_to(flow, pc + 1 + count, state)
    return NULL


cdef const char* check_flow(
    const Program* program, const Function* function, uint8_t* marks, uint32_t* at
) noexcept nogil:
    # Registers are used again, so whether one holds a builder depends on the way
    # taken: a forward analysis of what may be.
    cdef Flow flow
    cdef uint32_t pc = 0
    cdef uint32_t found = 0
    cdef uint32_t i
    cdef int32_t op
    cdef const char* trouble = NULL
    flow.bits = <uint32_t*>malloc((function.registers + 1) * sizeof(uint32_t))
    flow.waiting = <uint32_t*>malloc(function.size * sizeof(uint32_t))
    flow.states = NULL
    flow.marks = marks
    flow.waiting_count = 0
    if flow.bits == NULL or flow.waiting == NULL:
        trouble = b"out of memory"
    else:
        memset(flow.bits, 0xFF, (function.registers + 1) * sizeof(uint32_t))
        memset(marks, 0, function.size)
        while pc < function.size:
            op = function.code[pc]
            if op == OP_ANEW or op == OP_SNEW or op == OP_ONEW:
                i = function.code[pc + 1]
                if flow.bits[i] == NO_BIT:
                    flow.bits[i] = found
                    found += 1
            pc += 1 + <uint32_t>strlen(GW_OPERANDS[op])
        flow.width = (found + 63) >> 6
        if found:
            if flow.width > 64 or <uint64_t>flow.width * function.size > MAX_FLOW:
                trouble = b"too many builders"
            else:
                flow.states = <uint64_t*>calloc(
                    <size_t>flow.width * function.size, sizeof(uint64_t)
                )
                if flow.states == NULL:
                    trouble = b"out of memory"
                else:
                    trouble = follow(program, function, &flow, at)
    free(flow.bits)
    free(flow.waiting)
    free(flow.states)
    return trouble


cdef const char* verify_function(
    const Program* program,
    const Function* function,
    uint8_t* marks,
    uint32_t* at,
) noexcept nogil:
    cdef uint32_t pc = 0
    cdef uint32_t i
    cdef uint32_t width
    cdef int32_t op = -1
    cdef const char* trouble
    at[0] = 0
    memset(marks, 0, function.size)
    while pc < function.size:
        at[0] = pc
        op = function.code[pc]
        if op < 0 or op >= OPCODE_COUNT:
            return b"no such instruction"
        width = 1 + <uint32_t>strlen(GW_OPERANDS[op])
        if width > function.size - pc:
            return b"an instruction is cut short"
        marks[pc] |= STARTS
        trouble = check_operands(program, function, function.code + pc, marks)
        if trouble == NULL:
            trouble = check_instruction(program, function, function.code + pc)
        if trouble != NULL:
            return trouble
        pc += width
    if op != OP_RET and op != OP_RETU and op != OP_JUMP and op != OP_ERR:
        return b"the last instruction runs on"
    for i in range(function.size):
        if marks[i] == TARGET:
            at[0] = i
            return b"a label into the middle of an instruction"
    return check_flow(program, function, marks, at)
