"""Values to Python and back.

None, bool, int, str, list and dict stand for themselves where they can; `Number`,
`Object` and `Set` for the values that Python has no equal of, `UNDEFINED` for none.
"""

from cpython.long cimport PyLong_AsLongLongAndOverflow
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_XDECREF
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, strlen

from decimal import Decimal as BigDecimal

from gatewright._native.number cimport int_text, int_value, is_float_syntax, number_text
from gatewright._native.value cimport (
    E_DEPTH, E_MEMORY, E_NONE, E_SYNTAX, T_ARR, T_INT, T_NUM, T_OBJ, T_SET, T_STR,
    UNDEFINED as NONE, W_FALSE, W_NULL, W_TRUE, ErrorKind, Heap, StrNode, Tag, Word,
    as_int, compare, copy, heap_free, heap_init, item, key_at, new_array, new_int,
    new_number, new_object, new_set, new_str, seq_len, str_node, tag, value_at,
)

cdef extern from "Python.h":
    bint PyUnicode_IS_COMPACT_ASCII(object)
    void* PyUnicode_1BYTE_DATA(object)
    Py_ssize_t PyUnicode_GET_LENGTH(object)
    const char* PyUnicode_AsUTF8AndSize(object, Py_ssize_t*) except NULL
    int Py_EnterRecursiveCall(const char*) except *     # any but 0: it has raised
    void Py_LeaveRecursiveCall()


cdef enum:
    RECENT = 256            # keys that are remembered
    LONGEST_KEY = 40        # bytes

cdef (PyObject*)[RECENT] recent


class JsonError(ValueError):
    """Not a document: Go's text of the error, and the offset of the byte at fault."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class LimitError(Exception):
    """A value would not fit its memory limit."""


cdef class Placed:
    """A value where it lies: `Doc` without what one can do with it."""

    def __init__(self):
        raise TypeError("use Doc.parse or Doc.from_python")


cdef int raise_error(Heap* heap) except -1:
    cdef ErrorKind kind = heap.error
    message = to_str(heap.message, strlen(heap.message))
    heap.error = E_NONE
    if kind == E_SYNTAX or kind == E_DEPTH:
        raise JsonError(message, heap.error_at)
    if kind == E_MEMORY:
        raise LimitError(message)
    raise RuntimeError(message or "undefined value")


# Python forms ----------------------------------------------------------------

class UndefinedType:
    """The type of `UNDEFINED`: no value at all.  It is neither true nor false."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNDEFINED"

    def __bool__(self) -> bool:
        raise TypeError("undefined is neither true nor false; use `is UNDEFINED`")

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):
        return "UNDEFINED"


UNDEFINED = UndefinedType()


class Number:
    """A number that is no canonical integer: decimal text, kept as spelled.

    Equality, order and hash are those of the numeric value, and agree with int's.
    """

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        object.__setattr__(self, "text", text)

    def __setattr__(self, name, value):
        raise AttributeError("a Number does not change")

    def __float__(self) -> float:
        return float(self.text)

    def __repr__(self) -> str:
        return f"Number({self.text!r})"

    def __str__(self) -> str:
        return self.text

    def __hash__(self) -> int:
        return hash(BigDecimal(self.text))

    def __eq__(self, other):
        if not is_number(other):
            return NotImplemented
        return compare_python(self, other) == 0

    def __lt__(self, other):
        if not is_number(other):
            return NotImplemented
        return compare_python(self, other) < 0

    def __le__(self, other):
        if not is_number(other):
            return NotImplemented
        return compare_python(self, other) <= 0

    def __gt__(self, other):
        if not is_number(other):
            return NotImplemented
        return compare_python(self, other) > 0

    def __ge__(self, other):
        if not is_number(other):
            return NotImplemented
        return compare_python(self, other) >= 0

    def __reduce__(self):
        return Number, (self.text,)


