"""The steps of the Rego parser from token to token, and places.

The parser is a class in Python; these functions are methods of it.  They read and
write its slots where these lie: it takes some 11,500 steps and 9,000 places to parse
37 templates, and each step was a call of a dozen lines of Python.
"""

from gatewright._native.slots cimport offset_of, read, write

cdef extern from "Python.h":
    """
    static inline int gw_is_a(PyObject *node, PyTypeObject *kind) {
        return PyObject_TypeCheck(node, kind);
    }
    """
    bint gw_is_a(object node, type kind)
    Py_UCS4 PyUnicode_READ_CHAR(object text, Py_ssize_t at)


cdef struct Kinds:
    int illegal
    int end
    int blank
    int ident
    int dot
    int bracket
    # Soft keywords come last.
    int soft


cdef struct Slots:
    Py_ssize_t i
    Py_ssize_t tok
    Py_ssize_t kinds
    Py_ssize_t starts
    Py_ssize_t ends
    Py_ssize_t lines
    Py_ssize_t text
    Py_ssize_t source
    Py_ssize_t soft
    Py_ssize_t ref_kinds


cdef type owner = None
cdef object place = None
cdef Kinds kind_of
cdef Slots slots


def attach(cursor, location, *, illegal, end, blank, ident, dot, bracket, soft):
    """Says of which class the functions here are methods, and what makes a place;
    the others are kinds of tokens, `soft` the first of the soft keywords.

    Raises TypeError if the class lacks a slot."""
    global owner, place
    slots.i = offset_of(cursor, "i")
    slots.tok = offset_of(cursor, "tok")
    slots.kinds = offset_of(cursor, "kinds")
    slots.starts = offset_of(cursor, "starts")
    slots.ends = offset_of(cursor, "ends")
    slots.lines = offset_of(cursor, "lines")
    slots.text = offset_of(cursor, "text")
    slots.source = offset_of(cursor, "source")
    slots.soft = offset_of(cursor, "soft")
    slots.ref_kinds = offset_of(cursor, "ref_kinds")
    kind_of.illegal = illegal
    kind_of.end = end
    kind_of.blank = blank
    kind_of.ident = ident
    kind_of.dot = dot
    kind_of.bracket = bracket
    kind_of.soft = soft
    owner = cursor
    place = location


cdef inline int check(object cursor) except -1:
    if owner is None or not gw_is_a(cursor, owner):
        raise TypeError("not the parser that these are methods of")
    return 0


cdef inline Py_ssize_t index_of(object cursor) except? -1:
    return read(cursor, slots.i)


cdef inline Py_ssize_t at(object cursor, Py_ssize_t slot, Py_ssize_t i) except? -1:
    # A number in one of the lists.
    cdef list numbers = <list?>read(cursor, slot)
    if not 0 <= i < len(numbers):
        raise IndexError("no such token")
    return numbers[i]


cdef inline int taken(object cursor, int kind) except -1:
    # A kind as the parser takes it: a soft keyword that is off is a name.
    if kind >= kind_of.soft and kind not in <frozenset?>read(cursor, slots.soft):
        return kind_of.ident
    return kind


def scan(cursor):
    """Step to the next token; blanks and comments are skipped."""
    check(cursor)
    cdef Py_ssize_t i = index_of(cursor)
    cdef int kind
    if i < 0 or at(cursor, slots.kinds, i) != kind_of.end:
        i += 1
    kind = taken(cursor, at(cursor, slots.kinds, i))
    write(cursor, slots.i, i)
    write(cursor, slots.tok, kind)
    if kind == kind_of.illegal:
        cursor.report_illegal()


def opens_ref(cursor):
    """Take a keyword as a name when `.` or `[` touches it (`if.x`)."""
    check(cursor)
    cdef int following
    if read(cursor, slots.tok) in <frozenset?>read(cursor, slots.ref_kinds):
        following = touched(cursor)
        if following == kind_of.dot or following == kind_of.bracket:
            write(cursor, slots.tok, kind_of.ident)
            return True
    return False


def touching(cursor):
    """Return the kind of the next token if nothing stands between, else -1."""
    check(cursor)
    return touched(cursor)


cdef int touched(object cursor) except? -1:
    cdef Py_ssize_t i = index_of(cursor)
    if (
        i + 1 < len(<list?>read(cursor, slots.kinds))
        and at(cursor, slots.starts, i + 1) == at(cursor, slots.ends, i)
    ):
        return at(cursor, slots.kinds, i + 1)
    return -1


def peek(cursor):
    """Return the kind of the token after the current one."""
    check(cursor)
    cdef Py_ssize_t i = index_of(cursor) + 1
    cdef Py_ssize_t last = len(<list?>read(cursor, slots.kinds)) - 1
    return taken(cursor, at(cursor, slots.kinds, min(i, last)))


def last_end(cursor):
    """Return where the token before the current one ends."""
    check(cursor)
    cdef Py_ssize_t i = index_of(cursor)
    return at(cursor, slots.ends, i - 1) if i else 0


def after_newline(cursor):
    """Tell whether a line break stands before the current token."""
    check(cursor)
    cdef Py_ssize_t i = index_of(cursor)
    cdef Py_ssize_t start = at(cursor, slots.starts, i)
    cdef str text = <str?>read(cursor, slots.text)
    cdef Py_ssize_t here = at(cursor, slots.ends, i - 1) if i else 0
    while here < start:
        if PyUnicode_READ_CHAR(text, here) == c'\n':
            return True
        here += 1
    return False


def loc(cursor):
    """Return the place of the current token."""
    check(cursor)
    cdef Py_ssize_t i = index_of(cursor)
    cdef Py_ssize_t start = at(cursor, slots.starts, i)
    cdef Py_ssize_t end = at(cursor, slots.ends, i)
    cdef Py_ssize_t low = 0, high, middle, row, col
    cdef str text
    cdef list lines
    if <int>read(cursor, slots.tok) == kind_of.blank:
        start = cursor.blank_start()
        end = start + 1
    lines = <list?>read(cursor, slots.lines)
    text = <str?>read(cursor, slots.text)
    high = len(lines)
    while low < high:
        middle = (low + high) >> 1
        if start < <Py_ssize_t>lines[middle]:
            high = middle
        else:
            low = middle + 1
    row = low
    if row == 0 or start > len(text):
        raise IndexError("no such place")
    col = start - <Py_ssize_t>lines[row - 1] + 1
    if start == len(text):
        # OPA does not count a column for the end of the text.
        col -= 1
    elif PyUnicode_READ_CHAR(text, start) == c'\n':
        # A blank, or a part of a template: to OPA a line break is column 0 of the
        # line that it opens.
        row += 1
        col = 0
    return place(read(cursor, slots.source), row, col, start, end)
