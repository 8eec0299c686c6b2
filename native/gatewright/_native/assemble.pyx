# cython: cdivision=True
"""Puts an image together: the only writer of the form that image.pxd describes."""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy, memset

from gatewright._native.document cimport Doc
from gatewright._native.image cimport (
    F_CODE,
    F_CODE_SIZE,
    F_MARK_COUNT,
    F_MARKS,
    F_SIZE,
    IMAGE_VERSION,
    IN_CODE,
    IN_KNOWN,
    IN_META,
    IN_ROOTS,
    IN_TABLES,
    IN_VALUES,
    P_BUILTIN_COUNT,
    P_BUILTINS,
    P_CONSTANT_COUNT,
    P_CONSTANTS,
    P_ENTRIES,
    P_ENTRY_COUNT,
    P_FUNCTION_COUNT,
    P_FUNCTIONS,
    P_INDEX_COUNT,
    P_INDEXES,
    P_LOCATION_COUNT,
    P_LOCATIONS,
    P_MOCK_COUNT,
    P_SIZE,
    SECTION_COUNT,
    Header,
    Image,
    checksum,
)
from gatewright._native.layout cimport Layout
from gatewright._native.opcodes cimport PLAN_VERSION
from gatewright._native.program cimport BF_VARIES, FN_MEMO, Program, constant
from gatewright._native.reader cimport READ_TERM, intern_add, read_text
from gatewright._native.value cimport (
    T_OBJ, T_STR, UNDEFINED, Heap, Word, heap_free, heap_init, heap_reset, tag,
)

import array


cdef inline void put_root(Word* slot, const char* values, Word w) noexcept nogil:
    slot[0] = w + <Word>values - <Word>slot if (w & 7) >= 2 else w


