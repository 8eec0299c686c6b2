# cython: cdivision=True
"""Reads JSON into an arena in one pass, without recursion.

Items of open containers lie on one stack; a container that closes is copied into
a node of its exact size.  Objects are left unsorted (see value.pxd): most of a
review is never looked at.  Strings are scanned, hashed and copied 16 bytes at a
time, straight to where their node will be.

This file is long because scanning text, numbers and structure share the state of one
pass over the bytes, which a call between modules would spill.
"""

from libc.stdint cimport UINT32_MAX, int64_t, uint32_t, uint64_t, uint8_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy
from libc.stdio cimport snprintf

from gatewright._native.number cimport review_number
from gatewright._native.utf8 cimport put_rune, rune_at, rune_is_valid
from gatewright._native.value cimport (
    E_DEPTH, E_MEMORY, E_SYNTAX, F_SORTED, HASH_START, MAX_DEPTH, STR_HEADER, T_ARR,
    T_OBJ, T_STR, UNDEFINED, W_FALSE, W_NULL, W_TRUE, Chunk, Heap, NumNode, SeqNode,
    FENCE, StrNode, Word, alloc_str, close_rest, fail, from_int, hash_block, hash_end,
    load, new_num_node, new_seq, new_set, num_node, open_bytes, seal_str, store,
    str_node,
)

cdef extern from "stop16.h":
    # Where a string's plain bytes end: the first of 16 bytes that is a quote, a
    # backslash or a control character, else 16; `high`: a bit for each byte >= 0x80
    int stop16 "gw_stop16"(const uint8_t* p, uint32_t* high) noexcept nogil

cdef extern from *:
    bint unlikely "__builtin_expect"(bint, long) noexcept nogil

cdef enum:
    STACK = 1024        # words and levels on the C stack before malloc is asked
    LEVELS = 128
    INTERN_SIZE = 64    # longer strings are not looked for
    MAX_DECIMAL = 30103     # 2 ** 100000 has that many digits
    MAX_INT32 = 0x7FFFFFFF
    MAX_FLOAT = 308         # so many digits before the point always fit a float64
    IN_ARRAY = 1
    IN_OBJECT = 2
    IN_SET = 3

ctypedef struct Level:
    size_t base         # where its items start on the stack
    int kind

# What a read holds besides the arena
ctypedef struct Work:
    Word* stack
    size_t room
    Level* levels
    size_t level_room
    Word first_stack[1024]
    Level first_levels[128]


# Interning -------------------------------------------------------------------

cdef Word intern_find(
    const InternTable* known, uint32_t hash, const char* data, size_t size
) noexcept nogil:
    cdef uint32_t i = hash & known.mask
    cdef Word w
    cdef StrNode* s
    while known.slots[i] != 0:
        w = load(&known.slots[i])
        s = str_node(w)
        if s.hash == hash and s.size == size and memcmp(s.data, data, size) == 0:
            return w
        i = (i + 1) & known.mask
    return UNDEFINED


cdef Word intern_add(Word* slots, uint32_t mask, Word w) noexcept nogil:
    cdef InternTable table
    cdef StrNode* s = str_node(w)
    cdef uint32_t i = s.hash & mask
    cdef Word found
    table.slots = slots
    table.mask = mask
    found = intern_find(&table, s.hash, s.data, s.size)
    if found != UNDEFINED:
        return found
    while slots[i] != 0:
        i = (i + 1) & mask
    store(&slots[i], w)
    return w


# Errors ----------------------------------------------------------------------

cdef Word bad_byte(
    Heap* heap, const uint8_t* data, const uint8_t* p, const uint8_t* end,
    const char* context,
) noexcept nogil:
    # Go's texts: the byte is shown as a rune of Latin-1, quoted as Go quotes
    cdef char shown[16]
    cdef char text[160]
    cdef uint8_t c
    cdef uint32_t width
    heap.error_at = p - data
    if p >= end:
        heap.error_at = end - data
        fail(heap, E_SYNTAX, "unexpected end of JSON input")
        return UNDEFINED
    c = p[0]
    if c == c"'":
        snprintf(shown, 16, "\\'")
    elif c == c"\\":
        snprintf(shown, 16, "\\\\")
    elif c == 7:
        snprintf(shown, 16, "\\a")
    elif c == 8:
        snprintf(shown, 16, "\\b")
    elif c == 9:
        snprintf(shown, 16, "\\t")
    elif c == 10:
        snprintf(shown, 16, "\\n")
    elif c == 11:
        snprintf(shown, 16, "\\v")
    elif c == 12:
        snprintf(shown, 16, "\\f")
    elif c == 13:
        snprintf(shown, 16, "\\r")
    elif c < 0x20 or c == 0x7F:
        snprintf(shown, 16, "\\x%02x", <int>c)
    elif 0x80 <= c < 0xA1 or c == 0xAD:
        snprintf(shown, 16, "\\u%04x", <int>c)
    else:
        width = put_rune(shown, c)
        shown[width] = 0
    snprintf(text, 160, "invalid character '%s' %s", shown, context)
    fail(heap, E_SYNTAX, text)
    return UNDEFINED


