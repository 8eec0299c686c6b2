"""Frames, contexts and builders: all that the evaluator changes as it runs."""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memset

from gatewright._native.program cimport Function, Program
from gatewright._native.value cimport (
    E_CONFLICT,
    E_INTERNAL,
    E_NONE,
    T_ARR,
    T_AUX,
    T_INT,
    T_NUM,
    T_OBJ,
    T_STR,
    UNDEFINED,
    ErrorKind,
    Heap,
    NumNode,
    SeqNode,
    Word,
    as_int,
    equal,
    fail,
    heap_alloc,
    item,
    load,
    lookup,
    new_array,
    new_object,
    new_set,
    new_str,
    node,
    num_node,
    seq_node,
    sort_object,
    str_node,
    tag,
)

cdef enum:
    FIRST_REGISTERS = 1024
    FIRST_FRAMES = 32
    FIRST_ROOM = 8              # of a builder
    SCAN = 8                    # members up to which a scan beats an index


# Errors ----------------------------------------------------------------------

cdef void set_failure(
    Vm* vm, ErrorKind kind, const char* message, int32_t location
) noexcept nogil:
    fail(vm.heap, kind, message)
    vm.error_location = location


cdef void collect_error(Vm* vm, int32_t location) noexcept nogil:
    # The heap's error becomes one of the list
    cdef Heap* heap = vm.heap
    cdef ErrorKind kind = heap.error
    cdef Collected* out
    cdef size_t size = 0
    heap.error = E_NONE
    vm.collected_count += 1
    if vm.collected_count > MAX_COLLECTED or heap.quiet:
        return
    out = <Collected*>heap_alloc(heap, sizeof(Collected))
    if out == NULL:
        return
    while heap.message[size]:
        size += 1
    out.next = NULL
    out.kind = kind
    out.location = location
    out.message = new_str(heap, heap.message, size)
    vm.collected_end[0] = out
    vm.collected_end = &out.next


# Frames ----------------------------------------------------------------------

cdef void vm_init(Vm* vm, Heap* heap) noexcept nogil:
    memset(vm, 0, sizeof(Vm))
    vm.heap = heap


cdef void vm_free(Vm* vm) noexcept nogil:
    free(vm.registers)
    free(vm.frames)
    vm.registers = NULL
    vm.frames = NULL
    vm.register_room = 0
    vm.frame_room = 0


cdef bint grow_registers(Vm* vm, size_t need) noexcept nogil:
    cdef size_t room = vm.register_room if vm.register_room else FIRST_REGISTERS
    cdef Word* registers
    while room < need:
        room *= 2
    if room > MAX_WINDOW:
        set_failure(vm, E_INTERNAL, b"calls are nested too deep", -1)
        return False
    registers = <Word*>realloc(vm.registers, room * sizeof(Word))
    if registers == NULL:
        set_failure(vm, E_INTERNAL, b"out of memory", -1)
        return False
    vm.registers = registers
    vm.register_room = room
    return True


cdef bint grow_frames(Vm* vm) noexcept nogil:
    cdef uint32_t room = 2 * vm.frame_room if vm.frame_room else FIRST_FRAMES
    cdef Frame* frames
    if vm.depth >= MAX_FRAMES:
        set_failure(vm, E_INTERNAL, b"calls are nested too deep", -1)
        return False
    frames = <Frame*>realloc(vm.frames, room * sizeof(Frame))
    if frames == NULL:
        set_failure(vm, E_INTERNAL, b"out of memory", -1)
        return False
    vm.frames = frames
    vm.frame_room = room
    return True


cdef bint push_frame(Vm* vm, uint32_t function) noexcept nogil:
    # The window starts where that of the caller ends; all registers undefined.
    # The caller fills in where to go back to, and the arguments.
    cdef const Function* callee = &vm.program.functions[function]
    cdef Frame* frame
    cdef size_t base = 0
    if vm.depth == vm.frame_room and not grow_frames(vm):
        return False
    frame = &vm.frames[vm.depth]
    if vm.depth:
        base = (frame - 1).base + (frame - 1).function.registers
    # one more: an empty block of operands may start there
    if base + callee.registers + 1 > vm.register_room and not grow_registers(
        vm, base + callee.registers + 1
    ):
        return False
    memset(vm.registers + base, 0, callee.registers * sizeof(Word))
    frame.function = callee
    frame.base = <uint32_t>base
    frame.memo = -1
    frame.entered = vm.context
    frame.leave = vm.context
    frame.ret = NULL
    frame.fail = NULL
    frame.dest = 0
    frame.first = -1
    frame.rescue = NULL
    frame.clash = NULL
    frame.recall = NULL
    vm.depth += 1
    vm.pc = callee.code
    return True


