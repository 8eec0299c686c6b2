# cython: cdivision=True
"""The passes over the code of one function: jumps, moves, dead code, registers.

Instructions come in as tuples and lie in one table while the passes run over it;
what no pass touched goes back as the tuple that it was.  In Python the same took a
fifth of all compiling.  plan/passes/code.py shows what each of them does.

This file is long because all passes work on one table of instructions, which only
methods of one class can share without a cost.
"""

cimport cython
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, qsort
from libc.string cimport memset

from gatewright._native.opcodes cimport (
    OPCODE_COUNT, OP_ANEW, OP_ARR, OP_CALL, OP_CMP, OP_CMPJ, OP_CMPKJ, OP_CONST,
    OP_DATA, OP_DEF, OP_DONE, OP_EQ, OP_EQK, OP_ERR, OP_ITER, OP_JUMP, OP_MOVE, OP_NEQ,
    OP_NEXT, OP_OBJ, OP_ONEW, OP_RET, OP_RETU, OP_SET, OP_SNEW, OP_TRUE, OP_UNDEF,
    OP_UNSET,
)

cdef enum:
    WIDTH = 8               # operands of an instruction, at most
    REACH = 16              # registers that one reads or sets by name, at most

# Where the operands of an opcode are, by what is done with them
ctypedef struct Shape:
    int labels[WIDTH]
    int label_count
    int reads[WIDTH]
    int read_count
    int sets[WIDTH]
    int set_count
    int optional[WIDTH]
    int optional_count
    int registers[WIDTH]
    int register_count
    int block               # place of the first of a row of registers, or -1
    int size                # place of how many
    bint pair

ctypedef struct Instr:
    int32_t op
    int32_t count           # operands
    int32_t origin          # instruction that it was
    bint changed
    int64_t args[WIDTH]

# What an instruction does with registers: the block comes on top of the reads
ctypedef struct Effects:
    int64_t reads[REACH]
    int read_count
    int64_t sets[REACH]
    int set_count
    int64_t block
    int64_t size

# Registers that stay in a row, and the stretch in which any of them is alive
ctypedef struct Row:
    int64_t start
    int64_t end
    int64_t first
    int64_t size


cdef int by_start(const void* a, const void* b) noexcept nogil:
    cdef const Row* x = <const Row*>a
    cdef const Row* y = <const Row*>b
    if x.start != y.start:
        return -1 if x.start < y.start else 1
    if x.end != y.end:
        return -1 if x.end < y.end else 1
    return (x.first > y.first) - (x.first < y.first)


cdef int fill(int* places, given) except -1:
    cdef int n = 0
    if len(given) > WIDTH:
        raise ValueError("too many operands")
    for place in given:
        places[n] = place
        n += 1
    return n


@cython.final
cdef class Opcodes:
    """What the passes know of the opcodes.

    `shapes`: for each opcode (labels, reads, sets, optional, registers, block, size,
    pair), places among its operands.  `opposites`: for each relation its opposite.
    `unequal`: the relation `neq`.
    """

    cdef Shape shapes[OPCODE_COUNT]
    cdef int opposites[WIDTH]
    cdef int unequal

    def __cinit__(self, shapes, opposites, int unequal):
        cdef Shape* shape
        cdef int op = 0
        if len(shapes) != OPCODE_COUNT:
            raise ValueError("other opcodes")
        for labels, reads, sets, optional, registers, block, size, pair in shapes:
            shape = &self.shapes[op]
            shape.label_count = fill(shape.labels, labels)
            shape.read_count = fill(shape.reads, reads)
            shape.set_count = fill(shape.sets, sets)
            shape.optional_count = fill(shape.optional, optional)
            shape.register_count = fill(shape.registers, registers)
            shape.block, shape.size, shape.pair = block, size, pair
            op += 1
        fill(self.opposites, opposites)
        self.unequal = unequal


