"""Splitting Rego text into tokens, as far as they are plain.

The lexer in Python owns the rules; what is here is its way through text without
mistakes: words, operators, strings, numbers, raw strings, comments.  At anything
else `Splitter.run` stops and says where, and the lexer goes on from there.
"""

cimport cython

cdef extern from "Python.h":
    int PyUnicode_KIND(object text)
    void* PyUnicode_DATA(object text)
    Py_UCS4 PyUnicode_READ(int kind, void* data, Py_ssize_t at)
    bint Py_UNICODE_ISDECIMAL(Py_UCS4 char)
    object PyUnicode_Substring(object text, Py_ssize_t start, Py_ssize_t end)


cdef inline bint is_letter(Py_UCS4 char) noexcept:
    return c'a' <= char <= c'z' or c'A' <= char <= c'Z' or char == c'_'


cdef inline bint is_digit(Py_UCS4 char) noexcept:
    return c'0' <= char <= c'9'


@cython.final
cdef class Splitter:
    """How text is split into tokens.

    `keywords` maps words to kinds of tokens, `punctuation` operators of one character
    or two, of which `=` is the second; the others are kinds."""

    cdef dict keywords
    cdef int ident, number, string, raw
    # Kinds of an operator of one character, and of one followed by `=`; -1: none.
    cdef int single[128]
    cdef int double[128]

    def __init__(
        self,
        dict keywords,
        dict punctuation,
        *,
        int ident,
        int number,
        int string,
        int raw,
    ):
        cdef Py_UCS4 char
        cdef int at
        self.keywords = keywords
        self.ident = ident
        self.number = number
        self.string = string
        self.raw = raw
        for at in range(128):
            self.single[at] = -1
            self.double[at] = -1
        for text, kind in punctuation.items():
            char = text[0]
            if char > 127 or len(text) > 2 or (len(text) == 2 and text[1] != "="):
                raise ValueError(f"{text} is no operator")
            if len(text) == 1:
                self.single[char] = kind
            else:
                self.double[char] = kind

    def run(
        self,
        str text,
        Py_ssize_t at,
        bint braces,
        list kinds,
        list starts,
        list ends,
        list texts,
        list comments,
    ):
        """Adds the tokens from some place in a text on to four lists, and comments as
        pairs of start and end to a fifth; how far it came.  It stops at the end, at
        what begins no plain token, and, if `braces`, at a brace."""
        cdef int unit = PyUnicode_KIND(text)
        cdef void* data = PyUnicode_DATA(text)
        cdef Py_ssize_t size = len(text)
        cdef Py_ssize_t start
        cdef Py_UCS4 char
        cdef int kind
        while at < size:
            char = PyUnicode_READ(unit, data, at)
            if char == c' ' or char == c'\n' or char == c'\t' or char == c'\r':
                at += 1
                continue
            start = at
            at += 1
            if is_letter(char):
                while at < size:
                    char = PyUnicode_READ(unit, data, at)
                    if not (
                        is_letter(char)
                        or is_digit(char)
                        or (char > 127 and Py_UNICODE_ISDECIMAL(char))
                    ):
                        break
                    at += 1
                word = PyUnicode_Substring(text, start, at)
                found = self.keywords.get(word)
                kinds.append(self.ident if found is None else found)
            elif char == c'#':
                while at < size and PyUnicode_READ(unit, data, at) != c'\n':
                    at += 1
                comments.append((start, at))
                continue
            elif char == c'"':
                at = string_end(unit, data, at, size)
                if at < 0:
                    return start
                word = PyUnicode_Substring(text, start, at)
                kinds.append(self.string)
            elif is_digit(char):
                at = number_end(unit, data, at, size)
                if at < 0:
                    return start
                word = PyUnicode_Substring(text, start, at)
                kinds.append(self.number)
            elif char == c'`':
                while at < size and PyUnicode_READ(unit, data, at) != c'`':
                    at += 1
                if at == size:
                    return start
                at += 1
                word = PyUnicode_Substring(text, start, at)
                kinds.append(self.raw)
            elif char < 128:
                kind = -1
                if at < size and PyUnicode_READ(unit, data, at) == c'=':
                    kind = self.double[char]
                if kind >= 0:
                    at += 1
                else:
                    kind = self.single[char]
                if kind < 0 or (braces and (char == c'{' or char == c'}')):
                    return start
                word = PyUnicode_Substring(text, start, at)
                kinds.append(kind)
            else:
                return start
            starts.append(start)
            ends.append(at)
            texts.append(word)
        return size


cdef Py_ssize_t string_end(
    int unit, void* data, Py_ssize_t at, Py_ssize_t size
) noexcept:
    # Behind the quotes that end a string; -1: something is wrong with it.
    cdef Py_UCS4 char
    while at < size:
        char = PyUnicode_READ(unit, data, at)
        at += 1
        if char == c'"':
            return at
        if char == c'\n':
            return -1
        if char == c'\\':
            if at == size:
                return -1
            char = PyUnicode_READ(unit, data, at)
            at += 1
            if char == c'u':
                # What follows is the parser's to judge, as in OPA
                at += 3
            elif char not in (
                c'"', c'\\', c'/', c'b', c'f', c'n', c'r', c't'
            ):
                return -1
    return -1


cdef Py_ssize_t number_end(
    int unit, void* data, Py_ssize_t at, Py_ssize_t size
) noexcept:
    # Behind a number of digits, perhaps with a fraction; -1: it is another.
    cdef Py_UCS4 char
    while at < size and is_digit(PyUnicode_READ(unit, data, at)):
        at += 1
    if at < size and PyUnicode_READ(unit, data, at) == c'.':
        at += 1
        if at == size or not is_digit(PyUnicode_READ(unit, data, at)):
            return -1
        while at < size and is_digit(PyUnicode_READ(unit, data, at)):
            at += 1
    if at < size:
        char = PyUnicode_READ(unit, data, at)
        if is_letter(char):
            return -1
    return at