cdef Status vm_start(
    Vm* vm, const Program* program, uint32_t function, Word input, Word data
) noexcept nogil:
    vm.program = program
    vm.context = &vm.root
    memset(&vm.root, 0, sizeof(Context))
    vm.root.input = input
    vm.stamps += 1
    vm.call_stamp = vm.stamps
    vm.root.data = data
    vm.depth = 0
    vm.result = UNDEFINED
    vm.error_code = 0
    vm.error_message = 0
    vm.error_location = -1
    vm.collected_count = 0
    vm.collected = NULL
    vm.collected_end = &vm.collected
    vm.remembered = NULL
    vm.recalls = NULL
    vm.serials = 1
    vm.root.serial = 1
    vm.spare_contexts = NULL
    vm.spare_memos = NULL
    vm.raised = NULL
    vm.heap.error = E_NONE
    if function >= program.function_count or program.functions[function].params:
        set_failure(vm, E_INTERNAL, b"no such entry point", -1)
        return S_FAILED
    if not push_frame(vm, function):
        return S_FAILED
    return S_SUSPENDED


# Contexts --------------------------------------------------------------------

cdef bint make_memo(Vm* vm) noexcept nogil:
    # Memos are as many words as there are functions, with a link before them.
    cdef uint32_t n = vm.program.function_count
    cdef Word* memo = vm.spare_memos
    if memo != NULL:
        vm.spare_memos = <Word*>memo[0]
    else:
        memo = <Word*>heap_alloc(vm.heap, (n + 1) * sizeof(Word))
        if memo == NULL:
            return False
    memset(memo, 0, (n + 1) * sizeof(Word))
    vm.context.memo = memo + 1
    return True


cdef bint push_context(Vm* vm) noexcept nogil:
    cdef Context* context = vm.spare_contexts
    if context != NULL:
        vm.spare_contexts = context.parent
    else:
        context = <Context*>heap_alloc(vm.heap, sizeof(Context))
        if context == NULL:
            return False
    context[0] = vm.context[0]
    context.parent = vm.context
    context.memo = NULL
    vm.serials += 1
    context.serial = vm.serials
    vm.context = context
    return True


cdef void pop_context(Vm* vm) noexcept nogil:
    cdef Context* context = vm.context
    vm.context = context.parent
    if context.memo != NULL:
        context.memo -= 1
        context.memo[0] = <Word>vm.spare_memos
        vm.spare_memos = context.memo
        context.memo = NULL
    context.parent = vm.spare_contexts
    vm.spare_contexts = context


cdef bint set_mock(
    Vm* vm, int32_t slot, MockKind kind, int32_t target, Word value
) noexcept nogil:
    # A copy: the table may be that of the parent
    cdef size_t size = vm.program.mock_count * sizeof(Mock)
    cdef Mock* mocks = <Mock*>heap_alloc(vm.heap, size)
    if mocks == NULL:
        return False
    if vm.context.mocks != NULL:
        memcpy(mocks, vm.context.mocks, size)
    else:
        memset(mocks, 0, size)
    mocks[slot].kind = kind
    mocks[slot].target = target
    mocks[slot].value = value
    vm.context.mocks = mocks
    return True


cdef inline uint32_t common(Word a, Word b) noexcept nogil:
    # How many first keys two paths share
    cdef uint32_t n = seq_node(a).n
    cdef uint32_t i
    if seq_node(b).n < n:
        n = seq_node(b).n
    for i in range(n):
        if not equal(item(a, i), item(b, i)):
            return i
    return n


cdef bint set_override(Vm* vm, Word path, Word value) noexcept nogil:
    # At most one override is at or above any path: one above takes the new value
    # in, those below the new one go.
    cdef Context* context = vm.context
    cdef Override* old = context.overrides
    cdef Override* made = NULL
    cdef Override* entry
    cdef uint32_t n = seq_node(path).n
    cdef uint32_t shared
    cdef bint inside = False
    cdef Word data = context.data
    while old != NULL:
        shared = common(old.path, path)
        if shared < n or shared == seq_node(old.path).n:
            entry = <Override*>heap_alloc(vm.heap, sizeof(Override))
            if entry == NULL:
                return False
            entry[0] = old[0]
            entry.next = made
            made = entry
            if shared == seq_node(old.path).n:
                inside = True
                entry.value = put_path(vm.heap, old.value, path, shared, value)
                if entry.value == UNDEFINED:
                    return False
        old = old.next
    if not inside:
        entry = <Override*>heap_alloc(vm.heap, sizeof(Override))
        if entry == NULL:
            return False
        entry.path = path
        entry.value = value
        entry.next = made
        made = entry
    context.overrides = made
    context.data = put_path(vm.heap, data, path, 0, value)
    return context.data != UNDEFINED


