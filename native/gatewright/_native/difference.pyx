"""The difference of two documents as the text of a JSON Patch (RFC 6902).

The form is that of `mutation.patch`, byte for byte.  Parts that both share are passed
over by their words.  What it cannot say (numbers that are no integers) raises
`NotPlain`.
"""

from libc.stdint cimport uint32_t
from libc.stdio cimport snprintf
from libc.string cimport memcmp

from cpython.bytes cimport PyBytes_FromStringAndSize

from gatewright._native.document cimport Doc
from gatewright._native.edit cimport NEST
from gatewright._native.evaluation cimport Evaluation
from gatewright._native.value cimport (
    E_NONE, T_ARR, T_INT, T_NUM, T_OBJ, T_STR, UNDEFINED as NONE, Heap, NumNode,
    StrNode, Tag, Word, item, key_at, num_node, seq_len, seq_node, str_node, tag,
    value_at,
)
from gatewright._native.writer cimport (
    WRITE_TERM, Out, out_free, out_init, put, put_char, write_string, write_value,
)

from gatewright._native.edit import NotPlain

cdef enum:
    LARGE = 1 << 20         # bytes of an arena from which on the GIL is let go

ctypedef struct Patch:
    Heap* heap
    Out text
    Out path                # of the part under comparison, as a JSON pointer
    bint stuck


cdef void enter_key(Patch* patch, Word key) noexcept nogil:
    cdef StrNode* name = str_node(key)
    cdef uint32_t i
    cdef char c
    put_char(&patch.path, c'/')
    for i in range(name.size):
        c = name.data[i]
        if c == c'~':
            put(&patch.path, "~0", 2)
        elif c == c'/':
            put(&patch.path, "~1", 2)
        else:
            put_char(&patch.path, c)


cdef void enter_index(Patch* patch, uint32_t index) noexcept nogil:
    cdef char text[16]
    put(&patch.path, text, snprintf(text, 16, "/%u", index))


cdef bint is_plain(Word w, int depth) noexcept nogil:
    # Numbers that are no integers have many spellings
    cdef Tag t = tag(w)
    cdef uint32_t i
    if t < T_ARR:
        return t != T_NUM
    if depth == NEST or (t != T_ARR and t != T_OBJ):
        return False
    for i in range(seq_len(w)):
        if not is_plain(item(w, i) if t == T_ARR else value_at(w, i), depth + 1):
            return False
    return True


cdef void operation(
    Patch* patch, const char* name, size_t size, Word value
) noexcept nogil:
    # `value` is NONE where the operation has none
    put_char(&patch.text, c'[' if patch.text.size == 0 else c',')
    put(&patch.text, '{"op":"', 7)
    put(&patch.text, name, size)
    put(&patch.text, '","path":', 9)
    write_string(&patch.text, patch.path.data, patch.path.size, WRITE_TERM)
    if value != NONE:
        put(&patch.text, ',"value":', 9)
        if not is_plain(value, 0):
            patch.stuck = True
        elif not write_value(patch.heap, &patch.text, value, WRITE_TERM):
            patch.stuck = True
    put_char(&patch.text, c'}')


cdef bint differ(Patch* patch, Word old, Word new) noexcept nogil:
    # Of two values that are not both objects, nor both lists
    cdef NumNode* x
    cdef NumNode* y
    if tag(old) == T_STR and tag(new) == T_STR:
        return str_node(old).size != str_node(new).size or memcmp(
            str_node(old).data, str_node(new).data, str_node(new).size
        ) != 0
    if tag(old) == T_NUM and tag(new) == T_NUM:
        x, y = num_node(old), num_node(new)
        if x.size == y.size and memcmp(x.text, y.text, x.size) == 0:
            return False
        patch.stuck = True
    elif (tag(old) == T_NUM and tag(new) == T_INT) or (
        tag(old) == T_INT and tag(new) == T_NUM
    ):
        patch.stuck = True
    return True


cdef int key_order(Word a, Word b) noexcept nogil:
    cdef StrNode* x = str_node(a)
    cdef StrNode* y = str_node(b)
    cdef int order = memcmp(x.data, y.data, x.size if x.size < y.size else y.size)
    return order if order else (x.size > y.size) - (x.size < y.size)


cdef void compare_objects(Patch* patch, Word old, Word new, int depth) noexcept nogil:
    cdef uint32_t i = 0, j = 0
    cdef uint32_t n = seq_len(old)
    cdef uint32_t m = seq_len(new)
    cdef size_t size = patch.path.size
    cdef int order
    while i < n or j < m:
        if i == n:
            order = 1
        elif j == m:
            order = -1
        elif key_at(old, i) == key_at(new, j):
            order = 0
        else:
            order = key_order(key_at(old, i), key_at(new, j))
        if order < 0:
            enter_key(patch, key_at(old, i))
            operation(patch, "remove", 6, NONE)
            i += 1
        elif order > 0:
            enter_key(patch, key_at(new, j))
            operation(patch, "add", 3, value_at(new, j))
            j += 1
        else:
            if value_at(old, i) != value_at(new, j):
                enter_key(patch, key_at(old, i))
                compare(patch, value_at(old, i), value_at(new, j), depth + 1)
            i += 1
            j += 1
        patch.path.size = size


cdef void compare_lists(Patch* patch, Word old, Word new, int depth) noexcept nogil:
    cdef uint32_t i
    cdef uint32_t n = seq_node(old).n
    cdef uint32_t m = seq_node(new).n
    cdef size_t size = patch.path.size
    for i in range(n, m):
        enter_index(patch, i)
        operation(patch, "add", 3, item(new, i))
        patch.path.size = size
    i = n
    while i > m:
        i -= 1
        enter_index(patch, i)
        operation(patch, "remove", 6, NONE)
        patch.path.size = size
    for i in range(n if n < m else m):
        if item(old, i) != item(new, i):
            enter_index(patch, i)
            compare(patch, item(old, i), item(new, i), depth + 1)
            patch.path.size = size


cdef void compare(Patch* patch, Word old, Word new, int depth) noexcept nogil:
    if depth == NEST:
        patch.stuck = True
    elif old == new or patch.stuck:
        return
    elif tag(old) == T_OBJ and tag(new) == T_OBJ:
        compare_objects(patch, old, new, depth)
    elif tag(old) == T_ARR and tag(new) == T_ARR:
        compare_lists(patch, old, new, depth)
    elif differ(patch, old, new):
        operation(patch, "replace", 7, new)


def difference(Evaluation evaluation not None, Doc old not None, Doc new not None):
    """The operations that turn `old` into `new` as JSON text; empty if there are none.

    Raises NotPlain.
    """
    cdef Patch patch
    patch.heap = evaluation.heap
    patch.stuck = False
    out_init(&patch.text, evaluation.heap.limit)
    out_init(&patch.path, evaluation.heap.limit)
    try:
        if evaluation.heap.used > LARGE:
            with nogil:
                compare(&patch, old.word, new.word, 0)
        else:
            compare(&patch, old.word, new.word, 0)
        if patch.text.size:
            put_char(&patch.text, c']')
        if (
            patch.stuck
            or patch.text.failed
            or patch.path.failed
            or patch.heap.error != E_NONE
        ):
            patch.heap.error = E_NONE
            raise NotPlain("the document")
        return PyBytes_FromStringAndSize(patch.text.data, patch.text.size)
    finally:
        out_free(&patch.text)
        out_free(&patch.path)