# Strings ---------------------------------------------------------------------

cdef inline Word read_string(
    Heap* heap, const uint8_t* data, const uint8_t** at, const uint8_t* end,
    const InternTable* known, bint raw,
) noexcept nogil:
    # `at` is behind the opening quote, and is left behind the closing one
    cdef const uint8_t* start = at[0]
    cdef const uint8_t* p = start
    cdef Chunk* chunk = heap.chunk
    cdef uint8_t* base
    cdef uint8_t* out
    cdef uint8_t* last
    cdef uint64_t h = HASH_START
    cdef uint64_t words[2]
    cdef uint32_t high = 0, bits, hash
    cdef int k
    cdef size_t size, runes
    cdef StrNode* s
    cdef Word found
    if unlikely(chunk == NULL or chunk.size - chunk.used < STR_HEADER + 24, 0):
        return read_string_slow(heap, data, at, end, known, raw)
    base = <uint8_t*>(chunk + 1) + chunk.used
    out = base + STR_HEADER
    last = <uint8_t*>(chunk + 1) + chunk.size - 24
    open_bytes(base, chunk.size - chunk.used)
    while end - p >= 16 and out <= last:
        memcpy(words, p, 16)
        memcpy(out, words, 16)
        k = stop16(p, &bits)
        if k == 16:
            h = hash_block(h, words[0], words[1])
            high |= bits
            p += 16
            out += 16
            continue
        if unlikely(p[k] != c'"', 0):
            break
        size = p - start + k
        high |= bits & ((<uint32_t>1 << k) - 1)
        if k < 8:
            words[0] &= (<uint64_t>1 << 8 * k) - 1
            words[1] = 0
        else:
            words[1] &= (<uint64_t>1 << 8 * (k - 8)) - 1
        hash = hash_end(hash_block(h, words[0], words[1]), size)
        runes = size
        if unlikely(high != 0, 0) and not count_valid(start, size, &runes):
            break
        at[0] = p + k + 1
        if known != NULL and size <= INTERN_SIZE:
            found = intern_find(known, hash, <const char*>start, size)
            if found != UNDEFINED:
                close_rest(chunk)
                return found
        out[k] = 0
        s = <StrNode*>base
        s.size = <uint32_t>size
        s.hash = hash
        s.runes = <uint32_t>runes
        s.flags = 0
        chunk.used += (STR_HEADER + size + 8) & ~<size_t>7
        if FENCE:
            close_rest(chunk)
            if chunk.size - chunk.used >= FENCE:
                chunk.used += FENCE
        return <Word>base | T_STR
    close_rest(chunk)
    return read_string_slow(heap, data, at, end, known, raw)


cdef bint count_valid(const uint8_t* p, size_t size, size_t* runes) noexcept nogil:
    cdef size_t i = 0, n = 0
    cdef uint32_t rune, width
    while i < size:
        width = rune_at(p + i, size - i, &rune)
        if not rune_is_valid(width, rune):
            return False
        i += width
        n += 1
    runes[0] = n
    return True


cdef inline int hex4(const uint8_t* p, const uint8_t* end) noexcept nogil:
    # Four hexadecimal digits; -1 - i when digit i is none
    cdef int i, out = 0
    cdef uint8_t c
    for i in range(4):
        if p + i >= end:
            return -1 - i
        c = p[i]
        if c'0' <= c <= c'9':
            out = out << 4 | (c - c'0')
        elif c'a' <= (c | 32) <= c'f':
            out = out << 4 | ((c | 32) - c'a' + 10)
        else:
            return -1 - i
    return out


