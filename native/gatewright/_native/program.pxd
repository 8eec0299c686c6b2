# A loaded program: pointers into an image, and what its names are bound to.
#
# The code stays in the image as 32-bit words, shared by every process that maps
# it; only these small tables are private.  They are made once, after the image
# is verified, and read-only from then on.

from cpython.object cimport PyObject
from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t

from gatewright._native.builtin cimport BuiltinFn
from gatewright._native.value cimport Word

cdef enum FunctionFlag:
    FN_MEMO = 1             # its results are kept

cdef enum BuiltinFlag:
    BF_VARIES = 1           # not deterministic: one result per query and operands
    BF_CONTEXT = 2          # its Python form takes the query's context first

cdef enum:
    MAX_REGISTERS = 65536   # of one function
    MAX_ITEMS = 65536       # operands of one instruction
    MAX_PATH = 256          # registers of one BPUT or BADD

ctypedef struct Function:
    const int32_t* code
    uint32_t size           # words
    uint32_t registers
    uint32_t params
    uint32_t flags          # FunctionFlag
    uint32_t name           # constant
    uint32_t mark_count
    const uint32_t* marks   # pairs of a word's offset and a location, ascending

ctypedef struct Builtin:
    BuiltinFn native        # NULL: call `python`
    PyObject* python        # borrowed from the image object
    uint32_t name           # constant
    uint32_t flags          # BuiltinFlag
    int32_t arity           # -1: any
    int32_t pad

ctypedef struct Location:
    uint32_t file           # constant
    uint32_t row
    uint32_t col

ctypedef struct Program:
    const Word* constants   # slots
    Function* functions
    Builtin* builtins
    const Location* locations
    const uint32_t* indexes     # pairs of a pattern (constant) and a function
    uint32_t constant_count
    uint32_t function_count
    uint32_t builtin_count
    uint32_t location_count
    uint32_t mock_count
    uint32_t index_count
    uint32_t entry          # function of the first entry point

# The value of a constant
cdef inline Word constant(const Program* program, int32_t k) noexcept nogil:
    cdef const Word* slot = program.constants + k
    cdef Word w = slot[0]
    return w + <Word>slot if (w & 7) >= 2 else w

# What is wrong with a function, at which word; NULL when nothing is.  `marks`
# has room for its words.
cdef const char* verify_function(
    const Program* program,
    const Function* function,
    uint8_t* marks,
    uint32_t* at,
) noexcept nogil
