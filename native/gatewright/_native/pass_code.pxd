# The code of one function while the passes run over it: a table of instructions.

from libc.stdint cimport int32_t, int64_t

from gatewright._native.opcodes cimport OPCODE_COUNT

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

cdef class Opcodes:
    cdef Shape shapes[OPCODE_COUNT]
    cdef int opposites[WIDTH]
    cdef int unequal

cdef class Code:
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
    cdef void clear(self) noexcept
    cdef int load(self, code) except -1
    cdef int check(self, const Instr* instr) except -1
    cdef int effects(self, const Instr* instr, Effects* out) except -1
    # Takes out what is not `wanted`; whether anything was
    cdef bint keep(self) noexcept
    # Gives registers other numbers
    cdef void renumber(self, const int64_t* numbers) noexcept