class Object:
    """An object with keys that are not all strings: pairs, sorted by key."""

    __slots__ = ("pairs",)

    def __init__(self, pairs=()) -> None:
        object.__setattr__(self, "pairs", sorted_pairs(pairs))

    def __setattr__(self, name, value):
        raise AttributeError("an Object does not change")

    def __len__(self) -> int:
        return len(self.pairs)

    def __iter__(self):
        return iter([key for key, _ in self.pairs])

    def __getitem__(self, key):
        for candidate, value in self.pairs:
            if compare_python(candidate, key) == 0:
                return value
        raise KeyError(key)

    def get(self, key, default=None):
        try:
            return self[key]
        except KeyError:
            return default

    def keys(self):
        return [key for key, _ in self.pairs]

    def values(self):
        return [value for _, value in self.pairs]

    def items(self):
        return list(self.pairs)

    def __eq__(self, other):
        if not isinstance(other, (Object, dict)):
            return NotImplemented
        return compare_python(self, other) == 0

    def __hash__(self) -> int:
        return hash(canonical_text(self))

    def __repr__(self) -> str:
        return f"Object({list(self.pairs)!r})"

    def __reduce__(self):
        return Object, (self.pairs,)


class Set:
    """A set: its members, sorted, without duplicates."""

    __slots__ = ("items",)

    def __init__(self, items=()) -> None:
        object.__setattr__(self, "items", sorted_items(items))

    def __setattr__(self, name, value):
        raise AttributeError("a Set does not change")

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self):
        return iter(self.items)

    def __contains__(self, value) -> bool:
        return any(compare_python(value, member) == 0 for member in self.items)

    def __eq__(self, other):
        if not isinstance(other, Set):
            return NotImplemented
        return compare_python(self, other) == 0

    def __hash__(self) -> int:
        return hash(canonical_text(self))

    def __repr__(self) -> str:
        return f"Set({list(self.items)!r})"

    def __reduce__(self):
        return Set, (self.items,)


cdef bint is_number(value):
    return isinstance(value, (int, Number)) and not isinstance(value, bool)


cdef object made(kind, field, value):
    # An instance whose parts are in order already
    out = object.__new__(kind)
    object.__setattr__(out, field, value)
    return out


def integer_text(value: int) -> str:
    """An integer in decimal; `str` refuses more than 4,300 digits."""
    return int_text(value)


def compare_python(a: object, b: object) -> int:
    """OPA's order of two values in Python form: -1, 0 or 1."""
    cdef Heap heap
    cdef Word x, y
    heap_init(&heap, <size_t>1 << 40)
    try:
        x = to_word(&heap, a)
        y = to_word(&heap, b)
        return compare(x, y)
    finally:
        heap_free(&heap)


cdef sorted_items(items):
    cdef Heap heap
    cdef Word w
    heap_init(&heap, <size_t>1 << 40)
    try:
        w = set_word(&heap, list(items))
        return tuple([to_python(item(w, i)) for i in range(seq_len(w))])
    finally:
        heap_free(&heap)


cdef sorted_pairs(pairs):
    cdef Heap heap
    cdef Word w
    heap_init(&heap, <size_t>1 << 40)
    try:
        w = pairs_word(&heap, list(pairs))
        return tuple(
            [
                (to_python(key_at(w, i)), to_python(value_at(w, i)))
                for i in range(seq_len(w))
            ]
        )
    finally:
        heap_free(&heap)


cdef canonical_text(value):
    # Equal values have equal texts: numbers by value, not by spelling
    if isinstance(value, Number):
        return str(hash(value))
    if isinstance(value, Set):
        return f"<{','.join([canonical_text(x) for x in value.items])}>"
    if isinstance(value, (Object, dict)):
        pairs = (
            value.pairs
            if isinstance(value, Object)
            else sorted(value.items(), key=repr)
        )
        body = ",".join(
            [f"{canonical_text(k)}:{canonical_text(v)}" for k, v in pairs]
        )
        return "{" + body + "}"
    if isinstance(value, (list, tuple)):
        return f"[{','.join([canonical_text(x) for x in value])}]"
    if isinstance(value, int) and not isinstance(value, bool):
        return str(hash(value))
    return repr(value)