cdef class Assembler:
    """Collects programs, documents and base data; `finish` gives the image.

    Values come as term text or as Docs.
    """

    cdef Heap heap
    cdef Layout layout
    cdef object constants       # arrays of roots: offset + tag, or an immediate
    cdef object documents
    cdef uint64_t shared        # reviews may share the strings before this offset
    cdef Word data
    cdef bint frozen            # what follows is base data: its strings are not known
    cdef list records
    cdef object tables
    cdef object code
    cdef dict texts             # name -> constant, of the program at hand
    cdef size_t first_constant

    def __cinit__(self):
        heap_init(&self.heap, <size_t>1 << 40)
        self.constants = array.array("Q")
        self.documents = array.array("Q")
        self.layout = Layout(shares=True)   # so that equal paths are one, see `vm`
        self.tables = array.array("I")
        self.code = array.array("i")
        self.records = []
        self.texts = {}
        self.data = UNDEFINED

    def __dealloc__(self):
        heap_free(&self.heap)

    # Values ------------------------------------------------------------------

    cdef Word put_text(self, bytes term) except? 1:
        cdef Word w = read_text(
            &self.heap, <const char*>term, len(term), READ_TERM, NULL
        )
        if w == UNDEFINED:
            raise ValueError(
                f"{self.heap.message.decode('utf-8', 'replace')}"
                f" at {self.heap.error_at} in {term[:80]!r}"
            )
        w = self.layout.put(w)
        heap_reset(&self.heap)
        return w

    cdef Word put_any(self, value) except? 1:
        if isinstance(value, Doc):
            return self.layout.put((<Doc>value).word)
        return self.put_text(value)

    # Parts -------------------------------------------------------------------

    cdef uint32_t name(self, str text) except? 0:
        # A constant of the program at hand that is this string
        import json
        k = self.texts.get(text)
        if k is None:
            k = len(self.constants) - self.first_constant
            self.constants.append(
                self.put_text(
                    json.dumps(text, ensure_ascii=False).encode(
                        "utf-8", "surrogateescape"
                    )
                )
            )
            self.texts[text] = k
        return k

    def add_program(self, program, *, varying=frozenset()):
        """Adds an encoded program (`ir.encode.EncodedProgram`); gives its number.

        `varying`: names of builtins whose results differ between queries.
        """
        cdef list record = [0] * P_SIZE
        if self.frozen:
            raise ValueError("base data comes last")
        if program.version != PLAN_VERSION:
            raise ValueError(f"a plan of version {program.version}")
        self.texts = {}
        self.first_constant = len(self.constants)
        for text in program.constants:
            self.constants.append(
                self.put_text(text.encode("utf-8", "surrogateescape"))
            )
        # All lists that need names first, for `tables` grows as they are written
        builtins = [
            (self.name(name), BF_VARIES if name in varying else 0)
            for name in program.builtins
        ]
        locations = [
            (self.name(file), row, col) for file, row, col in program.locations
        ]
        entries = [
            (self.name(name), function)
            for name, function in program.entrypoints.items()
        ]
        functions = []
        for function in program.functions:
            at = len(self.code)
            self.code.extend(function.words)
            functions.append(
                (
                    self.name(function.name),
                    function.params,
                    function.registers,
                    FN_MEMO if function.memo else 0,
                    at,
                    len(function.words),
                    self.put_table(
                        (word, location & 0xFFFFFFFF)
                        for word, location in function.marks
                    ),
                    len(function.marks),
                )
            )
        record[P_CONSTANTS] = self.first_constant
        record[P_CONSTANT_COUNT] = len(self.constants) - self.first_constant
        record[P_FUNCTIONS] = self.put_table(functions)
        record[P_FUNCTION_COUNT] = len(functions)
        record[P_BUILTINS] = self.put_table(builtins)
        record[P_BUILTIN_COUNT] = len(builtins)
        record[P_LOCATIONS] = self.put_table(locations)
        record[P_LOCATION_COUNT] = len(locations)
        record[P_ENTRIES] = self.put_table(entries)
        record[P_ENTRY_COUNT] = len(entries)
        record[P_MOCK_COUNT] = len(program.mocks)
        record[P_INDEXES] = self.put_table(program.indexes)
        record[P_INDEX_COUNT] = len(program.indexes)
        self.records.append(record)
        return len(self.records) - 1

    def add_image(self, Image image, uint32_t number=0):
        """Adds a program of a loaded image; gives its number.

        Its names are constants of its own, so only what says where lists begin
        changes on the way.
        """
        cdef const Header* header = <const Header*>image.base
        cdef const char* code = image.base + header.sections[IN_CODE].offset
        cdef const uint32_t* record
        cdef const uint32_t* function
        cdef const Program* program
        cdef list copied
        cdef uint32_t i
        if self.frozen:
            raise ValueError("base data comes last")
        if number >= image.program_count:
            raise ValueError(f"the image has no program {number}")
        record = image.tables + 2 + number * P_SIZE
        program = &image.programs[number]
        copied = [record[i] for i in range(P_SIZE)]
        copied[P_CONSTANTS] = len(self.constants)
        for i in range(program.constant_count):
            self.constants.append(self.layout.put(constant(program, i)))
        copied[P_FUNCTIONS] = len(self.tables)
        self.copy_table(image, record[P_FUNCTIONS], record[P_FUNCTION_COUNT] * F_SIZE)
        for i in range(record[P_FUNCTION_COUNT]):
            function = image.tables + record[P_FUNCTIONS] + i * F_SIZE
            at = copied[P_FUNCTIONS] + i * F_SIZE
            self.tables[at + F_CODE] = len(self.code)
            self.code.frombytes(
                PyBytes_FromStringAndSize(
                    code + 4 * <size_t>function[F_CODE],
                    4 * <size_t>function[F_CODE_SIZE],
                )
            )
            self.tables[at + F_MARKS] = len(self.tables)
            self.copy_table(image, function[F_MARKS], 2 * function[F_MARK_COUNT])
        for i, length in (
            (P_BUILTINS, 2 * record[P_BUILTIN_COUNT]),
            (P_LOCATIONS, 3 * record[P_LOCATION_COUNT]),
            (P_ENTRIES, 2 * record[P_ENTRY_COUNT]),
            (P_INDEXES, 2 * record[P_INDEX_COUNT]),
        ):
            copied[i] = len(self.tables)
            self.copy_table(image, record[i], length)
        self.records.append(copied)
        return len(self.records) - 1

    cdef int copy_table(self, Image image, size_t at, size_t size) except -1:
        self.tables.frombytes(
            PyBytes_FromStringAndSize(<const char*>(image.tables + at), 4 * size)
        )
        return 0

    cdef object put_table(self, rows):
        at = len(self.tables)
        for row in rows:
            self.tables.extend(row)
        return at

    def add_document(self, value):
        """Adds a document, a Doc or term text (bytes); gives its number."""
        if self.frozen:
            raise ValueError("base data comes last")
        self.documents.append(self.put_any(value))
        return len(self.documents) - 1

    def set_data(self, value):
        """Sets the base data, an object (a Doc or term text); nothing may follow."""
        if not self.frozen:
            self.shared = self.layout.used
        self.frozen = True
        self.layout.shares = False
        self.data = self.put_any(value)
        if tag(self.data) != T_OBJ:
            raise ValueError("the base data is no object")

    # The image ---------------------------------------------------------------

    def finish(self, bytes meta=b""):
        """The image, as bytes."""
        cdef size_t slots, at, i, offset
        cdef bytes out
        cdef char* base
        cdef Header* header
        cdef Word* slot
        cdef Word w
        cdef size_t[6] offsets
        cdef size_t[6] sizes
        known = self.layout.strings(
            self.shared if self.frozen else self.layout.used
        )
        slots = 8
        while slots < 2 * len(known) + 1:
            slots *= 2
        table = array.array("I", [len(self.records), len(self.documents)])
        shift = 2 + P_SIZE * len(self.records)
        for record in self.records:
            record = list(record)
            for i in (
                P_FUNCTIONS, P_BUILTINS, P_LOCATIONS, P_ENTRIES, P_INDEXES,
            ):
                record[i] += shift
            table.extend(record)
        moved = array.array("I", self.tables)
        for record in self.records:
            for i in range(record[P_FUNCTION_COUNT]):
                moved[record[P_FUNCTIONS] + F_SIZE * i + F_MARKS] += shift
        table.extend(moved)
        table = table.tobytes()
        words = self.code.tobytes()
        sizes[IN_VALUES] = self.layout.used
        sizes[IN_ROOTS] = 8 * (len(self.constants) + len(self.documents) + 1)
        sizes[IN_KNOWN] = 8 * slots
        sizes[IN_TABLES] = len(table)
        sizes[IN_CODE] = len(words)
        sizes[IN_META] = len(meta)
        at = (sizeof(Header) + 7) & ~<size_t>7
        for i in range(SECTION_COUNT):
            offsets[i] = at
            at = (at + sizes[i] + 7) & ~<size_t>7
        out = PyBytes_FromStringAndSize(NULL, at)
        base = <char*>out
        memset(base, 0, at)
        header = <Header*>base
        memcpy(header.magic, b"GWIMAGE\n", 8)
        header.version = IMAGE_VERSION
        header.plan_version = PLAN_VERSION
        header.size = at
        for i in range(SECTION_COUNT):
            header.sections[i].offset = offsets[i]
            header.sections[i].size = sizes[i]
        memcpy(base + offsets[IN_VALUES], self.layout.base, self.layout.used)
        slot = <Word*>(base + offsets[IN_ROOTS])
        for w in self.constants:
            put_root(slot, base + offsets[IN_VALUES], w)
            slot += 1
        for w in self.documents:
            put_root(slot, base + offsets[IN_VALUES], w)
            slot += 1
        put_root(slot, base + offsets[IN_VALUES], self.data)
        slot = <Word*>(base + offsets[IN_KNOWN])
        for offset in known:
            intern_add(
                slot, slots - 1, <Word>(base + offsets[IN_VALUES] + offset) | T_STR
            )
        memcpy(base + offsets[IN_TABLES], <const char*>table, len(table))
        memcpy(base + offsets[IN_CODE], <const char*>words, len(words))
        memcpy(base + offsets[IN_META], <const char*>meta, len(meta))
        header.checksum = checksum(base, at)
        return out
