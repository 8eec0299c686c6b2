"""Documents: values that Python may hold, read, compare and write."""

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc

from gatewright._native.convert cimport (
    Placed, canonical_text, raise_error, to_python, to_word,
)
from gatewright._native.reader cimport (
    READ_EXACT, READ_REVIEW, READ_TERM, ReadMode, read_text,
)
from gatewright._native.value cimport (
    T_ARR, T_AUX, T_NUM, T_OBJ, T_SET, UNDEFINED as NONE, Heap, SeqNode, Word, compare,
    equal, heap_free, heap_init, load, lookup, seq_node, sort_object, tag,
)
from gatewright._native.writer cimport (
    WRITE_HTML, WRITE_JSON, WRITE_REGO, WRITE_TERM, Out, WriteMode, out_free, out_init,
    write_value,
)

from gatewright._native.convert import UNDEFINED

cdef extern from "Python.h":
    int Py_EnterRecursiveCall(const char*) except *     # any but 0: it has raised
    void Py_LeaveRecursiveCall()

DEFAULT_LIMIT = 1 << 30


cdef class Arena:
    """Memory of at most `limit` bytes for values; freed with its last document."""

    def __cinit__(self, limit=DEFAULT_LIMIT):
        heap_init(&self.heap, limit)

    def __dealloc__(self):
        heap_free(&self.heap)

    @property
    def used(self) -> int:
        """Bytes in use."""
        if self.heap.chunk == NULL:
            return 0
        return self.heap.used + self.heap.chunk.used


cdef Doc new_doc(object owner, Word w):
    cdef Doc doc = Doc.__new__(Doc)
    doc.owner = owner
    doc.word = w
    return doc


cdef enum:
    MANY = 1 << 16      # nodes up to which nobody asks whether one was seen before


cdef bint contains_number(Word w) except -1:
    cdef SeqNode* seq
    cdef uint32_t i
    if tag(w) == T_NUM:
        return True
    if tag(w) < T_ARR or tag(w) == T_AUX:
        return False
    seq = seq_node(w)
    Py_EnterRecursiveCall(" in a document")
    try:
        for i in range(seq.n * (2 if tag(w) == T_OBJ else 1)):
            if contains_number(load(&seq.items[i])):
                return True
    finally:
        Py_LeaveRecursiveCall()
    return False