cdef Word read_string_slow(
    Heap* heap, const uint8_t* data, const uint8_t** at, const uint8_t* end,
    const InternTable* known, bint raw,
) noexcept nogil:
    # Twice over the text: the first time for the size alone.  `raw`: bytes that are
    # no UTF-8 stay (strings that a policy decoded), else they become U+FFFD.
    cdef const uint8_t* p
    cdef char* out = NULL
    cdef char spare[8]
    cdef size_t size = 0
    cdef uint32_t rune, width
    cdef int code, low
    cdef uint8_t c
    cdef StrNode* s = NULL
    cdef Word w
    while True:
        p = at[0]
        while True:
            if p >= end:
                return bad_byte(heap, data, p, end, "")
            c = p[0]
            if c == c'"':
                break
            if c < 0x20:
                return bad_byte(heap, data, p, end, "in string literal")
            if c != c"\\":
                if c < 0x80:
                    if out != NULL:
                        out[size] = c
                    size += 1
                    p += 1
                else:
                    width = rune_at(p, end - p, &rune)
                    if raw and width == 1:
                        if out != NULL:
                            out[size] = c
                        size += 1
                    else:
                        size += put_rune(out + size if out != NULL else spare, rune)
                    p += width
                continue
            p += 1
            if p >= end:
                return bad_byte(heap, data, p, end, "")
            c = p[0]
            p += 1
            rune = 0
            if c == c'"' or c == c"\\" or c == c"/":
                rune = c
            elif c == c'b':
                rune = 8
            elif c == c'f':
                rune = 12
            elif c == c'n':
                rune = 10
            elif c == c'r':
                rune = 13
            elif c == c't':
                rune = 9
            elif c == c'u':
                code = hex4(p, end)
                if code < 0:
                    return bad_byte(
                        heap, data, p - 1 - code, end,
                        "in \\u hexadecimal character escape",
                    )
                p += 4
                if (
                    0xD800 <= code < 0xDC00
                    and end - p >= 6 and p[0] == c"\\" and p[1] == c'u'
                ):
                    low = hex4(p + 2, end)
                    if 0xDC00 <= low < 0xE000:
                        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
                        p += 6
                rune = <uint32_t>code
            else:
                return bad_byte(heap, data, p - 1, end, "in string escape code")
            width = put_rune(out + size if out != NULL else spare, rune)
            size += width
        if out != NULL:
            break
        s = alloc_str(heap, size)
        if s == NULL:
            return UNDEFINED
        out = s.data
        size = 0
    at[0] = p + 1
    w = seal_str(s)
    if known != NULL and s.size <= INTERN_SIZE:
        w = intern_find(known, s.hash, s.data, s.size)
        if w == UNDEFINED:
            w = <Word>s | T_STR
    return w


# Numbers ---------------------------------------------------------------------

cdef inline Word read_number(
    Heap* heap, const uint8_t* data, const uint8_t** at, const uint8_t* end,
    ReadMode mode,
) noexcept nogil:
    cdef const uint8_t* start = at[0]
    cdef const uint8_t* p = start
    cdef int64_t value = 0
    cdef bint minus = False
    cdef size_t digits
    cdef uint8_t c = p[0]
    if c == c'-':
        minus = True
        p += 1
        c = p[0] if p < end else 0
    if c == c'0':
        p += 1
    elif c'1' <= c <= c'9':
        while p < end and c'0' <= p[0] <= c'9':
            # More than 18 digits wrap, harmlessly: they are read as text below
            value = <int64_t>(<uint64_t>value * 10 + (p[0] - c'0'))
            p += 1
    elif c == c'.' and mode == READ_TERM:
        pass  # Rego's literals may start with the point
    else:
        return bad_byte(heap, data, p, end, "in numeric literal")
    digits = p - start
    if p >= end or (p[0] != c'.' and (p[0] | 32) != c'e'):
        at[0] = p
        if digits <= 18 and not (minus and value == 0):
            if mode != READ_REVIEW or value < 1000000:
                return from_int(-value if minus else value)
    else:
        if p[0] == c'.':
            p += 1
            if p >= end or not (c'0' <= p[0] <= c'9'):
                return bad_byte(
                    heap, data, p, end, "after decimal point in numeric literal"
                )
            while p < end and c'0' <= p[0] <= c'9':
                p += 1
        if p < end and (p[0] | 32) == c'e':
            p += 1
            if p < end and (p[0] == c'+' or p[0] == c'-'):
                p += 1
            if p >= end or not (c'0' <= p[0] <= c'9'):
                return bad_byte(heap, data, p, end, "in exponent of numeric literal")
            while p < end and c'0' <= p[0] <= c'9':
                p += 1
        at[0] = p
    heap.error_at = start - data
    if mode == READ_REVIEW:
        return review_number(heap, <const char*>start, p - start)
    return exact_number(heap, <const char*>start, p - start, mode)