@cython.final
cdef class Passes:
    """The passes over one function's code."""

    cdef Opcodes opcodes
    cdef const Shape* shapes
    cdef Instr* code
    cdef int32_t count
    cdef int64_t registers
    cdef int64_t params
    cdef int32_t* place     # room for a number for each instruction, and one more
    cdef char* mark         # likewise
    cdef char* wanted
    cdef object calls       # number of parameters of each function

    def __cinit__(self, Opcodes opcodes not None):
        self.opcodes = opcodes
        self.shapes = opcodes.shapes

    def __dealloc__(self):
        self.clear()

    cdef void clear(self) noexcept:
        free(self.code)
        free(self.place)
        free(self.mark)
        free(self.wanted)
        self.code = NULL
        self.place = NULL
        self.mark = self.wanted = NULL

    cdef int load(self, code) except -1:
        cdef Instr* instr
        cdef int32_t i = 0
        cdef size_t count = len(code)
        self.clear()
        self.code = <Instr*>calloc(count + 1, sizeof(Instr))
        self.place = <int32_t*>malloc((count + 1) * sizeof(int32_t))
        self.mark = <char*>malloc(count + 1)
        self.wanted = <char*>malloc(count + 1)
        if (
            self.code == NULL
            or self.place == NULL
            or self.mark == NULL
            or self.wanted == NULL
        ):
            raise MemoryError
        self.count = <int32_t>count
        for op, args in code:
            if not 0 <= op < OPCODE_COUNT or len(args) > WIDTH:
                raise ValueError("no such instruction")
            instr = &self.code[i]
            instr.op = op
            instr.origin = i
            for value in args:
                instr.args[instr.count] = value
                instr.count += 1
            i += 1
        for i in range(self.count):
            self.check(&self.code[i])
        return 0

    cdef int check(self, const Instr* instr) except -1:
        # Labels and registers are used as indexes below
        cdef const Shape* shape = &self.shapes[instr.op]
        cdef int i
        cdef Effects effects
        for i in range(shape.label_count):
            if not 0 <= instr.args[shape.labels[i]] < self.count:
                raise ValueError("no such label")
        for i in range(shape.register_count):
            if not -1 <= instr.args[shape.registers[i]] <= self.registers:
                raise ValueError("no such register")
        self.effects(instr, &effects)
        for i in range(effects.read_count):
            if not 0 <= effects.reads[i] < self.registers:
                raise ValueError("no such register")
        for i in range(effects.set_count):
            if not 0 <= effects.sets[i] < self.registers:
                raise ValueError("no such register")
        if effects.size < 0 or effects.size > self.registers - effects.block:
            raise ValueError("no such registers")
        return 0

    cdef int effects(self, const Instr* instr, Effects* out) except -1:
        cdef const Shape* shape = &self.shapes[instr.op]
        cdef int i
        cdef int64_t value
        out.read_count = shape.read_count
        for i in range(shape.read_count):
            out.reads[i] = instr.args[shape.reads[i]]
        out.set_count = shape.set_count
        for i in range(shape.set_count):
            out.sets[i] = instr.args[shape.sets[i]]
        out.block = out.size = 0
        if shape.block >= 0:
            out.block, out.size = instr.args[shape.block], instr.args[shape.size]
            if instr.op == OP_CALL:
                out.size = self.calls[out.size]
            elif shape.pair:
                out.size *= 2
        if instr.op == OP_ITER:
            out.sets[out.set_count] = instr.args[0] + 1
            out.set_count += 1
        elif instr.op == OP_NEXT:
            value = instr.args[0]
            out.reads[out.read_count] = value + 1
            out.read_count += 1
            out.sets[out.set_count] = value
            out.sets[out.set_count + 1] = value + 1
            out.set_count += 2
            for i in range(shape.optional_count):
                value = instr.args[shape.optional[i]]
                if value >= 0:
                    out.sets[out.set_count] = value
                    out.set_count += 1
        return 0

    # Taking out ------------------------------------------------------------------

    cdef bint keep(self) noexcept:
        # Only the wanted; a label on one that goes becomes one on the next that stays
        cdef int32_t i, j, n = 0
        cdef Instr* instr
        cdef const Shape* shape
        cdef int64_t label
        for i in range(self.count):
            self.place[i] = n
            n += self.wanted[i]
        if n == self.count:
            return False
        for i in range(self.count):
            if not self.wanted[i]:
                continue
            instr = &self.code[i]
            shape = &self.shapes[instr.op]
            for j in range(shape.label_count):
                label = self.place[instr.args[shape.labels[j]]]
                if label != instr.args[shape.labels[j]]:
                    instr.args[shape.labels[j]] = label
                    instr.changed = True
            self.code[self.place[i]] = instr[0]
        self.count = n
        return True

    cdef void renumber(self, const int64_t* numbers) noexcept:
        cdef int32_t i, j
        cdef Instr* instr
        cdef const Shape* shape
        cdef int64_t register
        for i in range(self.count):
            instr = &self.code[i]
            shape = &self.shapes[instr.op]
            for j in range(shape.register_count):
                register = instr.args[shape.registers[j]]
                if register >= 0 and numbers[register] != register:
                    instr.args[shape.registers[j]] = numbers[register]
                    instr.changed = True

    # Jumps -----------------------------------------------------------------------

    cdef void mark_labels(self) noexcept:
        cdef int32_t i, j
        cdef const Shape* shape
        memset(self.mark, 0, self.count + 1)
        for i in range(self.count):
            shape = &self.shapes[self.code[i].op]
            for j in range(shape.label_count):
                self.mark[self.code[i].args[shape.labels[j]]] = 1

    cdef int64_t final(self, int64_t label) noexcept:
        # The end of a chain of jumps; of a ring of them, where it closes
        cdef int64_t slow = label
        cdef int64_t steps = 0
        while self.code[label].op == OP_JUMP and steps <= self.count:
            label = self.code[label].args[0]
            steps += 1
        if steps <= self.count:
            return label
        # A ring: the first label that comes again
        memset(self.wanted, 0, self.count + 1)
        while not self.wanted[slow]:
            self.wanted[slow] = 1
            slow = self.code[slow].args[0]
        return slow

    cdef bint turned(self, Instr* instr, int64_t over, int64_t to, constant) except -1:
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
            instr.args[0] = self.opcodes.opposites[instr.args[0]]
        elif instr.op == OP_EQK:
            instr.op = OP_CMPKJ
            instr.args[2], instr.args[1] = instr.args[1], instr.args[0]
            instr.args[0] = self.opcodes.unequal
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

    cdef void reach(self) noexcept:
        # Marks what can be reached, over what is not wanted
        cdef int32_t top = 0, index, j
        cdef const Shape* shape
        cdef int32_t* todo = self.place
        cdef int64_t label
        memset(self.mark, 0, self.count + 1)
        if self.count:
            self.mark[0] = 1
            todo[0] = 0
            top = 1
        while top:
            top -= 1
            index = todo[top]
            if self.wanted[index]:
                shape = &self.shapes[self.code[index].op]
                for j in range(shape.label_count):
                    label = self.code[index].args[shape.labels[j]]
                    if not self.mark[label]:
                        self.mark[label] = 1
                        todo[top] = <int32_t>label
                        top += 1
                if self.code[index].op in (OP_JUMP, OP_RET, OP_RETU, OP_ERR):
                    continue
            if index + 1 < self.count and not self.mark[index + 1]:
                self.mark[index + 1] = 1
                todo[top] = index + 1
                top += 1

    cdef bint round(self, constant) except -1:
        cdef int32_t i, j
        cdef Instr* instr
        cdef const Shape* shape
        cdef int64_t label
        self.mark_labels()
        for i in range(self.count):
            instr = &self.code[i]
            shape = &self.shapes[instr.op]
            for j in range(shape.label_count):
                label = self.final(instr.args[shape.labels[j]])
                if label != instr.args[shape.labels[j]]:
                    instr.args[shape.labels[j]] = label
                    instr.changed = True
        self.mark_labels()
        # What is a jump now; those that a test takes over are not wanted
        memset(self.wanted, 1, self.count + 1)
        for i in range(1, self.count - 1):
            if self.code[i].op != OP_JUMP or self.mark[i]:
                continue
            if self.turned(&self.code[i - 1], i + 1, self.code[i].args[0], constant):
                self.wanted[i] = 0
        for i in range(self.count):
            instr = &self.code[i]
            if instr.op == OP_JUMP and self.wanted[i]:
                if self.code[instr.args[0]].op == OP_RETU:
                    instr.op = OP_RETU
                    instr.count = 0
                    instr.changed = True
        self.reach()
        for i in range(self.count):
            instr = &self.code[i]
            if not self.mark[i] or (instr.op == OP_JUMP and instr.args[0] == i + 1):
                self.wanted[i] = 0
        return self.keep()

    # Moves -----------------------------------------------------------------------

    cdef int coalesce(self) except -1:
        cdef Effects effects
        cdef int32_t i, j
        cdef int64_t register, source, dest
        cdef bint found = False
        cdef int32_t* reads
        cdef int32_t* writes
        cdef char* fixed
        cdef int64_t* names
        for i in range(self.count):
            if self.code[i].op == OP_MOVE:
                found = True
                break
        if not found:
            return 0
        reads = <int32_t*>calloc(self.registers + 1, sizeof(int32_t))
        writes = <int32_t*>calloc(self.registers + 1, sizeof(int32_t))
        fixed = <char*>calloc(self.registers + 1, 1)
        names = <int64_t*>malloc((self.registers + 1) * sizeof(int64_t))
        try:
            if reads == NULL or writes == NULL or fixed == NULL or names == NULL:
                raise MemoryError
            memset(fixed, 1, self.params)
            for i in range(self.count):
                self.effects(&self.code[i], &effects)
                for j in range(effects.read_count):
                    reads[effects.reads[j]] += 1
                for j in range(effects.set_count):
                    writes[effects.sets[j]] += 1
                for register in range(effects.block, effects.block + effects.size):
                    reads[register] += 1
                    fixed[register] = 1
                if self.code[i].op == OP_ITER or self.code[i].op == OP_NEXT:
                    fixed[self.code[i].args[0]] = 1
                    fixed[self.code[i].args[0] + 1] = 1
            for register in range(self.registers + 1):
                names[register] = register
            memset(self.wanted, 1, self.count + 1)
            found = False
            for i in range(self.count):
                if self.code[i].op != OP_MOVE:
                    continue
                dest, source = self.code[i].args[0], self.code[i].args[1]
                if (
                    not fixed[source]
                    and reads[source] == 1
                    and writes[source] == 1
                    and writes[dest] == 1
                    and dest >= self.params
                ):
                    names[source] = dest
                    self.wanted[i] = 0
                    found = True
            if not found:
                return 0
            for register in range(self.registers):
                dest = register
                while names[dest] != dest:
                    dest = names[dest]
                names[register] = dest
            self.renumber(names)
            self.keep()
        finally:
            free(reads)
            free(writes)
            free(fixed)
            free(names)
        return 0

    # Dead code -------------------------------------------------------------------

    cdef int bury(self) except -1:
        cdef Effects effects
        cdef int32_t i, j
        cdef int64_t register
        cdef bint changed = True
        cdef Instr* instr
        cdef int32_t* reads = <int32_t*>calloc(self.registers + 2, sizeof(int32_t))
        if reads == NULL:
            raise MemoryError
        try:
            for i in range(self.count):
                self.effects(&self.code[i], &effects)
                for j in range(effects.read_count):
                    reads[effects.reads[j]] += 1
                for register in range(effects.block, effects.block + effects.size):
                    reads[register] += 1
            memset(self.wanted, 1, self.count + 1)
            while changed:
                changed = False
                for i in range(self.count - 1, -1, -1):
                    instr = &self.code[i]
                    if (
                        not self.wanted[i]
                        or not is_pure(instr.op)
                        or reads[instr.args[0]]
                    ):
                        continue
                    self.wanted[i] = 0
                    changed = True
                    self.effects(instr, &effects)
                    for j in range(effects.read_count):
                        reads[effects.reads[j]] -= 1
                    for register in range(effects.block, effects.block + effects.size):
                        reads[register] -= 1
            for i in range(self.count):
                instr = &self.code[i]
                if instr.op == OP_NEXT:
                    for j in range(1, 3):
                        if instr.args[j] >= 0 and not reads[instr.args[j]]:
                            instr.args[j] = -1
                            instr.changed = True
            self.keep()
        finally:
            free(reads)
        return 0

    # Registers -------------------------------------------------------------------

    cdef int pack(self) except -1:
        cdef int64_t n = self.registers
        cdef int64_t words = (n + 64) // 64
        cdef int64_t count = self.count
        cdef Effects* effects = <Effects*>malloc((count + 1) * sizeof(Effects))
        cdef uint64_t* alive = <uint64_t*>calloc(
            (count + 1) * words, sizeof(uint64_t)
        )
        cdef uint64_t* after = <uint64_t*>malloc(words * sizeof(uint64_t))
        cdef int64_t* first = <int64_t*>malloc((n + 1) * sizeof(int64_t))
        cdef int64_t* last = <int64_t*>malloc((n + 1) * sizeof(int64_t))
        cdef int64_t* numbers = <int64_t*>calloc(n + 1, sizeof(int64_t))
        cdef int64_t* busy = <int64_t*>malloc((n + 1) * sizeof(int64_t))
        cdef char* joined = <char*>calloc(n + 2, 1)
        cdef Row* rows = <Row*>malloc((n + 1) * sizeof(Row))
        cdef int32_t i
        try:
            if (
                effects == NULL or alive == NULL or after == NULL or first == NULL
                or last == NULL or numbers == NULL or busy == NULL or joined == NULL
                or rows == NULL
            ):
                raise MemoryError
            for i in range(self.count):
                self.effects(&self.code[i], &effects[i])
            self.live(effects, alive, after, words, first, last)
            self.registers = self.put(effects, first, last, numbers, busy, joined, rows)
            self.renumber(numbers)
        finally:
            free(effects)
            free(alive)
            free(after)
            free(first)
            free(last)
            free(numbers)
            free(busy)
            free(joined)
            free(rows)
        return 0

    cdef void live(
        self, const Effects* effects, uint64_t* alive, uint64_t* after, int64_t words,
        int64_t* first, int64_t* last,
    ) noexcept:
        # First and last instruction of each register's life (never: beyond the end)
        cdef int64_t i, j, w, register
        cdef const Effects* one
        cdef const Shape* shape
        cdef uint64_t* here
        cdef bint changed = True
        while changed:
            changed = False
            for i in range(self.count - 1, -1, -1):
                one = &effects[i]
                shape = &self.shapes[self.code[i].op]
                memset(after, 0, words * sizeof(uint64_t))
                if not self.code[i].op in (OP_JUMP, OP_RET, OP_RETU, OP_ERR):
                    for w in range(words):
                        after[w] = alive[(i + 1) * words + w]
                for j in range(shape.label_count):
                    here = &alive[self.code[i].args[shape.labels[j]] * words]
                    for w in range(words):
                        after[w] |= here[w]
                for j in range(one.set_count):
                    register = one.sets[j]
                    after[register >> 6] &= ~(<uint64_t>1 << (register & 63))
                for j in range(one.read_count):
                    register = one.reads[j]
                    after[register >> 6] |= <uint64_t>1 << (register & 63)
                for register in range(one.block, one.block + one.size):
                    after[register >> 6] |= <uint64_t>1 << (register & 63)
                here = &alive[i * words]
                for w in range(words):
                    if here[w] != after[w]:
                        here[w] = after[w]
                        changed = True
        for register in range(self.registers):
            first[register] = self.count
            last[register] = -1
        for i in range(self.count):
            one = &effects[i]
            for j in range(one.set_count):
                touch(first, last, one.sets[j], i)
            for w in range(words):
                if alive[i * words + w]:
                    for j in range(64):
                        if alive[i * words + w] >> j & 1:
                            touch(first, last, 64 * w + j, i)

    cdef int64_t put(
        self, const Effects* effects, const int64_t* first, const int64_t* last,
        int64_t* numbers, int64_t* busy, char* joined, Row* rows,
    ) noexcept:
        # Numbers for all registers; how many there are now
        cdef int64_t i, register, base, run, start, end
        cdef int64_t n = self.registers
        cdef int64_t used = 0, count = 0, size
        for i in range(self.count):
            for register in range(
                effects[i].block + 1, effects[i].block + effects[i].size
            ):
                joined[register] = 1
            if self.code[i].op == OP_ITER or self.code[i].op == OP_NEXT:
                joined[self.code[i].args[0] + 1] = 1
        # Parameters stay, and what is in a row with one
        register = 0
        while register < n and (register < self.params or joined[register]):
            numbers[register] = register
            busy[register] = self.count
            register += 1
        used = register
        while register < n:
            size = 1
            while register + size < n and joined[register + size]:
                size += 1
            start, end = first[register], last[register]
            for i in range(register + 1, register + size):
                start = first[i] if first[i] < start else start
                end = last[i] if last[i] > end else end
            if start < self.count:
                rows[count].start, rows[count].end = start, end
                rows[count].first, rows[count].size = register, size
                count += 1
            register += size
        qsort(rows, count, sizeof(Row), by_start)
        for i in range(count):
            run = base = 0
            while base < used:
                run = run + 1 if busy[base] < rows[i].start else 0
                base += 1
                if run == rows[i].size:
                    break
            base -= run
            for register in range(rows[i].size):
                numbers[rows[i].first + register] = base + register
                busy[base + register] = rows[i].end
            if base + rows[i].size > used:
                used = base + rows[i].size
        return used if used else 1

    # For Python ------------------------------------------------------------------

    def run(
        self, names, code, *, int64_t registers, int64_t params, calls, constant, make
    ):
        """Runs the passes of these names, in their order, over one function's code.

        `params`: its parameters, the first of its `registers`; `calls`: the number of
        parameters of each function; `constant` gives the index of `false` among the
        constants; `make` an instruction from (op, args).  Gives the code, for each
        instruction the number of the one it was, and how many registers there are.
        Raises ValueError if the code refers to what is not there.
        """
        cdef int32_t i, j
        cdef Instr* instr
        cdef list old = list(code)
        cdef list out = []
        cdef list origins = []
        self.registers = registers
        self.params = params
        self.calls = calls
        if not 0 <= params <= registers:
            raise ValueError("more parameters than registers")
        self.load(old)
        try:
            for name in names:
                if name == "jumps":
                    while self.round(constant):
                        pass
                elif name == "moves":
                    self.coalesce()
                elif name == "dead":
                    self.bury()
                elif name == "registers":
                    self.pack()
                else:
                    raise ValueError(f"no pass {name}")
            for i in range(self.count):
                instr = &self.code[i]
                origins.append(instr.origin)
                if instr.changed:
                    args = [instr.args[j] for j in range(instr.count)]
                    out.append(make((instr.op, tuple(args))))
                else:
                    out.append(old[instr.origin])
            return out, origins, self.registers
        finally:
            self.calls = None
            self.clear()


cdef inline void touch(
    int64_t* first, int64_t* last, int64_t register, int64_t at
) noexcept nogil:
    if first[register] > at:
        first[register] = at
    if last[register] < at:
        last[register] = at


cdef bint is_pure(int32_t op) noexcept nogil:
    # Cannot fail, and does nothing but set a register
    return op in (
        OP_CONST, OP_MOVE, OP_UNSET, OP_DATA, OP_CMP, OP_ARR, OP_OBJ, OP_SET, OP_ANEW,
        OP_SNEW, OP_ONEW, OP_DONE,
    )