cdef Override* find_override(Vm* vm, Word path) noexcept nogil:
    cdef Override* entry = vm.context.overrides
    while entry != NULL:
        if common(entry.path, path) == seq_node(entry.path).n:
            return entry
        entry = entry.next
    return NULL


cdef Word walk_path(Word w, Word path, uint32_t first) noexcept nogil:
    cdef uint32_t i
    for i in range(first, seq_node(path).n):
        w = lookup(w, item(path, i))
        if w == UNDEFINED:
            break
    return w


cdef Word with_key(Heap* heap, Word w, Word key, Word value) noexcept nogil:
    # The object with one key set; of anything else, an object of that key alone
    cdef uint32_t n = 0
    cdef uint32_t i
    cdef SeqNode* seq
    cdef Word* pairs
    if tag(w) == T_OBJ:
        seq = seq_node(w)
        n = seq.n
    pairs = <Word*>heap_alloc(heap, (2 * <size_t>n + 2) * sizeof(Word))
    if pairs == NULL:
        return UNDEFINED
    for i in range(2 * n):
        pairs[i] = load(&seq.items[i])
    pairs[2 * n] = key
    pairs[2 * n + 1] = value
    return new_object(heap, pairs, n + 1)


cdef Word put_path(
    Heap* heap, Word w, Word path, uint32_t first, Word value
) noexcept nogil:
    cdef uint32_t n = seq_node(path).n
    cdef uint32_t i
    cdef Word* above
    if first >= n:
        return value
    above = <Word*>heap_alloc(heap, (n - first) * sizeof(Word))
    if above == NULL:
        return UNDEFINED
    for i in range(first, n):
        above[i - first] = w
        w = lookup(w, item(path, i)) if tag(w) == T_OBJ else <Word>UNDEFINED
    i = n
    while i > first:
        i -= 1
        value = with_key(heap, above[i - first], item(path, i), value)
        if value == UNDEFINED:
            break
    return value


# Hashing ---------------------------------------------------------------------

cdef inline uint32_t mix(uint64_t x) noexcept nogil:
    x *= <uint64_t>0x9E3779B97F4A7C15
    x ^= x >> 32
    return <uint32_t>x


cdef uint32_t hash_number(Word w) noexcept nogil:
    # Spellings of whole numbers that may be equal to a T_INT hash as it does.
    cdef NumNode* num
    cdef const char* digits
    cdef uint64_t value = 0
    cdef int64_t i
    if tag(w) == T_INT:
        return mix(<uint64_t>as_int(w))
    num = num_node(w)
    if num.exp < 0 or num.exp > 19 or num.digits > num.exp:
        return num.hash
    digits = num.text + num.size + 1
    for i in range(num.exp):
        value = value * 10
        if i < num.digits:
            value += digits[i] - c"0"
    return mix(0 - value if num.sign < 0 else value)


cdef uint32_t hash_depth(Word w, int depth) noexcept nogil:
    # A look at the first few members is enough to tell most things apart.
    cdef uint32_t h, i, n
    cdef SeqNode* seq
    cdef int t = <int>tag(w)
    if t == T_STR:
        return str_node(w).hash
    if t == T_INT or t == T_NUM:
        return hash_number(w)
    if t < T_ARR:
        return mix(w)
    if t == T_OBJ:
        sort_object(w)
    seq = seq_node(w)
    h = seq.n * 8 + <uint32_t>t
    if depth == 0:
        return h
    n = 2 * seq.n if t == T_OBJ else seq.n
    for i in range(n if n < 8 else 8):
        h = h * 31 + hash_depth(load(&seq.items[i]), depth - 1)
    return mix(h)


cdef uint32_t hash_value(Word w) noexcept nogil:
    return hash_depth(w, 3)


# Builders --------------------------------------------------------------------

cdef Word new_builder(Heap* heap, BuilderKind kind) noexcept nogil:
    cdef Builder* out = <Builder*>heap_alloc(heap, sizeof(Builder))
    if out == NULL:
        return UNDEFINED
    memset(out, 0, sizeof(Builder))
    out.kind = kind
    return <Word>out | T_AUX


cdef bint builder_grow(Heap* heap, Builder* builder) noexcept nogil:
    cdef uint32_t room = 2 * builder.room if builder.room else FIRST_ROOM
    cdef uint32_t width = 2 if builder.kind == B_OBJECT else 1
    cdef Word* items
    if room > <uint32_t>1 << 29:
        fail(heap, E_INTERNAL, b"a collection has too many members")
        return False
    items = <Word*>heap_alloc(heap, <size_t>room * width * sizeof(Word))
    if items == NULL:
        return False
    if builder.n:
        memcpy(items, builder.items, <size_t>builder.n * width * sizeof(Word))
    builder.items = items
    builder.room = room
    return True