# To Python -------------------------------------------------------------------

cdef str to_str(const char* data, size_t size):
    return PyUnicode_DecodeUTF8(data, <Py_ssize_t>size, "surrogateescape")


cdef object key_to_python(Word w):
    # Keys recur: a string that was made before has its hash, too.  Under the GIL.
    cdef const StrNode* s = str_node(w)
    cdef PyObject** place
    cdef object text
    if s.size > LONGEST_KEY or s.runes != s.size:
        return to_str(s.data, s.size)
    place = &recent[s.hash & (RECENT - 1)]
    if place[0] != NULL:
        text = <object>place[0]
        if <size_t>PyUnicode_GET_LENGTH(text) == s.size and (
            memcmp(PyUnicode_1BYTE_DATA(text), s.data, s.size) == 0
        ):
            return text
    text = to_str(s.data, s.size)
    if PyUnicode_IS_COMPACT_ASCII(text):
        Py_INCREF(text)
        Py_XDECREF(place[0])
        place[0] = <PyObject*>text
    return text


cdef object number_to_python(Word w):
    cdef char room[24]
    cdef const char* data
    cdef size_t size = number_text(w, room, &data)
    text = data[:size].decode("ascii")
    digits = text.removeprefix("-")
    if digits.isdecimal() and digits[0] != "0":
        return -int_value(digits) if text[0] == "-" else int_value(digits)
    return Number(text)


cdef object to_python(Word w):
    cdef Tag t = tag(w)
    cdef uint32_t i, n
    if t == T_STR:
        return to_str(str_node(w).data, str_node(w).size)
    if t == T_INT:
        return as_int(w)
    if t == T_NUM:
        return number_to_python(w)
    if w == W_NULL:
        return None
    if w == W_TRUE:
        return True
    if w == W_FALSE:
        return False
    if w == NONE:
        return UNDEFINED
    Py_EnterRecursiveCall(" in a deeply nested value")
    try:
        n = seq_len(w)
        if t == T_ARR:
            return [to_python(item(w, i)) for i in range(n)]
        if t == T_SET:
            members = [to_python(item(w, i)) for i in range(n)]
            return made(Set, "items", tuple(members))
        if n == 0 or (tag(key_at(w, 0)) == T_STR and tag(key_at(w, n - 1)) == T_STR):
            return {
                key_to_python(key_at(w, i)): to_python(value_at(w, i))
                for i in range(n)
            }
        return made(
            Object,
            "pairs",
            tuple(
                [
                    (to_python(key_at(w, i)), to_python(value_at(w, i)))
                    for i in range(n)
                ]
            ),
        )
    finally:
        Py_LeaveRecursiveCall()


# From Python -----------------------------------------------------------------

cdef Word text_word(Heap* heap, value) except 0:
    cdef Py_ssize_t size
    cdef const char* data
    cdef Word w
    if PyUnicode_IS_COMPACT_ASCII(value):
        data = <const char*>PyUnicode_1BYTE_DATA(value)
        return check(heap, new_str(heap, data, PyUnicode_GET_LENGTH(value)))
    try:
        data = PyUnicode_AsUTF8AndSize(value, &size)
        w = new_str(heap, data, size)
    except UnicodeEncodeError:
        # Escaped bytes become bytes again; any other surrogate has no UTF-8
        try:
            encoded = value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            encoded = value.encode("utf-16", "surrogatepass").decode(
                "utf-16", "replace"
            ).encode()
        w = new_str(heap, <const char*>encoded, len(encoded))
    return check(heap, w)


cdef inline Word check(Heap* heap, Word w) except 0:
    if w == NONE:
        raise_error(heap)
    return w