cdef Word exact_number(
    Heap* heap, const char* text, size_t size, ReadMode mode
) noexcept nogil:
    cdef Word w = new_num_node(heap, text, size)
    cdef NumNode* num
    if w == UNDEFINED or mode == READ_VALID:
        return w
    num = num_node(w)
    if mode == READ_OBJECT and num.exp > MAX_FLOAT:
        fail(heap, E_SYNTAX, "number too big for float64")
        return UNDEFINED
    if num.exp > MAX_DECIMAL or num.exp < -MAX_INT32:
        if -MAX_INT32 <= num.exp <= MAX_INT32:
            fail(heap, E_SYNTAX, "invalid number: number too big")
        else:
            fail(heap, E_SYNTAX, "invalid number: invalid float")
        return UNDEFINED
    return w


# Values ----------------------------------------------------------------------

cdef Word read_literal(
    Heap* heap, const uint8_t* data, const uint8_t** at, const uint8_t* end,
    const char* name, Word value,
) noexcept nogil:
    cdef const uint8_t* p = at[0] + 1
    cdef char text[64]
    cdef size_t i = 1
    while name[i] != 0:
        if p >= end or p[0] != <uint8_t>name[i]:
            snprintf(text, 64, "in literal %s (expecting '%c')", name, <int>name[i])
            return bad_byte(heap, data, p, end, text)
        p += 1
        i += 1
    at[0] = p
    return value


cdef bint grow_stack(Heap* heap, Work* work) noexcept nogil:
    cdef Word* more = NULL
    if work.room * 2 * sizeof(Word) <= heap.limit:
        more = <Word*>malloc(work.room * 2 * sizeof(Word))
    if more == NULL:
        fail(heap, E_MEMORY, "memory limit exceeded")
        return False
    memcpy(more, work.stack, work.room * sizeof(Word))
    if work.stack != work.first_stack:
        free(work.stack)
    work.stack = more
    work.room *= 2
    return True


cdef bint grow_levels(Heap* heap, Work* work) noexcept nogil:
    cdef Level* more = <Level*>malloc(work.level_room * 2 * sizeof(Level))
    if more == NULL:
        fail(heap, E_MEMORY, "out of memory")
        return False
    memcpy(more, work.levels, work.level_room * sizeof(Level))
    if work.levels != work.first_levels:
        free(work.levels)
    work.levels = more
    work.level_room *= 2
    return True


cdef inline const uint8_t* skip_space(
    const uint8_t* p, const uint8_t* end
) noexcept nogil:
    while p < end and (
        p[0] == c' ' or p[0] == c'\n' or p[0] == c'\r' or p[0] == c'\t'
    ):
        p += 1
    return p


