# cython: cdivision=True
"""`regex.match` without Python: patterns as tables, kept for the process's life.

A pattern is learnt when it is first used: Python makes its automaton (or says
that it can't, then Python answers for that pattern ever after).  What is learnt
is never changed or freed, so evaluations read it without a lock; learning is done
under the GIL, one at a time, and an entry becomes visible whole.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy

from gatewright._native.fault cimport fail_raised, put_off
from gatewright._native.operand cimport want_strings
from gatewright._native.value cimport (
    E_BUILTIN, E_INTERNAL, UNDEFINED, W_FALSE, W_TRUE, Heap, StrNode, Word, from_bool,
    str_node,
)

cdef extern from *:
    """
    #define gw_publish(place, value) \\
        __atomic_store_n((place), (value), __ATOMIC_RELEASE)
    #define gw_observe(place) __atomic_load_n((place), __ATOMIC_ACQUIRE)
    """
    void gw_publish(Pattern** place, Pattern* value) noexcept nogil
    Pattern* gw_observe(Pattern** place) noexcept nogil

cdef enum:
    ROOM = 4096             # places; half of them are used at most
    KEPT = 2048
    LONGEST = 4096          # bytes of a pattern that is kept

cdef enum StateFlag:
    AT_END = 1              # matches if the text ends here
    NOW = 2                 # matches already
    DEAD = 4                # never will

ctypedef struct Pattern:
    uint32_t hash
    uint32_t size
    char* text
    # the automaton; NULL: Python answers
    uint16_t* next
    uint8_t* flags
    uint32_t width
    uint8_t classes[256]

cdef Pattern* patterns[ROOM]
cdef int kept = 0
cdef object compile_tables = None
cdef object match_in_python = None


def set_regex(learn, match) -> None:
    """How patterns are learnt and who answers otherwise.

    `learn(pattern: bytes)` gives an object with `states`, `width`, `classes`,
    `next`, `flags`, or None; `match(pattern: bytes, text: bytes)` a bool, or raises
    an exception whose text is the error's.
    """
    global compile_tables, match_in_python
    compile_tables = learn
    match_in_python = match


cdef Pattern* find(StrNode* text) noexcept nogil:
    # NULL when it is not known
    cdef uint32_t at = text.hash % ROOM
    cdef Pattern* one
    while True:
        one = gw_observe(&patterns[at])
        if one == NULL:
            return NULL
        if (
            one.hash == text.hash
            and one.size == text.size
            and memcmp(one.text, text.data, text.size) == 0
        ):
            return one
        at = (at + 1) % ROOM


cdef Pattern* learn(StrNode* text) noexcept with gil:
    # NULL when it is not kept
    global kept
    cdef Pattern* one = find(text)
    cdef uint32_t at
    cdef bytes classes, following, flags
    if one != NULL or kept >= KEPT or text.size > LONGEST or compile_tables is None:
        return one
    one = <Pattern*>calloc(1, sizeof(Pattern))
    if one == NULL:
        return NULL
    one.text = <char*>malloc(text.size + 1)
    if one.text == NULL:
        free(one)
        return NULL
    memcpy(one.text, text.data, text.size)
    one.hash = text.hash
    one.size = text.size
    try:
        tables = compile_tables((<char*>text.data)[:text.size])
        if tables is not None:
            classes = tables.classes
            following = tables.next
            flags = tables.flags
            one.width = tables.width
            if len(classes) != 256 or (
                len(following) != 2 * one.width * len(flags)
            ):
                raise ValueError("not an automaton")
            memcpy(one.classes, <const char*>classes, 256)
            one.flags = <uint8_t*>malloc(len(flags))
            one.next = <uint16_t*>malloc(len(following))
            if one.flags == NULL or one.next == NULL:
                raise MemoryError
            memcpy(one.flags, <const char*>flags, len(flags))
            memcpy(one.next, <const char*>following, len(following))
    except BaseException as error:
        # Not to be had here: Python answers for this pattern, errors included.
        free(one.flags)
        free(one.next)
        one.flags = NULL
        one.next = NULL
        if put_off(error):
            free(one.text)
            free(one)
            return NULL
    at = text.hash % ROOM
    while patterns[at] != NULL:
        at = (at + 1) % ROOM
    kept += 1
    gw_publish(&patterns[at], one)
    return one


cdef bint runs(Pattern* one, const uint8_t* text, size_t size) noexcept nogil:
    cdef const uint16_t* following = one.next
    cdef const uint8_t* flags = one.flags
    cdef uint32_t state = 0
    cdef size_t i
    for i in range(size):
        if flags[state] & (NOW | DEAD):
            return (flags[state] & NOW) != 0
        state = following[state * one.width + one.classes[text[i]]]
    return (flags[state] & (NOW | AT_END)) != 0


cdef bint plain_utf8(const uint8_t* s, size_t n) noexcept nogil:
    # Well-formed?  Only texts that a policy decoded itself are ever not.
    cdef size_t i = 0
    cdef uint8_t b
    while i < n:
        b = s[i]
        if b < 0x80:
            i += 1
        elif 0xC2 <= b < 0xE0:
            if i + 1 >= n or s[i + 1] & 0xC0 != 0x80:
                return False
            i += 2
        elif b < 0xC2:
            return False
        elif b < 0xF0:
            if i + 2 >= n or s[i + 1] & 0xC0 != 0x80 or s[i + 2] & 0xC0 != 0x80:
                return False
            if (b == 0xE0 and s[i + 1] < 0xA0) or (b == 0xED and s[i + 1] >= 0xA0):
                return False
            i += 3
        elif b < 0xF5:
            if (
                i + 3 >= n
                or s[i + 1] & 0xC0 != 0x80
                or s[i + 2] & 0xC0 != 0x80
                or s[i + 3] & 0xC0 != 0x80
            ):
                return False
            if (b == 0xF0 and s[i + 1] < 0x90) or (b == 0xF4 and s[i + 1] >= 0x90):
                return False
            i += 4
        else:
            return False
    return True


cdef Word ask_python(Heap* heap, StrNode* pattern, StrNode* text) noexcept with gil:
    try:
        if match_in_python is None:
            raise RuntimeError("no engine for regular expressions was given")
        return from_bool(
            match_in_python(
                (<char*>pattern.data)[:pattern.size], (<char*>text.data)[:text.size]
            )
        )
    except ValueError as error:
        fail_raised(heap, E_BUILTIN, b"regex.match: ", error)
    except BaseException as error:
        fail_raised(heap, E_INTERNAL, b"regex.match: ", error)
    return UNDEFINED


cdef Word lib_regex_match(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef StrNode* pattern
    cdef StrNode* text
    cdef Pattern* one
    if not want_strings(heap, b"regex.match", args, 2):
        return UNDEFINED
    pattern = str_node(args[0])
    text = str_node(args[1])
    one = find(pattern)
    if one == NULL:
        one = learn(pattern)
    if one == NULL or one.next == NULL:
        return ask_python(heap, pattern, text)
    if not plain_utf8(<const uint8_t*>text.data, text.size):
        return ask_python(heap, pattern, text)
    return W_TRUE if runs(one, <const uint8_t*>text.data, text.size) else W_FALSE
