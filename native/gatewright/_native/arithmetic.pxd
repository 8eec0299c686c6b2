# OPA's arithmetic on numbers.

from libc.stdint cimport uint32_t

from gatewright._native.value cimport Heap, Word

cdef enum Operation:
    OP_PLUS = 0
    OP_MINUS = 1
    OP_MUL = 2
    OP_DIV = 3
    OP_REM = 4
    OP_ABS = 5          # of one operand, from here on
    OP_CEIL = 6
    OP_FLOOR = 7
    OP_ROUND = 8

# Both operands are numbers; UNDEFINED with E_BUILTIN: "div: divide by zero"
cdef Word arithmetic(Heap* heap, Operation op, Word a, Word b) noexcept nogil
cdef Word arithmetic_one(Heap* heap, Operation op, Word a) noexcept nogil
# Left to right over `n` numbers, exact while all are integers
cdef Word fold(Heap* heap, Operation op, const Word* items, uint32_t n) noexcept nogil
cdef object shortened(object value)     # an int, rounded to 64 bits
cdef object truncated(Word w)           # a T_NUM as an int, as format_int takes it
