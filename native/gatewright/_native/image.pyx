# cython: cdivision=True
"""Loads an image: checks every byte once, then binds its names.

A damaged or hostile image raises `ImageError`; nothing in one can make the
evaluator read outside of it.  The checksum is against accidents only.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.object cimport PyObject
from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy

from gatewright._native.builtin cimport builtin_arity, find_builtin
from gatewright._native.opcodes cimport PLAN_VERSION
from gatewright._native.program cimport (
    BF_CONTEXT,
    BF_VARIES,
    MAX_REGISTERS,
    Builtin,
    Function,
    Location,
    Program,
    constant,
    verify_function,
)
from gatewright._native.survey cimport check_values
from gatewright._native.value cimport (
    T_ARR,
    T_OBJ,
    T_STR,
    UNDEFINED,
    W_NULL,
    StrNode,
    Word,
    item,
    load,
    seq_node,
    str_node,
    tag,
)

cdef const char* MAGIC = b"GWIMAGE\n"


class ImageError(ValueError):
    """An image is not one, of another version, or damaged."""


cdef inline uint64_t rotate(uint64_t x, int by) noexcept nogil:
    return x << by | x >> (64 - by)


cdef uint64_t checksum(const char* data, uint64_t size) noexcept nogil:
    # The eight bytes at the header's checksum field count as zero.
    return digest(data, size, True)


cdef uint64_t digest(const char* data, uint64_t size, bint hole) noexcept nogil:
    # Four lanes of multiply and rotate over 32-byte blocks, the size mixed in.
    cdef uint64_t lanes[4]
    cdef uint64_t block[4]
    cdef uint64_t at = 0
    cdef uint64_t h = size
    cdef int i
    for i in range(4):
        lanes[i] = <uint64_t>0x9E3779B97F4A7C15 * <uint64_t>(i + 1)
    while at < size:
        if size - at >= 32:
            memcpy(block, data + at, 32)
        else:
            for i in range(4):
                block[i] = 0
            memcpy(block, data + at, size - at)
        if at == 0 and hole:
            block[3] = 0        # offset 24: Header.checksum
        for i in range(4):
            lanes[i] = (
                rotate(
                    lanes[i] + block[i] * <uint64_t>0xC2B2AE3D27D4EB4F, 31
                ) * <uint64_t>0x9E3779B185EBCA87
            )
        at += 32
    for i in range(4):
        h = (h ^ lanes[i]) * <uint64_t>0xD6E8FEB86659FD93
        h ^= h >> 32
    return h


# Tables ----------------------------------------------------------------------

cdef inline bint fits(uint64_t at, uint64_t n, uint64_t width, uint64_t size) noexcept:
    return at <= size and n <= (size - at) // width


cdef const char* locations_of(
    Program* program, const uint32_t* record, const uint32_t* tables, uint64_t size
):
    cdef uint32_t i
    if not fits(record[P_LOCATIONS], record[P_LOCATION_COUNT], 3, size):
        return b"its locations are cut short"
    program.locations = <const Location*>(tables + record[P_LOCATIONS])
    program.location_count = record[P_LOCATION_COUNT]
    for i in range(program.location_count):
        if (
            program.locations[i].file >= program.constant_count
            or tag(constant(program, program.locations[i].file)) != T_STR
        ):
            return b"a location has no file"
    return NULL


cdef str text(Word w):
    cdef StrNode* s = str_node(w)
    return s.data[:s.size].decode("utf-8", "surrogateescape")


cdef class Image:
    """A loaded image.

    `source`: bytes-like (a bytes, an mmap, a memfd's), read-only from here on.
    `binding`: the Python side of builtins that have no native form, an object with
    `functions` (name -> callable), `contextual` (names of those that take the
    query's context first), and the exceptions that they raise: `operand_error`,
    `builtin_error` (the wider one) and `cancelled`.
    """

    def __cinit__(self, source, *, binding=None):
        cdef Py_buffer view
        self.callables = []
        self.entries = []
        self.names = []
        self.binding = binding
        self.source = memoryview(source)
        PyObject_GetBuffer(self.source, &view, PyBUF_SIMPLE)
        self.base = <const char*>view.buf
        self.size = view.len
        PyBuffer_Release(&view)
        if <Word>self.base & 7:
            self.source = memoryview(bytes(self.source))
            PyObject_GetBuffer(self.source, &view, PyBUF_SIMPLE)
            self.base = <const char*>view.buf
            PyBuffer_Release(&view)
        self.read()

    def __dealloc__(self):
        cdef uint32_t i
        if self.programs != NULL:
            for i in range(self.program_count):
                free(self.programs[i].functions)
                free(self.programs[i].builtins)
            free(self.programs)

    cdef int read(self) except -1:
        cdef const Header* header = <const Header*>self.base
        cdef const Section* section
        cdef const Section* sections
        cdef uint64_t found
        cdef uint64_t root_count, known_count, table_size
        cdef const char* trouble
        cdef const Word* roots
        cdef int i
        if self.size < sizeof(Header) or memcmp(header.magic, MAGIC, 8) != 0:
            raise ImageError("not an image")
        if header.version != IMAGE_VERSION or header.plan_version != PLAN_VERSION:
            raise ImageError(
                f"an image of version {header.version}.{header.plan_version}, while"
                f" {IMAGE_VERSION}.{PLAN_VERSION} is wanted"
            )
        if header.size != self.size:
            raise ImageError(
                f"an image of {header.size} bytes has {self.size}: it is cut short"
                " or something follows it"
            )
        with nogil:
            found = checksum(self.base, self.size)
        if found != header.checksum:
            raise ImageError("the image is damaged: its checksum does not match")
        sections = header.sections
        for i in range(SECTION_COUNT):
            section = &sections[i]
            if (
                section.offset > self.size
                or section.size > self.size - section.offset
                or section.offset & 7
            ):
                raise ImageError(f"section {i} lies outside the image")
        roots = <const Word*>(self.base + sections[IN_ROOTS].offset)
        root_count = sections[IN_ROOTS].size // sizeof(Word)
        known_count = sections[IN_KNOWN].size // sizeof(Word)
        if root_count == 0:
            raise ImageError("no roots")
        if known_count == 0 or known_count & (known_count - 1) or known_count >> 32:
            raise ImageError("the table of known strings has a wrong size")
        self.known.slots = <const Word*>(self.base + sections[IN_KNOWN].offset)
        self.known.mask = <uint32_t>(known_count - 1)
        with nogil:
            trouble = check_values(
                self.base + sections[IN_VALUES].offset,
                sections[IN_VALUES].size,
                roots,
                root_count,
                self.known.slots,
                known_count,
            )
        if trouble != NULL:
            raise ImageError(trouble.decode())
        self.tables = <const uint32_t*>(self.base + sections[IN_TABLES].offset)
        table_size = sections[IN_TABLES].size // sizeof(uint32_t)
        if table_size < 2:
            raise ImageError("no tables")
        if not fits(2, self.tables[0], P_SIZE, table_size):
            raise ImageError("the table of programs is cut short")
        self.document_count = self.tables[1]
        if self.document_count > root_count - 1:
            raise ImageError("the table of documents is cut short")
        self.documents = roots + (root_count - 1 - self.document_count)
        self.data = UNDEFINED
        if roots[root_count - 1] != UNDEFINED:
            self.data = load(<Word*>&roots[root_count - 1])
            if tag(self.data) != T_OBJ:
                raise ImageError("the base data is no object")
        self.programs = <Program*>calloc(self.tables[0] + 1, sizeof(Program))
        if self.programs == NULL:
            raise MemoryError
        self.program_count = self.tables[0]
        for i in range(<int>self.program_count):
            self.load_program(
                i, roots, root_count - 1 - self.document_count, table_size
            )
        section = &sections[IN_META]
        self.meta = PyBytes_FromStringAndSize(
            self.base + section.offset, section.size
        )
        return 0

    cdef int load_program(
        self,
        uint32_t number,
        const Word* roots,
        uint64_t root_count,
        uint64_t table_size,
    ) except -1:
        cdef const uint32_t* record = self.tables + 2 + number * P_SIZE
        cdef Program* program = &self.programs[number]
        cdef const char* trouble
        cdef uint32_t i
        cdef const uint32_t* entry
        cdef dict entries = {}
        if not fits(record[P_CONSTANTS], record[P_CONSTANT_COUNT], 1, root_count):
            raise ImageError(f"program {number}: its constants are cut short")
        program.constants = roots + record[P_CONSTANTS]
        program.constant_count = record[P_CONSTANT_COUNT]
        program.mock_count = record[P_MOCK_COUNT]
        if program.mock_count > 1 << 16:
            raise ImageError(f"program {number}: too many mock slots")
        trouble = locations_of(program, record, self.tables, table_size)
        if trouble != NULL:
            raise ImageError(f"program {number}: {trouble.decode()}")
        self.bind_builtins(number, record, table_size)
        self.load_functions(number, record, table_size)
        self.load_indexes(number, record, table_size)
        if not fits(record[P_ENTRIES], record[P_ENTRY_COUNT], 2, table_size):
            raise ImageError(f"program {number}: its entry points are cut short")
        for i in range(record[P_ENTRY_COUNT]):
            entry = self.tables + record[P_ENTRIES] + 2 * i
            if entry[1] >= program.function_count or program.functions[
                entry[1]
            ].params:
                raise ImageError(f"program {number}: an entry point calls nothing")
            if i == 0:
                program.entry = entry[1]
            entries[self.name_of(number, entry[0])] = entry[1]
        self.entries.append(entries)
        return 0

    cdef int bind_builtins(
        self, uint32_t number, const uint32_t* record, uint64_t table_size
    ) except -1:
        cdef Program* program = &self.programs[number]
        cdef uint32_t n = record[P_BUILTIN_COUNT]
        cdef uint32_t i
        cdef const uint32_t* entry
        cdef Builtin* builtin
        cdef StrNode* s
        if not fits(record[P_BUILTINS], n, 2, table_size):
            raise ImageError(f"program {number}: its builtins are cut short")
        program.builtins = <Builtin*>calloc(n + 1, sizeof(Builtin))
        if program.builtins == NULL:
            raise MemoryError
        program.builtin_count = n
        for i in range(n):
            entry = self.tables + record[P_BUILTINS] + 2 * i
            name = self.name_of(number, entry[0])
            s = str_node(constant(program, entry[0]))
            builtin = &program.builtins[i]
            builtin.name = entry[0]
            builtin.flags = entry[1] & BF_VARIES
            builtin.native = find_builtin(s.data, s.size)
            builtin.arity = -1
            if builtin.native != NULL:
                builtin.arity = builtin_arity(s.data, s.size)
                continue
            if self.binding is None or name not in self.binding.functions:
                raise ImageError(f"no builtin function {name}")
            function = self.binding.functions[name]
            if name in self.binding.contextual:
                builtin.flags |= BF_CONTEXT
            self.callables.append(function)
            builtin.python = <PyObject*>function
        return 0

    cdef int load_functions(
        self, uint32_t number, const uint32_t* record, uint64_t table_size
    ) except -1:
        cdef const Section* sections = (<const Header*>self.base).sections
        cdef const int32_t* code = <const int32_t*>(
            self.base + sections[IN_CODE].offset
        )
        cdef uint64_t code_size = sections[IN_CODE].size // sizeof(int32_t)
        cdef Program* program = &self.programs[number]
        cdef uint32_t n = record[P_FUNCTION_COUNT]
        cdef uint32_t i, at
        cdef uint64_t longest = 1
        cdef const uint32_t* entry
        cdef Function* function
        cdef uint8_t* marks
        cdef const char* trouble = NULL
        if not fits(record[P_FUNCTIONS], n, F_SIZE, table_size):
            raise ImageError(f"program {number}: its functions are cut short")
        program.functions = <Function*>calloc(n + 1, sizeof(Function))
        if program.functions == NULL:
            raise MemoryError
        program.function_count = n
        for i in range(n):
            entry = self.tables + record[P_FUNCTIONS] + F_SIZE * i
            function = &program.functions[i]
            name = self.name_of(number, entry[F_NAME])
            if (
                not fits(entry[F_CODE], entry[F_CODE_SIZE], 1, code_size)
                or not fits(entry[F_MARKS], entry[F_MARK_COUNT], 2, table_size)
                or entry[F_CODE_SIZE] == 0
                or entry[F_CODE_SIZE] > 1 << 30
                or entry[F_REGISTERS] > MAX_REGISTERS
                or entry[F_PARAMS] > entry[F_REGISTERS]
            ):
                raise ImageError(f"function {name}: cut short or too large")
            function.name = entry[F_NAME]
            function.params = entry[F_PARAMS]
            function.registers = entry[F_REGISTERS]
            function.flags = entry[F_FLAGS]
            function.code = code + entry[F_CODE]
            function.size = entry[F_CODE_SIZE]
            function.marks = self.tables + entry[F_MARKS]
            function.mark_count = entry[F_MARK_COUNT]
            longest = max(longest, function.size)
        marks = <uint8_t*>malloc(longest)
        if marks == NULL:
            raise MemoryError
        for i in range(n):
            with nogil:
                trouble = verify_function(
                    program, &program.functions[i], marks, &at
                )
            if trouble != NULL:
                break
        free(marks)
        if trouble != NULL:
            name = self.name_of(number, program.functions[i].name)
            raise ImageError(f"function {name}, word {at}: {trouble.decode()}")
        return 0

    cdef int load_indexes(
        self, uint32_t number, const uint32_t* record, uint64_t table_size
    ) except -1:
        cdef Program* program = &self.programs[number]
        cdef const uint32_t* entry
        cdef Word pattern, step
        cdef uint32_t i, k
        if not fits(record[P_INDEXES], record[P_INDEX_COUNT], 2, table_size):
            raise ImageError(f"program {number}: its indexes are cut short")
        program.indexes = self.tables + record[P_INDEXES]
        program.index_count = record[P_INDEX_COUNT]
        for i in range(program.index_count):
            entry = program.indexes + 2 * i
            if (
                entry[0] >= program.constant_count
                or tag(constant(program, entry[0])) != T_ARR
            ):
                raise ImageError(f"program {number}: an index has no pattern")
            pattern = constant(program, entry[0])
            for k in range(seq_node(pattern).n):
                step = item(pattern, k)
                if step != W_NULL and tag(step) != T_STR:
                    raise ImageError(f"program {number}: a pattern is no path")
            if entry[1] >= program.function_count or program.functions[
                entry[1]
            ].params:
                raise ImageError(f"program {number}: an index calls nothing")
        return 0

    cdef str name_of(self, uint32_t number, uint32_t k):
        cdef Program* program = &self.programs[number]
        if k >= program.constant_count or tag(constant(program, k)) != T_STR:
            raise ImageError(f"program {number}: a name is no string")
        return text(constant(program, k))

    @property
    def program_total(self):
        """How many programs there are."""
        return self.program_count

    @property
    def document_total(self):
        """How many documents there are."""
        return self.document_count

    def entrypoints(self, program):
        """The entry points of a program: reference -> function."""
        return dict(self.entries[program])

    def __len__(self):
        return self.size