cdef bint builder_append(Heap* heap, Builder* builder, Word w) noexcept nogil:
    if builder.n == builder.room and not builder_grow(heap, builder):
        return False
    builder.items[builder.n] = w
    builder.n += 1
    return True


cdef void index_put(Builder* builder, uint32_t position) noexcept nogil:
    cdef uint32_t width = 2 if builder.kind == B_OBJECT else 1
    cdef uint32_t at = hash_value(builder.items[position * width]) & builder.mask
    while builder.index[at]:
        at = (at + 1) & builder.mask
    builder.index[at] = position + 1


cdef bint builder_index(Heap* heap, Builder* builder) noexcept nogil:
    # At most half full
    cdef uint32_t slots = 4 * (builder.n if builder.n > SCAN else SCAN)
    cdef uint32_t i
    i = 1
    while i < slots:
        i *= 2
    slots = i
    builder.index = <uint32_t*>heap_alloc(heap, slots * sizeof(uint32_t))
    if builder.index == NULL:
        return False
    memset(builder.index, 0, slots * sizeof(uint32_t))
    builder.mask = slots - 1
    for i in range(builder.n):
        index_put(builder, i)
    return True


cdef int64_t builder_find(Builder* builder, Word key) noexcept nogil:
    # Position of a member or key, -1 when absent
    cdef uint32_t width = 2 if builder.kind == B_OBJECT else 1
    cdef uint32_t i, at
    if builder.mask == 0:
        for i in range(builder.n):
            if equal(builder.items[i * width], key):
                return i
        return -1
    at = hash_value(key) & builder.mask
    while builder.index[at]:
        i = builder.index[at] - 1
        if equal(builder.items[i * width], key):
            return i
        at = (at + 1) & builder.mask
    return -1


cdef bint builder_note(Heap* heap, Builder* builder) noexcept nogil:
    # The last member was just added
    if builder.mask == 0:
        return builder.n <= SCAN or builder_index(heap, builder)
    if 2 * builder.n > builder.mask:
        return builder_index(heap, builder)
    index_put(builder, builder.n - 1)
    return True


cdef bint builder_add(Heap* heap, Builder* builder, Word w) noexcept nogil:
    if builder_find(builder, w) >= 0:
        return True
    return builder_append(heap, builder, w) and builder_note(heap, builder)


cdef bint builder_insert(
    Heap* heap, Builder* builder, Word key, Word value
) noexcept nogil:
    # The key is new
    if builder.n == builder.room and not builder_grow(heap, builder):
        return False
    builder.items[2 * builder.n] = key
    builder.items[2 * builder.n + 1] = value
    builder.n += 1
    return builder_note(heap, builder)


cdef bint conflict(Heap* heap) noexcept nogil:
    fail(heap, E_CONFLICT, b"object keys must be unique")
    return False


cdef bint builder_set(
    Heap* heap, Builder* builder, Word key, Word value
) noexcept nogil:
    cdef int64_t at = builder_find(builder, key)
    cdef Word old
    if at < 0:
        return builder_insert(heap, builder, key, value)
    old = builder.items[2 * at + 1]
    if tag(old) == T_AUX or not equal(old, value):
        return conflict(heap)
    return True


cdef bint builder_put(
    Heap* heap, Builder* builder, const Word* path, int32_t n, Word value, bint member
) noexcept nogil:
    cdef int32_t i
    cdef int64_t at
    cdef Word child
    cdef BuilderKind kind
    for i in range(n if member else n - 1):
        kind = B_SET if member and i == n - 1 else B_OBJECT
        at = builder_find(builder, path[i])
        if at < 0:
            child = new_builder(heap, kind)
            if child == UNDEFINED or not builder_insert(heap, builder, path[i], child):
                return False
        else:
            child = builder.items[2 * at + 1]
            if tag(child) != T_AUX:
                return conflict(heap)
        builder = <Builder*>node(child)
        if builder.kind != kind:
            return conflict(heap)
    if member:
        return builder_add(heap, builder, value)
    return builder_set(heap, builder, path[n - 1], value)


cdef Word builder_done(Heap* heap, Builder* builder) noexcept nogil:
    # Recursion is as deep as the longest path, which is bounded.
    cdef uint32_t i
    cdef Word child
    if builder.kind == B_ARRAY:
        return new_array(heap, builder.items, builder.n)
    builder.mask = 0
    if builder.kind == B_SET:
        return new_set(heap, builder.items, builder.n)
    for i in range(builder.n):
        child = builder.items[2 * i + 1]
        if tag(child) == T_AUX:
            child = builder_done(heap, <Builder*>node(child))
            if child == UNDEFINED:
                return UNDEFINED
            builder.items[2 * i + 1] = child
    return new_object(heap, builder.items, builder.n)
