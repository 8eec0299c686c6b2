# cython: cdivision=True
"""The code of one function while the passes run over it.

Instructions come in as tuples and lie in one table; labels and registers are checked
at this door, as the passes use them for indexes.
"""

cimport cython
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free, malloc

from gatewright._native.opcodes cimport OP_CALL, OP_ITER, OP_NEXT


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


cdef class Code:
    """A table of instructions, and what is known of their opcodes."""

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
