# The one relocatable form of compiled policies, documents and base data.
#
# header | values | roots | known strings | tables | code | meta, each 8-aligned:
#
#   values  nodes as value.pxd has them; a node comes after all nodes it refers to
#   roots   slots: the constants of each program, the documents, the base data
#   known   slots: an InternTable of the strings of constants and documents
#   tables  32-bit numbers: what programs are made of (see Record below)
#   code    32-bit words: instructions
#   meta    bytes for the layer above
#
# Nothing in it depends on where it lies, so any number of processes map it.  It is
# checked once, when it is loaded (`Image`), and only read after that.

from libc.stdint cimport uint32_t, uint64_t

from gatewright._native.program cimport Program
from gatewright._native.reader cimport InternTable
from gatewright._native.value cimport Word

cdef enum:
    IMAGE_VERSION = 2

cdef enum:
    IN_VALUES = 0
    IN_ROOTS = 1
    IN_KNOWN = 2
    IN_TABLES = 3
    IN_CODE = 4
    IN_META = 5
    SECTION_COUNT = 6

ctypedef struct Section:
    uint64_t offset             # from the start of the image
    uint64_t size               # bytes

ctypedef struct Header:
    char magic[8]
    uint32_t version            # IMAGE_VERSION
    uint32_t plan_version
    uint64_t size               # of the whole image
    uint64_t checksum           # of all bytes, this field as 0
    Section sections[6]         # SECTION_COUNT

# `tables` starts with the numbers of programs and documents, then come records of
# programs; each names where in `tables` its lists start.  Names are constants.
cdef enum:
    P_CONSTANTS = 0             # first root
    P_CONSTANT_COUNT = 1
    P_FUNCTIONS = 2             # FunctionRecord
    P_FUNCTION_COUNT = 3
    P_BUILTINS = 4              # name, flags
    P_BUILTIN_COUNT = 5
    P_LOCATIONS = 6             # file, row, column
    P_LOCATION_COUNT = 7
    P_ENTRIES = 8               # name, function
    P_ENTRY_COUNT = 9
    P_MOCK_COUNT = 10
    P_INDEXES = 11              # pattern (constant), function
    P_INDEX_COUNT = 12
    P_SIZE = 13

cdef enum:
    F_NAME = 0
    F_PARAMS = 1
    F_REGISTERS = 2
    F_FLAGS = 3
    F_CODE = 4                  # first word
    F_CODE_SIZE = 5
    F_MARKS = 6                 # word offset, location
    F_MARK_COUNT = 7
    F_SIZE = 8

cdef uint64_t checksum(const char* data, uint64_t size) noexcept nogil
# Of any bytes; `hole`: bytes 24 to 31 count as zero
cdef uint64_t digest(const char* data, uint64_t size, bint hole) noexcept nogil

cdef class Image:
    cdef object source          # keeps the bytes alive
    cdef const char* base
    cdef uint64_t size
    cdef Program* programs
    cdef uint32_t program_count
    cdef uint32_t document_count
    cdef const Word* documents
    cdef Word data              # base documents: an object
    cdef InternTable known
    cdef readonly bytes meta
    cdef readonly object binding
    cdef list callables         # what Builtin.python borrows
    cdef list entries           # by program: name -> function
    cdef list names             # by program: what a message may name
    cdef const uint32_t* tables
    cdef int read(self) except -1
    cdef int load_program(
        self,
        uint32_t number,
        const Word* roots,
        uint64_t root_count,
        uint64_t table_size,
    ) except -1
    cdef int bind_builtins(
        self, uint32_t number, const uint32_t* record, uint64_t table_size
    ) except -1
    cdef int load_functions(
        self, uint32_t number, const uint32_t* record, uint64_t table_size
    ) except -1
    cdef int load_indexes(
        self, uint32_t number, const uint32_t* record, uint64_t table_size
    ) except -1
    cdef str name_of(self, uint32_t number, uint32_t k)
    cdef inline Word document(self, uint32_t i) noexcept nogil:
        cdef const Word* slot = self.documents + i
        cdef Word w = slot[0]
        return w + <Word>slot if (w & 7) >= 2 else w