cdef class Doc(Placed):
    """A value, together with the memory that it lies in."""

    cdef int settle(self) except -1:
        # Sorts every object in it, once, while the GIL is held: after that nothing
        # writes to it, so any number of threads may evaluate with it.
        cdef Word* stack
        cdef Word* more
        cdef size_t room = 256
        cdef size_t depth = 1
        cdef size_t count = 0
        cdef Word w
        cdef SeqNode* seq
        cdef uint32_t i, slots
        cdef set seen = set()
        if self.settled or tag(self.word) < T_ARR or tag(self.word) == T_AUX:
            self.settled = True
            return 0
        stack = <Word*>malloc(room * sizeof(Word))
        if stack == NULL:
            raise MemoryError
        stack[0] = self.word
        try:
            while depth:
                depth -= 1
                w = stack[depth]
                count += 1
                if count > MANY:    # parts that are shared, each once
                    if <uint64_t>w in seen:
                        continue
                    seen.add(<uint64_t>w)
                if tag(w) == T_OBJ:
                    sort_object(w)
                seq = seq_node(w)
                slots = 2 * seq.n if tag(w) == T_OBJ else seq.n
                if depth + slots > room:
                    room = 2 * (depth + slots)
                    more = <Word*>realloc(stack, room * sizeof(Word))
                    if more == NULL:
                        raise MemoryError
                    stack = more
                for i in range(slots):
                    w = load(&seq.items[i])
                    if tag(w) >= T_ARR and tag(w) != T_AUX:
                        stack[depth] = w
                        depth += 1
        finally:
            free(stack)
        self.settled = True
        return 0

    @staticmethod
    def parse(data, *, bint review=False, bint term=False, limit=DEFAULT_LIMIT):
        """Reads one JSON document.

        `review`: numbers go through float64, as in Gatekeeper's reviews.
        `term`: the JSON superset of plans, with any keys and <sets>.
        Raises JsonError (Go's text and the offset) and LimitError.
        """
        cdef Arena arena = Arena(limit)
        cdef ReadMode mode = (
            READ_REVIEW if review else READ_TERM if term else READ_EXACT
        )
        cdef const unsigned char[::1] view
        cdef const char* text = NULL
        cdef size_t size
        cdef Word w
        if isinstance(data, str):
            data = data.encode("utf-8", "surrogateescape")
        if isinstance(data, bytes):
            text = <const char*>data
            size = len(data)
        else:
            view = data
            size = view.shape[0]
            if size:
                text = <const char*>&view[0]
        with nogil:
            w = read_text(&arena.heap, text, size, mode, NULL)
        if w == NONE:
            raise_error(&arena.heap)
        return new_doc(arena, w)

    @staticmethod
    def from_python(value, *, limit=DEFAULT_LIMIT):
        """The document of a value in Python form."""
        cdef Arena arena = Arena(limit)
        return new_doc(arena, to_word(&arena.heap, value))

    @property
    def is_object(self) -> bool:
        """Is it an object?"""
        return tag(self.word) == T_OBJ

    @property
    def has_number(self) -> bool:
        """Is there a number in it that is no integer of the usual spelling?"""
        return contains_number(self.word)

    def python(self):
        """The value in Python form."""
        return to_python(self.word)

    cdef bytes text(self, WriteMode mode):
        cdef Heap heap
        cdef Out out
        heap_init(&heap, <size_t>1 << 40)
        out_init(&out, <size_t>1 << 40)
        try:
            if not write_value(&heap, &out, self.word, mode):
                raise_error(&heap)
            return out.data[:out.size]
        finally:
            out_free(&out)
            heap_free(&heap)

    def json(self, *, bint html=True) -> bytes:
        """JSON as Go's encoding/json writes it; `html`: < > & are escaped."""
        return self.text(WRITE_HTML if html else WRITE_JSON)

    def term_text(self) -> str:
        """The JSON superset that `parse(term=True)` reads."""
        return self.text(WRITE_TERM).decode("utf-8", "surrogateescape")

    def rego_text(self) -> str:
        """Rego's own form: what sprintf's %v and print show of composites."""
        return self.text(WRITE_REGO).decode("utf-8", "surrogateescape")

    def fields(self) -> list:
        """The keys of an object in Python form.  Raises TypeError for anything else."""
        cdef SeqNode* seq
        cdef uint32_t i
        if tag(self.word) != T_OBJ:
            raise TypeError("no object, so it has no keys")
        seq = seq_node(self.word)
        return [to_python(load(&seq.items[2 * i])) for i in range(seq.n)]

    cdef Word find(self, tuple path) except? 0:
        cdef Heap heap
        cdef Word w = self.word
        cdef Word key
        heap_init(&heap, <size_t>1 << 40)
        try:
            for step in path:
                key = to_word(&heap, step)
                if tag(w) == T_SET:
                    raise LookupError("a path may not lead into a set")
                w = lookup(w, key)
                if w == NONE:
                    return NONE
            return w
        finally:
            heap_free(&heap)

    def get(self, *path):
        """The document at a path of keys and indexes, or UNDEFINED."""
        cdef Word w = self.find(path)
        return UNDEFINED if w == NONE else new_doc(self.owner, w)

    def get_python(self, *path):
        """The value at a path of keys and indexes in Python form, or UNDEFINED."""
        return to_python(self.find(path))

    def compare(self, Doc other not None) -> int:
        """OPA's total order: -1, 0 or 1."""
        return compare(self.word, other.word)

    def __eq__(self, other):
        if not isinstance(other, Doc):
            return NotImplemented
        return equal(self.word, (<Doc>other).word)

    def __lt__(self, other):
        if not isinstance(other, Doc):
            return NotImplemented
        return compare(self.word, (<Doc>other).word) < 0

    def __le__(self, other):
        if not isinstance(other, Doc):
            return NotImplemented
        return compare(self.word, (<Doc>other).word) <= 0

    def __gt__(self, other):
        if not isinstance(other, Doc):
            return NotImplemented
        return compare(self.word, (<Doc>other).word) > 0

    def __ge__(self, other):
        if not isinstance(other, Doc):
            return NotImplemented
        return compare(self.word, (<Doc>other).word) >= 0

    def __hash__(self) -> int:
        return hash(canonical_text(to_python(self.word)))

    def __repr__(self) -> str:
        return f"Doc({self.term_text()})"

    def __reduce__(self):
        return restore_doc, (self.term_text(),)


def restore_doc(text: str) -> Doc:
    """The document of a term's text (for pickle)."""
    return Doc.parse(text, term=True)
