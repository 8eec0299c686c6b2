# cython: cdivision=True
"""Runs verified code.

This file is long because one function holds the loop over all instructions, which
work on its locals; its `if` chain compiles to one switch.  What a register machine
keeps in C locals is here pc, the window of registers and the steps left; all the
rest is in the Vm, so stopping is a return and going on is a call.  Nothing here
recurses or takes the GIL, save Python builtins (`python_call`).
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from gatewright._native.clash cimport note_rival, raise_clash, rescue
from gatewright._native.frame cimport (
    B_ARRAY,
    B_OBJECT,
    B_SET,
    MEMO_CONFLICT,
    MEMO_RUNNING,
    MEMO_UNDEFINED,
    MOCK_BUILTIN,
    MOCK_FUNCTION,
    MOCK_NONE,
    MOCK_VALUE,
    S_DONE,
    S_FAILED,
    S_SUSPENDED,
    Builder,
    Context,
    FOUND_PATHS,
    Found,
    Frame,
    Mock,
    Override,
    Recall,
    Remembered,
    Status,
    Vm,
    builder_add,
    builder_append,
    builder_done,
    builder_put,
    builder_set,
    collect_error,
    find_override,
    make_memo,
    new_builder,
    pop_context,
    push_context,
    push_frame,
    put_path,
    set_failure,
    set_mock,
    set_override,
    walk_path,
)
from gatewright._native.number cimport number_text
from gatewright._native.opcodes cimport (
    OP_AADD,
    OP_ANEW,
    OP_ARR,
    OP_ARRLEN,
    OP_BADD,
    OP_BPUT,
    OP_BUILTIN,
    OP_CALL,
    OP_CMP,
    OP_CMPJ,
    OP_CMPKJ,
    OP_CONST,
    OP_DATA,
    OP_DATAK,
    OP_DEF,
    OP_DONE,
    OP_DOT,
    OP_DOTD,
    OP_DOTK,
    OP_EQ,
    OP_EQK,
    OP_ERR,
    OP_INDEX,
    OP_INPUT,
    OP_INPUTK,
    OP_ITER,
    OP_JUMP,
    OP_MOCKED,
    OP_MOVE,
    OP_NEQ,
    OP_NEXT,
    OP_OADD,
    OP_OBJ,
    OP_OBJLEN,
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
    OP_TRUE,
    OP_TRY,
    OP_UNDEF,
    OP_UNSET,
    OP_WDATA,
    OP_WINPUT,
    OP_WINPUTP,
    OP_WMOCKB,
    OP_WMOCKF,
    OP_WMOCKV,
    OP_WPOP,
    OP_WPUSH,
    REL_EQUAL,
    REL_GT,
    REL_LT,
    REL_LTE,
    REL_NEQ,
)
from gatewright._native.program cimport (
    BF_VARIES,
    FN_MEMO,
    Builtin,
    Function,
    Program,
    constant,
)
from gatewright._native.recall cimport find_recall
from gatewright._native.value cimport (
    E_BUILTIN,
    E_INTERNAL,
    E_NONE,
    E_TYPE,
    T_ARR,
    T_AUX,
    T_INT,
    T_NUM,
    T_OBJ,
    T_STR,
    UNDEFINED,
    W_FALSE,
    Heap,
    SeqNode,
    StrNode,
    Tag,
    Word,
    as_int,
    compare,
    equal,
    from_bool,
    from_int,
    heap_alloc,
    item,
    load,
    lookup,
    lookup_as,
    lookup_str,
    new_array,
    new_object,
    new_set,
    node,
    seq_len,
    seq_node,
    sort_object,
    str_node,
    tag,
)
from gatewright._native.work cimport Account, account

cdef enum:
    SCAN = 16               # pairs up to which keys are first sought by address
    LONG = 4096             # bytes of a text that is work to compare
    BYTES_PER_STEP = 128    # what a builtin's memory costs
    ITEMS_PER_STEP = 8      # and its operands: it may look at each item

cdef PythonCall python_call = NULL


cdef void vm_set_python_call(PythonCall call) noexcept nogil:
    global python_call
    python_call = call


# Looking up ------------------------------------------------------------------

cdef inline Word dot(Word o, Word key) noexcept nogil:
    # Keys of a review are mostly the very nodes that the plan names; `lookup`
    # does the rest.
    cdef SeqNode* seq
    cdef uint32_t i
    if tag(o) == T_OBJ:
        seq = seq_node(o)
        i = seq.n
        if i <= SCAN:
            # backwards: of equal keys the last one counts
            while i:
                i -= 1
                if seq.items[2 * i] + <Word>&seq.items[2 * i] == key:
                    return load(&seq.items[2 * i + 1])
    return lookup(o, key)


cdef inline Word dot_as(Heap* heap, Word o, Word key) noexcept nogil:
    # As the release that evaluates has it: see `lookup_as`
    return lookup_as(heap, o, key) if tag(o) == T_ARR else dot(o, key)


cdef inline Word dots(Heap* heap, Word w, Word path) noexcept nogil:
    cdef SeqNode* keys = seq_node(path)
    cdef uint32_t i
    for i in range(keys.n):
        w = dot_as(heap, w, load(&keys.items[i]))
        if w == UNDEFINED:
            break
    return w


cdef inline Word input_path(Vm* vm, Word path) noexcept nogil:
    # Twenty policies ask a dozen times each for the containers and what is near them,
    # each time through some twenty keys
    cdef Word start = vm.context.input
    cdef Found* found
    if start != vm.steady:
        return dots(vm.heap, start, path)
    found = &vm.found[(path >> 4) & (FOUND_PATHS - 1)]
    if found.path != path or (
        found.stamp != vm.call_stamp and found.stamp != vm.batch_stamp
    ):
        found.path = path
        found.value = dots(vm.heap, start, path)
        found.stamp = vm.call_stamp
        if vm.lasting != UNDEFINED and item(path, 0) == vm.lasting:
            found.stamp = vm.batch_stamp
    return found.value


cdef Word stored(Heap* heap, Word o, Word key) noexcept nogil:
    # As OPA's store has it: paths are texts, so a number names a key, and a text
    # that is an integer (with zeros after the point, if any) is an index.
    cdef char room[24]
    cdef const char* text
    cdef size_t size
    cdef size_t i = 0
    cdef int64_t index = 0
    cdef bint minus = False
    cdef bint whole = True
    cdef Word w = dot_as(heap, o, key)
    if w != UNDEFINED:
        return w
    if tag(o) == T_OBJ:
        if tag(key) != T_INT and tag(key) != T_NUM:
            return UNDEFINED
        size = number_text(key, room, &text)
        return lookup_str(o, text, size)
    if tag(o) != T_ARR or tag(key) != T_STR:
        return UNDEFINED
    text = str_node(key).data
    size = str_node(key).size
    if size > 0 and (text[0] == c'-' or text[0] == c'+'):
        minus = text[0] == c'-'
        i = 1
    if size == i or size - i > 18:
        return UNDEFINED
    while i < size:
        if text[i] == c'.' and whole:
            whole = False
        elif c'0' <= text[i] <= c'9' and (whole or text[i] == c'0'):
            if whole:
                index = 10 * index + (text[i] - c'0')
        else:
            return UNDEFINED
        i += 1
    if not whole and heap.older:
        return UNDEFINED
    if (minus and index > 0) or index >= seq_node(o).n:
        return UNDEFINED
    return load(&seq_node(o).items[index])


cdef inline Word stored_path(Heap* heap, Word w, Word path) noexcept nogil:
    cdef SeqNode* keys = seq_node(path)
    cdef uint32_t i
    for i in range(keys.n):
        w = stored(heap, w, load(&keys.items[i]))
        if w == UNDEFINED:
            break
    return w


# Comparing -------------------------------------------------------------------

cdef inline bint same(Word a, Word b) noexcept nogil:
    cdef StrNode* x
    cdef StrNode* y
    cdef Tag t = tag(a)
    if a == b:
        return True
    if t != tag(b):
        return t >= T_INT and t <= T_NUM and equal(a, b)
    if t <= T_INT:
        return False
    if t == T_STR:
        x = str_node(a)
        y = str_node(b)
        if x.hash != y.hash or x.size != y.size:
            return False
        if x.size < LONG:
            return memcmp(x.data, y.data, x.size) == 0
    return equal(a, b)


cdef inline bint holds(int32_t relation, Word a, Word b) noexcept nogil:
    cdef int order
    if relation == REL_EQUAL:
        return same(a, b)
    if relation == REL_NEQ:
        return not same(a, b)
    if tag(a) == T_INT and tag(b) == T_INT:
        order = (<int64_t>a > <int64_t>b) - (<int64_t>a < <int64_t>b)
    else:
        order = compare(a, b)
    if relation == REL_LT:
        return order < 0
    if relation == REL_LTE:
        return order <= 0
    if relation == REL_GT:
        return order > 0
    return order >= 0


# Calling ---------------------------------------------------------------------

cdef inline size_t taken(Heap* heap) noexcept nogil:
    return heap.used + (heap.chunk.used if heap.chunk != NULL else 0)


cdef Word call_varying(
    Vm* vm, int32_t number, const Word* args, int32_t n
) noexcept nogil:
    # The same operands give the same result for the whole query.
    cdef Builtin* builtin = &vm.program.builtins[number]
    cdef Remembered* entry = vm.remembered
    cdef Account* mine = account()
    cdef int32_t i
    cdef Word w
    while entry != NULL:
        mine.spent += 1
        if entry.builtin == <uint32_t>number and entry.n == <uint32_t>n:
            for i in range(n):
                if not equal(entry.operands[i], args[i]):
                    break
            else:
                return entry.value
        entry = entry.next
    entry = <Remembered*>heap_alloc(
        vm.heap, sizeof(Remembered) + <size_t>n * sizeof(Word)
    )
    if entry == NULL:
        return UNDEFINED
    for i in range(n):
        entry.operands[i] = args[i]
    if builtin.native != NULL:
        w = builtin.native(vm.heap, args, n)
    else:
        w = python_call(vm, number, args, n)
    if w != UNDEFINED or vm.heap.error == E_NONE:
        entry.builtin = number
        entry.n = n
        entry.value = w
        entry.next = vm.remembered
        vm.remembered = entry
    return w


cdef inline int64_t operand_cost(const Word* args, int32_t n) noexcept nogil:
    cdef int64_t total = 0
    cdef int32_t i
    for i in range(n):
        if tag(args[i]) == T_STR:
            total += str_node(args[i]).size // (4 * ITEMS_PER_STEP)
        elif tag(args[i]) >= T_ARR and tag(args[i]) != T_AUX:
            total += seq_node(args[i]).n // ITEMS_PER_STEP
    return total


cdef inline Word call_builtin(
    Vm* vm, int32_t number, Word* args, int32_t n, int32_t location
) noexcept nogil:
    # UNDEFINED with heap.error set only if evaluation has to stop
    cdef Builtin* builtin = &vm.program.builtins[number]
    cdef Heap* heap = vm.heap
    cdef int32_t i
    cdef Word w
    for i in range(n):
        if args[i] == UNDEFINED:
            return UNDEFINED
    if builtin.flags & BF_VARIES:
        w = call_varying(vm, number, args, n)
    elif builtin.native != NULL:
        w = builtin.native(heap, args, n)
    else:
        w = python_call(vm, number, args, n)
    if w == UNDEFINED and heap.error != E_NONE:
        if heap.error == E_TYPE or heap.error == E_BUILTIN:
            collect_error(vm, location)
        else:
            vm.error_location = location
    return w


cdef Word build(Vm* vm, int32_t op, Word* args, int32_t n) noexcept nogil:
    # ARR, OBJ, SET; making an object or a set sorts its operands, so not in place
    cdef Word small[32]
    cdef Word* items = small
    cdef int32_t count = 2 * n if op == OP_OBJ else n
    cdef int32_t i
    for i in range(count):
        if args[i] == UNDEFINED:
            set_failure(vm, E_INTERNAL, b"a member is undefined", -1)
            return UNDEFINED
    if op == OP_ARR:
        return new_array(vm.heap, args, n)
    if count > 32:
        items = <Word*>heap_alloc(vm.heap, count * sizeof(Word))
        if items == NULL:
            return UNDEFINED
    memcpy(items, args, count * sizeof(Word))
    if op == OP_OBJ:
        return new_object(vm.heap, items, n)
    return new_set(vm.heap, items, n)


cdef int32_t vm_location(const Vm* vm) noexcept nogil:
    # That of the last mark at or before the instruction
    cdef const Function* function
    cdef int64_t offset
    cdef int32_t found = -1
    cdef uint32_t i
    if vm.depth == 0:
        return -1
    function = vm.frames[vm.depth - 1].function
    offset = vm.pc - function.code
    for i in range(function.mark_count):
        if function.marks[2 * i] > offset:
            break
        found = <int32_t>function.marks[2 * i + 1]
    return found


# The loop --------------------------------------------------------------------

cdef Status vm_run(Vm* vm) noexcept nogil:
    cdef Status status = run(vm)
    while status == S_FAILED and rescue(vm):
        status = run(vm)
    return status


cdef Status run(Vm* vm) noexcept nogil:
    cdef const Program* program = vm.program
    cdef Heap* heap = vm.heap
    cdef Frame* frame = &vm.frames[vm.depth - 1]
    cdef const int32_t* code = frame.function.code
    cdef const int32_t* pc = vm.pc
    cdef Word* r = vm.registers + frame.base
    cdef int64_t left = vm.left
    cdef int32_t op
    cdef int32_t i
    cdef size_t before
    cdef Word a
    cdef Word b
    cdef SeqNode* seq
    cdef uint64_t at
    cdef Builder* builder
    cdef Mock* mock
    cdef Recall* recall
    cdef Override* override
    cdef Context* context
    cdef bint fine

    while left > 0:
        left -= 1
        op = pc[0]

        # Control
        if op == OP_JUMP:
            pc = code + pc[1]
        elif op == OP_RET or op == OP_RETU:
            a = r[pc[1]] if op == OP_RET else <Word>UNDEFINED
            if frame.clash != NULL:
                raise_clash(vm, frame)
                break
            while vm.context != frame.leave and vm.context.parent != NULL:
                pop_context(vm)
            if frame.recall != NULL and frame.recall.owner == frame.owner:
                frame.recall.value = a if a != UNDEFINED else <Word>MEMO_UNDEFINED
            if frame.memo >= 0:
                vm.context.memo[frame.memo] = (
                    a if a != UNDEFINED else <Word>MEMO_UNDEFINED
                )
            vm.depth -= 1
            if vm.depth == 0:
                vm.result = a
                vm.left = left
                return S_DONE
            pc = frame.ret if a != UNDEFINED else frame.fail
            i = frame.dest
            frame -= 1
            code = frame.function.code
            r = vm.registers + frame.base
            if a != UNDEFINED:
                r[i] = a
        elif op == OP_ERR:
            a = constant(program, pc[1])
            set_failure(vm, E_INTERNAL, b"", pc[2])
            vm.error_code = item(a, 0)
            vm.error_message = item(a, 1)
            break

        # Loading
        elif op == OP_CONST:
            r[pc[1]] = constant(program, pc[2])
            pc += 3
        elif op == OP_MOVE:
            r[pc[1]] = r[pc[2]]
            pc += 3
        elif op == OP_UNSET:
            r[pc[1]] = UNDEFINED
            pc += 2
        elif op == OP_INPUT:
            a = vm.context.input
            if a == UNDEFINED:
                pc = code + pc[2]
            else:
                r[pc[1]] = a
                pc += 3
        elif op == OP_DATA:
            r[pc[1]] = vm.context.data
            pc += 2

        # Looking up
        elif op == OP_DOT:
            a = dot_as(heap, r[pc[2]], r[pc[3]])
            if a == UNDEFINED:
                pc = code + pc[4]
            else:
                r[pc[1]] = a
                pc += 5
        elif op == OP_DOTK:
            a = dot_as(heap, r[pc[2]], constant(program, pc[3]))
            if a == UNDEFINED:
                pc = code + pc[4]
            else:
                r[pc[1]] = a
                pc += 5
        elif op == OP_PATHK:
            a = dots(heap, r[pc[2]], constant(program, pc[3]))
            if a == UNDEFINED:
                pc = code + pc[4]
            else:
                r[pc[1]] = a
                pc += 5
        elif op == OP_INPUTK:
            a = input_path(vm, constant(program, pc[2]))
            if a == UNDEFINED:
                pc = code + pc[3]
            else:
                r[pc[1]] = a
                pc += 4
        elif op == OP_DATAK:
            a = stored_path(heap, vm.context.data, constant(program, pc[2]))
            if a == UNDEFINED:
                pc = code + pc[3]
            else:
                r[pc[1]] = a
                pc += 4
        elif op == OP_INDEX:
            a = UNDEFINED
            if vm.find != NULL and r[pc[3]] != UNDEFINED:
                a = vm.find(vm.finder, heap, program, pc[2], r[pc[3]], vm.epoch)
                if a == UNDEFINED and heap.error != E_NONE:
                    break
            if a == UNDEFINED:
                pc = code + pc[4]
            else:
                left -= seq_node(a).n >> 3
                r[pc[1]] = a
                pc += 5
        elif op == OP_DOTD:
            a = stored(heap, r[pc[2]], r[pc[3]])
            if a == UNDEFINED:
                pc = code + pc[4]
            else:
                r[pc[1]] = a
                pc += 5

        # Tests
        elif op == OP_TRUE:
            a = r[pc[1]]
            if a == W_FALSE or a == UNDEFINED:
                pc = code + pc[2]
            else:
                pc += 3
        elif op == OP_DEF:
            pc = pc + 3 if r[pc[1]] != UNDEFINED else code + pc[2]
        elif op == OP_UNDEF:
            pc = pc + 3 if r[pc[1]] == UNDEFINED else code + pc[2]
        elif op == OP_EQ:
            pc = pc + 4 if same(r[pc[1]], r[pc[2]]) else code + pc[3]
        elif op == OP_EQK:
            pc = pc + 4 if same(r[pc[1]], constant(program, pc[2])) else code + pc[3]
        elif op == OP_NEQ:
            pc = pc + 4 if not same(r[pc[1]], r[pc[2]]) else code + pc[3]
        elif op == OP_CMP:
            r[pc[1]] = from_bool(holds(pc[2], r[pc[3]], r[pc[4]]))
            pc += 5
        elif op == OP_CMPJ:
            pc = pc + 5 if holds(pc[1], r[pc[2]], r[pc[3]]) else code + pc[4]
        elif op == OP_CMPKJ:
            a = constant(program, pc[3])
            pc = pc + 5 if holds(pc[1], r[pc[2]], a) else code + pc[4]
        elif op == OP_ARRLEN:
            a = r[pc[1]]
            if tag(a) == T_ARR and seq_node(a).n == <uint32_t>pc[2]:
                pc += 4
            else:
                pc = code + pc[3]
        elif op == OP_OBJLEN:
            a = r[pc[1]]
            if tag(a) == T_OBJ and seq_len(a) == <uint32_t>pc[2]:
                pc += 4
            else:
                pc = code + pc[3]

        # Iterating.  The second register is the next position as an integer.
        elif op == OP_ITER:
            a = r[pc[2]]
            if tag(a) < T_ARR or tag(a) == T_AUX:
                pc = code + pc[3]
            else:
                if tag(a) == T_OBJ:
                    sort_object(a)
                r[pc[1]] = a
                r[pc[1] + 1] = from_int(0)
                pc += 4
        elif op == OP_NEXT:
            a = r[pc[1]]
            at = <uint64_t>as_int(r[pc[1] + 1])
            if tag(a) < T_ARR or tag(a) == T_AUX or at >= seq_node(a).n:
                pc = code + pc[4]
            else:
                seq = seq_node(a)
                r[pc[1] + 1] = from_int(<int64_t>at + 1)
                if tag(a) == T_ARR:
                    if pc[2] >= 0:
                        r[pc[2]] = from_int(<int64_t>at)
                    if pc[3] >= 0:
                        r[pc[3]] = load(&seq.items[at])
                elif tag(a) == T_OBJ:
                    if pc[2] >= 0:
                        r[pc[2]] = load(&seq.items[2 * at])
                    if pc[3] >= 0:
                        r[pc[3]] = load(&seq.items[2 * at + 1])
                else:
                    b = load(&seq.items[at])
                    if pc[2] >= 0:
                        r[pc[2]] = b
                    if pc[3] >= 0:
                        r[pc[3]] = b
                pc += 5

        # Building
        elif op == OP_ARR or op == OP_OBJ or op == OP_SET:
            a = build(vm, op, r + pc[2], pc[3])
            if a == UNDEFINED:
                break
            left -= pc[3] >> 3
            r[pc[1]] = a
            pc += 4
        elif op == OP_ANEW or op == OP_SNEW or op == OP_ONEW:
            a = new_builder(
                heap,
                B_ARRAY if op == OP_ANEW else B_SET if op == OP_SNEW else B_OBJECT,
            )
            if a == UNDEFINED:
                break
            r[pc[1]] = a
            pc += 2
        elif op == OP_AADD or op == OP_SADD:
            builder = <Builder*>node(r[pc[1]])
            a = r[pc[2]]
            if (
                tag(r[pc[1]]) != T_AUX
                or a == UNDEFINED
                or builder.kind != (B_ARRAY if op == OP_AADD else B_SET)
            ):
                set_failure(vm, E_INTERNAL, b"no builder, or no value for it", -1)
                break
            if op == OP_AADD:
                fine = builder_append(heap, builder, a)
            else:
                fine = builder_add(heap, builder, a)
            if not fine:
                break
            pc += 3
        elif op == OP_OADD:
            builder = <Builder*>node(r[pc[1]])
            a = r[pc[2]]
            b = r[pc[3]]
            if (
                tag(r[pc[1]]) != T_AUX
                or builder.kind != B_OBJECT
                or a == UNDEFINED
                or b == UNDEFINED
            ):
                set_failure(vm, E_INTERNAL, b"no builder, or no value for it", -1)
                break
            if not builder_set(heap, builder, a, b):
                vm.error_location = pc[4]
                break
            pc += 5
        elif op == OP_BPUT or op == OP_BADD:
            builder = <Builder*>node(r[pc[1]])
            b = r[pc[4]]
            fine = (
                tag(r[pc[1]]) == T_AUX
                and builder.kind == B_OBJECT
                and b != UNDEFINED
            )
            for i in range(pc[3]):
                if r[pc[2] + i] == UNDEFINED:
                    fine = False
            if not fine:
                set_failure(vm, E_INTERNAL, b"no builder, or no value for it", -1)
                break
            if not builder_put(heap, builder, r + pc[2], pc[3], b, op == OP_BADD):
                vm.error_location = pc[5]
                break
            pc += 6
        elif op == OP_DONE:
            builder = <Builder*>node(r[pc[2]])
            if tag(r[pc[2]]) != T_AUX:
                set_failure(vm, E_INTERNAL, b"no builder", -1)
                break
            left -= builder.n >> 3
            a = builder_done(heap, builder)
            if a == UNDEFINED:
                break
            r[pc[1]] = a
            pc += 3

        # Calling
        elif op == OP_CALL:
            vm.pc = pc
            recall = NULL
            if program.functions[pc[2]].flags & FN_MEMO:
                recall = find_recall(vm, pc[2], r + pc[3])
                if recall == NULL:
                    break
                if recall.value == MEMO_UNDEFINED:
                    pc = code + pc[4]
                    continue
                if recall.value != 0:
                    r[pc[1]] = recall.value
                    pc += 5
                    continue
            if not push_frame(vm, pc[2]):
                break
            frame = &vm.frames[vm.depth - 1]
            r = vm.registers + (frame - 1).base
            frame.dest = pc[1]
            frame.ret = pc + 5
            frame.fail = code + pc[4]
            if recall != NULL:
                vm.serials += 1
                recall.value = MEMO_RUNNING
                recall.owner = vm.serials
                frame.recall = recall
                frame.owner = vm.serials
            memcpy(
                vm.registers + frame.base,
                r + pc[3],
                frame.function.params * sizeof(Word),
            )
            r = vm.registers + frame.base
            code = frame.function.code
            pc = code
        elif op == OP_RULE or op == OP_TRY:
            context = vm.context
            if context.memo == NULL and not make_memo(vm):
                break
            a = context.memo[pc[2]]
            if a == 0 or (a == MEMO_CONFLICT and op == OP_RULE):
                vm.pc = pc
                if not push_frame(vm, pc[2]):
                    break
                context.memo[pc[2]] = MEMO_RUNNING
                frame = &vm.frames[vm.depth - 1]
                frame.memo = pc[2]
                frame.dest = pc[1]
                frame.fail = code + pc[3]
                if op == OP_RULE:
                    frame.ret = pc + 4
                else:
                    frame.ret = pc + 5
                    frame.rescue = code + pc[4]
                r = vm.registers + frame.base
                code = frame.function.code
                pc = code
            elif a == MEMO_UNDEFINED:
                pc = code + pc[3]
            elif a == MEMO_RUNNING:
                set_failure(vm, E_INTERNAL, b"a rule calls itself", -1)
                break
            elif a == MEMO_CONFLICT:
                pc = code + pc[4]
            else:
                r[pc[1]] = a
                pc += 4 if op == OP_RULE else 5
        elif op == OP_BUILTIN:
            before = taken(heap)
            vm.pc = pc
            left -= operand_cost(r + pc[3], pc[4])
            a = call_builtin(vm, pc[2], r + pc[3], pc[4], pc[6])
            left -= <int64_t>((taken(heap) - before) // BYTES_PER_STEP)
            if a == UNDEFINED:
                if heap.error != E_NONE:
                    break
                pc = code + pc[5]
            else:
                r[pc[1]] = a
                pc += 7
        elif op == OP_ONCE:
            a = r[pc[2]]
            b = r[pc[1]]
            if b == UNDEFINED:
                r[pc[1]] = a
                if frame.first < 0:
                    frame.first = pc[5]
                pc += 6
            elif same(a, b):
                pc += 6
            elif note_rival(vm, frame, b, a, constant(program, pc[3]), pc[5]):
                pc = code + pc[4]
            else:
                break

        # `with`
        elif op == OP_WPUSH:
            if not push_context(vm):
                break
            pc += 1
        elif op == OP_WPOP:
            if vm.context == frame.entered:
                set_failure(vm, E_INTERNAL, b"no context to pop", -1)
                break
            pop_context(vm)
            pc += 1
        elif op == OP_WINPUT:
            vm.context.input = r[pc[1]]
            pc += 2
        elif op == OP_WINPUTP:
            a = put_path(heap, vm.context.input, constant(program, pc[1]), 0, r[pc[2]])
            if a == UNDEFINED:
                break
            vm.context.input = a
            pc += 3
        elif op == OP_WDATA:
            if not set_override(vm, constant(program, pc[1]), r[pc[2]]):
                break
            pc += 3
        elif op == OP_WMOCKV:
            if not set_mock(vm, pc[1], MOCK_VALUE, 0, r[pc[2]]):
                break
            pc += 3
        elif op == OP_WMOCKF:
            if not set_mock(vm, pc[1], MOCK_FUNCTION, pc[2], UNDEFINED):
                break
            pc += 3
        elif op == OP_WMOCKB:
            if not set_mock(vm, pc[1], MOCK_BUILTIN, pc[2], UNDEFINED):
                break
            pc += 3
        elif op == OP_MOCKED:
            mock = vm.context.mocks
            if mock == NULL or mock[pc[2]].kind == MOCK_NONE:
                pc = code + pc[6]
            elif mock[pc[2]].kind == MOCK_VALUE:
                a = mock[pc[2]].value
                if a == UNDEFINED:
                    pc = code + pc[5]
                else:
                    r[pc[1]] = a
                    pc += 8
            elif mock[pc[2]].kind == MOCK_BUILTIN:
                i = mock[pc[2]].target
                if (
                    program.builtins[i].arity >= 0
                    and program.builtins[i].arity != pc[4]
                ):
                    set_failure(
                        vm, E_INTERNAL, b"a mock takes other operands", pc[7]
                    )
                    break
                before = taken(heap)
                vm.pc = pc
                a = call_builtin(vm, i, r + pc[3], pc[4], pc[7])
                left -= <int64_t>((taken(heap) - before) // BYTES_PER_STEP)
                if a == UNDEFINED:
                    if heap.error != E_NONE:
                        break
                    pc = code + pc[5]
                else:
                    r[pc[1]] = a
                    pc += 8
            else:
                # In a context where nothing is replaced, as OPA has it
                i = mock[pc[2]].target
                if program.functions[i].params != <uint32_t>pc[4]:
                    set_failure(
                        vm, E_INTERNAL, b"a mock takes other operands", pc[7]
                    )
                    break
                context = vm.context
                vm.pc = pc
                if not push_context(vm):
                    break
                vm.context.mocks = NULL
                if not push_frame(vm, i):
                    break
                frame = &vm.frames[vm.depth - 1]
                frame.leave = context
                frame.dest = pc[1]
                frame.ret = pc + 8
                frame.fail = code + pc[5]
                r = vm.registers + (frame - 1).base
                memcpy(
                    vm.registers + frame.base, r + pc[3], pc[4] * sizeof(Word)
                )
                r = vm.registers + frame.base
                code = frame.function.code
                pc = code
        elif op == OP_OVERRIDE:
            override = NULL
            if vm.context.overrides != NULL:
                override = find_override(vm, constant(program, pc[2]))
            if override == NULL:
                pc = code + pc[4]
            else:
                a = walk_path(
                    override.value, constant(program, pc[2]), seq_node(override.path).n
                )
                if a == UNDEFINED:
                    pc = code + pc[3]
                else:
                    r[pc[1]] = a
                    pc += 5
        else:
            set_failure(vm, E_INTERNAL, b"no such instruction", -1)
            break
    else:
        vm.pc = pc
        vm.left = left
        return S_SUSPENDED
    vm.pc = pc
    vm.left = left
    if heap.error == E_NONE:
        set_failure(vm, E_INTERNAL, b"stopped without a reason", -1)
    return S_FAILED