cdef inline Word close_level(
    Heap* heap, Word* items, size_t n, int kind
) noexcept nogil:
    cdef SeqNode* seq
    cdef size_t i
    if kind == IN_SET:
        return new_set(heap, items, <uint32_t>n)
    seq = new_seq(heap, <uint32_t>n)
    if seq == NULL:
        return UNDEFINED
    for i in range(n):
        store(&seq.items[i], items[i])
    if kind == IN_ARRAY:
        return <Word>seq | T_ARR
    seq.n = <uint32_t>(n // 2)
    if n <= 2:
        seq.flags = F_SORTED
    return <Word>seq | T_OBJ


cdef Word read_text(
    Heap* heap, const char* data, size_t size, ReadMode mode, const InternTable* known
) noexcept nogil:
    return read_with(heap, data, size, mode, known, NULL)


cdef Word read_first(
    Heap* heap, const char* data, size_t size, ReadMode mode, size_t* used
) noexcept nogil:
    return read_with(heap, data, size, mode, NULL, used)


cdef Word read_with(
    Heap* heap, const char* data, size_t size, ReadMode mode,
    const InternTable* known, size_t* used,
) noexcept nogil:
    cdef Work work
    cdef Word out
    work.stack = work.first_stack
    work.room = STACK
    work.levels = work.first_levels
    work.level_room = LEVELS
    heap.error_at = 0
    if size > UINT32_MAX - 64:
        fail(heap, E_MEMORY, "document too long")
        return UNDEFINED
    out = read_document(
        heap, <const uint8_t*>data, size, mode, known, &work, used
    )
    if work.stack != work.first_stack:
        free(work.stack)
    if work.levels != work.first_levels:
        free(work.levels)
    return out


cdef Word read_document(
    Heap* heap, const uint8_t* data, size_t size, ReadMode mode,
    const InternTable* known, Work* work, size_t* used,
) noexcept nogil:
    cdef const uint8_t* p = data
    cdef const uint8_t* end = data + size
    cdef size_t top = 0, base = 0
    cdef int depth = 0          # open containers
    cdef int kind = 0           # of the innermost one
    cdef bint term = mode == READ_TERM
    cdef bint want_key = False
    cdef uint8_t c, close
    cdef Word w
    while True:
        # A value, or the key of an object
        if unlikely(p >= end or p[0] <= c' ', 0):
            p = skip_space(p, end)
            if p >= end:
                return bad_byte(heap, data, p, end, "")
        c = p[0]
        if want_key and not term:
            want_key = False
            if c != c'"':
                return bad_byte(
                    heap, data, p, end, "looking for beginning of object key string"
                )
            p += 1
            w = read_string(heap, data, &p, end, known, term)
            if unlikely(w == UNDEFINED, 0):
                return UNDEFINED
            if unlikely(top == work.room, 0) and not grow_stack(heap, work):
                return UNDEFINED
            work.stack[top] = w
            top += 1
            if unlikely(p >= end or p[0] != c':', 0):
                p = skip_space(p, end)
                if p >= end or p[0] != c':':
                    return bad_byte(heap, data, p, end, "after object key")
            p += 1
            continue
        want_key = False
        if c == c'"':
            p += 1
            w = read_string(heap, data, &p, end, known, term)
        elif c == c'{' or c == c'[' or (c == c'<' and term):
            p += 1
            if depth == MAX_DEPTH:
                heap.error_at = p - data
                fail(heap, E_DEPTH, "exceeded max depth")
                return UNDEFINED
            if <size_t>depth == work.level_room and not grow_levels(heap, work):
                return UNDEFINED
            # The level that opens saves what it interrupts
            work.levels[depth].base = base
            work.levels[depth].kind = kind
            depth += 1
            base = top
            kind = IN_OBJECT if c == c'{' else IN_ARRAY if c == c'[' else IN_SET
            close = c'}' if c == c'{' else c']' if c == c'[' else c'>'
            if unlikely(p < end and p[0] <= c' ', 0):
                p = skip_space(p, end)
            if p < end and p[0] == close:
                p += 1
                w = close_level(heap, work.stack + base, 0, kind)
                depth -= 1
                base = work.levels[depth].base
                kind = work.levels[depth].kind
            else:
                want_key = kind == IN_OBJECT
                continue
        elif c'0' <= c <= c'9' or c == c'-' or (c == c'.' and term):
            w = read_number(heap, data, &p, end, mode)
        elif c == c't':
            w = read_literal(heap, data, &p, end, "true", W_TRUE)
        elif c == c'f':
            w = read_literal(heap, data, &p, end, "false", W_FALSE)
        elif c == c'n':
            w = read_literal(heap, data, &p, end, "null", W_NULL)
        else:
            return bad_byte(heap, data, p, end, "looking for beginning of value")
        # A value is complete; so may be the containers around it
        while True:
            if unlikely(w == UNDEFINED, 0):
                return UNDEFINED
            if depth == 0:
                if used != NULL:
                    used[0] = p - data
                    return w
                p = skip_space(p, end)
                if p < end:
                    return bad_byte(heap, data, p, end, "after top-level value")
                return w
            if unlikely(top == work.room, 0) and not grow_stack(heap, work):
                return UNDEFINED
            work.stack[top] = w
            top += 1
            if unlikely(p >= end or p[0] <= c' ', 0):
                p = skip_space(p, end)
            c = p[0] if p < end else 0
            if kind == IN_OBJECT:
                if term and (top - base) & 1:
                    if c != c':':
                        return bad_byte(heap, data, p, end, "after object key")
                    p += 1
                    break
                if c == c',':
                    p += 1
                    want_key = True
                    break
                if c != c'}':
                    return bad_byte(
                        heap, data, p, end, "after object key:value pair"
                    )
            elif c == c',':
                p += 1
                break
            elif c != (c']' if kind == IN_ARRAY else c'>'):
                return bad_byte(heap, data, p, end, "after array element")
            p += 1
            w = close_level(heap, work.stack + base, top - base, kind)
            top = base
            depth -= 1
            base = work.levels[depth].base
            kind = work.levels[depth].kind