cdef Word close_items(Heap* heap, Word* words, Py_ssize_t n, Tag kind) except 0:
    cdef Word w
    if kind == T_ARR:
        w = new_array(heap, words, <uint32_t>n)
    elif kind == T_SET:
        w = new_set(heap, words, <uint32_t>n)
    else:
        w = new_object(heap, words, <uint32_t>n)
    return check(heap, w)


cdef Word* room_for(Py_ssize_t words) except NULL:
    cdef Word* out
    if words > <Py_ssize_t>0x7FFFFFFF:
        raise LimitError("too many items")
    out = <Word*>malloc((words + 1) * sizeof(Word))
    if out == NULL:
        raise MemoryError
    return out


cdef Word list_word(Heap* heap, values, Tag kind) except 0:
    # `values`: a list or tuple of items; of pairs when an object is made
    cdef Py_ssize_t n = len(values)
    cdef Py_ssize_t i
    cdef Word small[32]
    cdef Word* words = small
    cdef Py_ssize_t need = 2 * n if kind == T_OBJ else n
    if need > 32:
        words = room_for(need)
    Py_EnterRecursiveCall(" in a deeply nested value")
    try:
        for i in range(n):
            if kind == T_OBJ:
                key, value = values[i]
                words[2 * i] = to_word(heap, key)
                words[2 * i + 1] = to_word(heap, value)
            else:
                words[i] = to_word(heap, values[i])
        return close_items(heap, words, n, kind)
    finally:
        Py_LeaveRecursiveCall()
        if words != small:
            free(words)


cdef Word dict_word(Heap* heap, dict values) except 0:
    cdef Py_ssize_t n = len(values)
    cdef Py_ssize_t i = 0
    cdef Word small[32]
    cdef Word* words = small
    if 2 * n > 32:
        words = room_for(2 * n)
    Py_EnterRecursiveCall(" in a deeply nested value")
    try:
        for key, value in values.items():
            words[2 * i] = to_word(heap, key)
            words[2 * i + 1] = to_word(heap, value)
            i += 1
        return close_items(heap, words, n, T_OBJ)
    finally:
        Py_LeaveRecursiveCall()
        if words != small:
            free(words)


cdef Word set_word(Heap* heap, items) except 0:
    return list_word(heap, items, T_SET)


cdef Word pairs_word(Heap* heap, pairs) except 0:
    return list_word(heap, pairs, T_OBJ)


cdef Word to_word(Heap* heap, object value) except 0:
    cdef int overflow = 0
    cdef long long small
    if value is None:
        return W_NULL
    if value is True:
        return W_TRUE
    if value is False:
        return W_FALSE
    if isinstance(value, str):
        return text_word(heap, value)
    if isinstance(value, int):
        small = PyLong_AsLongLongAndOverflow(value, &overflow)
        if not overflow:
            return check(heap, new_int(heap, small))
        text = int_text(value).encode("ascii")
        return check(heap, new_number(heap, <const char*>text, len(text)))
    if isinstance(value, dict):
        return dict_word(heap, value)
    if isinstance(value, (list, tuple)):
        return list_word(heap, value, T_ARR)
    if isinstance(value, Placed):
        return check(heap, copy(heap, (<Placed>value).word))
    if isinstance(value, float):
        text = repr(value)
        if text.endswith(("f", "n")):
            raise ValueError(f"no such number in JSON: {text}")
        text = text.encode("ascii")
        return check(heap, new_number(heap, <const char*>text, len(text)))
    if isinstance(value, Number):
        text = value.text.encode("ascii")
        if not is_float_syntax(text, len(text)):
            raise ValueError(f"not a number: {value.text}")
        return check(heap, new_number(heap, <const char*>text, len(text)))
    if isinstance(value, Set):
        return list_word(heap, value.items, T_SET)
    if isinstance(value, Object):
        return list_word(heap, value.pairs, T_OBJ)
    if isinstance(value, (set, frozenset)):
        return list_word(heap, list(value), T_SET)
    raise TypeError(f"no value of Rego: {type(value).__name__}")
