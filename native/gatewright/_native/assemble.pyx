# cython: cdivision=True
"""Lays out an image: the only writer of the form that image.pxd describes.

Values are copied node by node, children before parents, equal strings once.
Offsets stand in for addresses until a slot is written, since the buffer moves as it
grows.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memcpy, memset

from gatewright._native.convert cimport Doc
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
from gatewright._native.opcodes cimport PLAN_VERSION
from gatewright._native.program cimport BF_VARIES, FN_MEMO, Program, constant
from gatewright._native.reader cimport READ_TERM, intern_add, read_text
from gatewright._native.value cimport (
    F_SORTED,
    NUM_HEADER,
    SEQ_HEADER,
    STR_HEADER,
    T_ARR,
    T_AUX,
    T_NUM,
    T_OBJ,
    T_STR,
    UNDEFINED,
    Heap,
    NumNode,
    SeqNode,
    StrNode,
    Word,
    heap_free,
    heap_init,
    heap_reset,
    load,
    num_node,
    seq_node,
    sort_object,
    str_node,
    tag,
)

import array

ctypedef struct Level:
    SeqNode* seq
    uint32_t at
    uint32_t end
    uint32_t kind
    size_t base                 # its first item on the stack


cdef class Assembler:
    """Collects programs, documents and base data; `finish` gives the image.

    Values come as term text or as Docs.
    """

    cdef Heap heap
    cdef char* values
    cdef size_t used
    cdef size_t room
    cdef uint32_t* strings      # open addressing by hash: offset / 8 + 1
    cdef size_t string_slots
    cdef size_t string_count
    cdef Word* stack
    cdef size_t stack_room
    cdef Level* levels
    cdef size_t level_room
    cdef object constants       # arrays of roots: offset + tag, or an immediate
    cdef object documents
    cdef object known           # offsets of strings that reviews may share
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
        self.known = array.array("Q")
        self.tables = array.array("I")
        self.code = array.array("i")
        self.records = []
        self.texts = {}
        self.data = UNDEFINED
        self.room = 1 << 16
        self.values = <char*>malloc(self.room)
        self.string_slots = 1024
        self.strings = <uint32_t*>calloc(self.string_slots, sizeof(uint32_t))
        self.stack_room = 1024
        self.stack = <Word*>malloc(self.stack_room * sizeof(Word))
        self.level_room = 64
        self.levels = <Level*>malloc(self.level_room * sizeof(Level))
        if (
            self.values == NULL
            or self.strings == NULL
            or self.stack == NULL
            or self.levels == NULL
        ):
            raise MemoryError

    def __dealloc__(self):
        heap_free(&self.heap)
        free(self.values)
        free(self.strings)
        free(self.stack)
        free(self.levels)

    # Values ------------------------------------------------------------------

    cdef int64_t reserve(self, size_t size) except -1:
        # Offset of so many bytes, cleared
        cdef size_t at = self.used
        cdef size_t room = self.room
        cdef char* values
        size = (size + 7) & ~<size_t>7
        while self.used + size > room:
            room *= 2
        if room > <size_t>1 << 35:
            raise MemoryError("an image holds at most 32 GiB of values")
        if room != self.room:
            values = <char*>realloc(self.values, room)
            if values == NULL:
                raise MemoryError
            self.values = values
            self.room = room
        memset(self.values + at, 0, size)
        self.used += size
        return at

    cdef int grow_strings(self) except -1:
        cdef size_t slots = 2 * self.string_slots
        cdef uint32_t* strings = <uint32_t*>calloc(slots, sizeof(uint32_t))
        cdef size_t i, at
        cdef StrNode* s
        if strings == NULL:
            raise MemoryError
        for i in range(self.string_slots):
            if self.strings[i]:
                s = <StrNode*>(self.values + 8 * (<size_t>self.strings[i] - 1))
                at = s.hash & (slots - 1)
                while strings[at]:
                    at = (at + 1) & (slots - 1)
                strings[at] = self.strings[i]
        free(self.strings)
        self.strings = strings
        self.string_slots = slots
        return 0

    cdef Word put_string(self, Word w) except? 1:
        cdef StrNode* s = str_node(w)
        cdef StrNode* other
        cdef size_t at = s.hash & (self.string_slots - 1)
        cdef int64_t offset
        while self.strings[at]:
            other = <StrNode*>(self.values + 8 * (<size_t>self.strings[at] - 1))
            if (
                other.hash == s.hash
                and other.size == s.size
                and memcmp(other.data, s.data, s.size) == 0
            ):
                return 8 * (<Word>self.strings[at] - 1) | T_STR
            at = (at + 1) & (self.string_slots - 1)
        offset = self.reserve(STR_HEADER + <size_t>s.size + 1)
        memcpy(self.values + offset, s, STR_HEADER + <size_t>s.size + 1)
        self.strings[at] = <uint32_t>(offset // 8 + 1)
        self.string_count += 1
        if not self.frozen:
            self.known.append(<uint64_t>offset)
        if 2 * self.string_count > self.string_slots:
            self.grow_strings()
        return <Word>offset | T_STR

    cdef Word put_number(self, Word w) except? 1:
        cdef NumNode* num = num_node(w)
        cdef size_t size = NUM_HEADER + <size_t>num.size + 1 + num.digits
        cdef int64_t offset = self.reserve(size)
        memcpy(self.values + offset, num, size)
        return <Word>offset | T_NUM

    cdef Word put_sequence(self, const Level* level) except? 1:
        # Its items are on the stack
        cdef uint32_t n = level.end
        cdef int64_t offset = self.reserve(SEQ_HEADER + <size_t>n * sizeof(Word))
        cdef SeqNode* seq = <SeqNode*>(self.values + offset)
        cdef uint32_t i
        cdef Word w
        seq.n = n // 2 if level.kind == T_OBJ else n
        seq.flags = 0 if level.kind == T_ARR else F_SORTED
        for i in range(n):
            w = self.stack[level.base + i]
            if (w & 7) >= 2:
                w -= <Word>(offset + SEQ_HEADER + i * sizeof(Word))
            seq.items[i] = w
        return <Word>offset | level.kind

    cdef int open(self, Word w, size_t depth, size_t top) except -1:
        cdef Level* levels
        cdef Level* level
        cdef Word* stack
        cdef size_t need
        if depth == self.level_room:
            levels = <Level*>realloc(
                self.levels, 2 * self.level_room * sizeof(Level)
            )
            if levels == NULL:
                raise MemoryError
            self.levels = levels
            self.level_room *= 2
        if tag(w) == T_OBJ:
            sort_object(w)
        level = &self.levels[depth]
        level.seq = seq_node(w)
        level.at = 0
        level.kind = tag(w)
        level.end = level.seq.n * (2 if level.kind == T_OBJ else 1)
        level.base = top
        need = top + level.end
        if need > self.stack_room:
            need *= 2
            stack = <Word*>realloc(self.stack, need * sizeof(Word))
            if stack == NULL:
                raise MemoryError
            self.stack = stack
            self.stack_room = need
        return 0

    cdef Word put(self, Word w) except? 1:
        # Offset and tag of a copy, or the immediate
        cdef size_t depth = 0
        cdef size_t top = 0
        cdef Level* level
        cdef uint32_t kind
        while True:
            # One value
            kind = tag(w)
            if kind == T_STR:
                w = self.put_string(w)
            elif kind == T_NUM:
                w = self.put_number(w)
            elif kind == T_AUX or w == UNDEFINED:
                raise ValueError("undefined cannot be part of an image")
            elif kind >= T_ARR:
                self.open(w, depth, top)
                top += self.levels[depth].end
                depth += 1
            # To the next one that is there to be copied
            while depth:
                level = &self.levels[depth - 1]
                if kind < T_ARR:
                    self.stack[level.base + level.at] = w
                    level.at += 1
                if level.at < level.end:
                    break
                w = self.put_sequence(level)
                kind = 0
                top = level.base
                depth -= 1
            if depth == 0:
                return w
            level = &self.levels[depth - 1]
            w = load(&level.seq.items[level.at])

    cdef Word put_text(self, bytes term) except? 1:
        cdef Word w = read_text(
            &self.heap, <const char*>term, len(term), READ_TERM, NULL
        )
        if w == UNDEFINED:
            raise ValueError(
                f"{self.heap.message.decode('utf-8', 'replace')}"
                f" at {self.heap.error_at} in {term[:80]!r}"
            )
        w = self.put(w)
        heap_reset(&self.heap)
        return w

    cdef Word put_any(self, value) except? 1:
        if isinstance(value, Doc):
            return self.put((<Doc>value).word)
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
            self.constants.append(self.put(constant(program, i)))
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
        self.frozen = True
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
        slots = 8
        while slots < 2 * len(self.known) + 1:
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
        sizes[IN_VALUES] = self.used
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
        memcpy(base + offsets[IN_VALUES], self.values, self.used)
        slot = <Word*>(base + offsets[IN_ROOTS])
        for w in self.constants:
            self.put_root(slot, base + offsets[IN_VALUES], w)
            slot += 1
        for w in self.documents:
            self.put_root(slot, base + offsets[IN_VALUES], w)
            slot += 1
        self.put_root(slot, base + offsets[IN_VALUES], self.data)
        slot = <Word*>(base + offsets[IN_KNOWN])
        for offset in self.known:
            intern_add(
                slot, slots - 1, <Word>(base + offsets[IN_VALUES] + offset) | T_STR
            )
        memcpy(base + offsets[IN_TABLES], <const char*>table, len(table))
        memcpy(base + offsets[IN_CODE], <const char*>words, len(words))
        memcpy(base + offsets[IN_META], <const char*>meta, len(meta))
        header.checksum = checksum(base, at)
        return out

    cdef void put_root(self, Word* slot, const char* values, Word w) noexcept:
        slot[0] = w + <Word>values - <Word>slot if (w & 7) >= 2 else w
