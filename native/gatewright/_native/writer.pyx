# cython: cdivision=True
"""Writes values as text, without recursion."""

from libc.stdint cimport uint32_t, uint8_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy

from gatewright._native.number cimport number_text
from gatewright._native.stack cimport widened
from gatewright._native.utf8 cimport rune_at, rune_is_valid
from gatewright._native.value cimport (
    E_MEMORY, E_NONE, T_ARR, T_INT, T_NUM, T_OBJ, T_SET, T_STR, UNDEFINED, W_FALSE,
    W_NULL, W_TRUE, Heap, SeqNode, Tag, Word, fail, heap_alloc, load, new_object,
    new_str, seq_node, sort_object, str_node, tag,
)

cdef extern from "printable.h":
    # unicode.IsPrint, beyond ASCII
    bint is_printable "gw_is_printable"(uint32_t rune) noexcept nogil

cdef enum:
    SHALLOW = 32        # frames that lie on the C stack

cdef const char* HEX = "0123456789abcdef"

ctypedef struct Frame:
    SeqNode* seq
    uint32_t at         # next slot
    uint32_t end        # slots
    int kind            # Tag


# Text ------------------------------------------------------------------------

cdef void out_init(Out* out, size_t limit) noexcept nogil:
    out.data = out.few
    out.size = 0
    out.room = FEW_BYTES if limit > FEW_BYTES else limit
    out.limit = limit
    out.failed = False
    out.odd = UNDEFINED


cdef void out_free(Out* out) noexcept nogil:
    if out.data != out.few:
        free(out.data)
    out.data = out.few
    out.size = 0
    out.room = 0


cdef bint out_grow(Out* out, size_t more) noexcept nogil:
    cdef size_t room = out.room * 2
    cdef char* data
    if out.failed:
        return False
    if room < out.size + more:
        room = out.size + more
    if out.size + more > out.limit:
        out.failed = True
        return False
    if out.data == out.few:
        data = <char*>malloc(room)
        if data != NULL:
            memcpy(data, out.few, out.size)
    else:
        data = <char*>realloc(out.data, room)
    if data == NULL:
        out.failed = True
        return False
    out.data = data
    out.room = room
    return True


cdef void put(Out* out, const char* data, size_t size) noexcept nogil:
    if out.room - out.size < size and not out_grow(out, size):
        return
    if size:
        memcpy(out.data + out.size, data, size)
    out.size += size


cdef Word out_string(Heap* heap, Out* out) noexcept nogil:
    cdef Word w = UNDEFINED
    if out.failed:
        if heap.error == E_NONE:
            fail(heap, E_MEMORY, "memory limit exceeded")
    elif heap.error == E_NONE:
        w = new_str(heap, out.data, out.size)
    out_free(out)
    return w


# Strings ---------------------------------------------------------------------

# For each byte: it is written as it is by the modes below this number
cdef uint8_t plain[256]


cdef void fill_plain():
    cdef int c
    for c in range(256):
        if c < 0x20 or c == c'"' or c == c"\\" or c >= 0x80:
            plain[c] = WRITE_JSON
        elif c == c'<' or c == c'>' or c == c'&':
            plain[c] = WRITE_HTML
        elif c == 0x7F:
            plain[c] = WRITE_REGO
        else:
            plain[c] = WRITE_TERM + 1


fill_plain()


cdef void write_string(
    Out* out, const char* data, size_t size, WriteMode mode
) noexcept nogil:
    put_char(out, c'"')
    write_escaped(out, data, size, mode)
    put_char(out, c'"')


cdef int hex_escape(char* escape, char kind, uint32_t value, int digits) noexcept nogil:
    # What snprintf would take ten times as long for: a denial has a dozen of them
    cdef int i
    escape[0] = c"\\"
    escape[1] = kind
    for i in range(digits):
        escape[1 + digits - i] = HEX[value & 15]
        value >>= 4
    return 2 + digits


cdef void write_escaped(
    Out* out, const char* data, size_t size, WriteMode mode
) noexcept nogil:
    cdef const uint8_t* p = <const uint8_t*>data
    cdef size_t i = 0, start = 0
    cdef uint32_t rune, width
    cdef uint8_t c
    cdef char escape[16]
    cdef int n
    while i < size:
        c = p[i]
        if plain[c] > mode:
            i += 1
            continue
        width = 1
        n = 0
        if c < 0x80:
            if c >= 0x20 and c != c'"' and c != c"\\":
                if mode == WRITE_HTML:
                    if c == c'<' or c == c'>' or c == c'&':
                        n = hex_escape(escape, c'u', c, 4)
                elif c == 0x7F and mode == WRITE_REGO:
                    n = hex_escape(escape, c'x', c, 2)
            else:
                escape[0] = c"\\"
                n = 2
                if c == c'"' or c == c"\\":
                    escape[1] = c
                elif c == 8:
                    escape[1] = c'b'
                elif c == 9:
                    escape[1] = c't'
                elif c == 10:
                    escape[1] = c'n'
                elif c == 12:
                    escape[1] = c'f'
                elif c == 13:
                    escape[1] = c'r'
                elif mode == WRITE_REGO:
                    if c == 7:
                        escape[1] = c'a'
                    elif c == 11:
                        escape[1] = c'v'
                    else:
                        n = hex_escape(escape, c'x', c, 2)
                else:
                    n = hex_escape(escape, c'u', c, 4)
        elif mode != WRITE_TERM:
            width = rune_at(p + i, size - i, &rune)
            if not rune_is_valid(width, rune):
                if mode == WRITE_REGO:
                    n = hex_escape(escape, c'x', c, 2)
                else:
                    n = hex_escape(escape, c'u', 0xFFFD, 4)
            elif mode == WRITE_REGO:
                if not is_printable(rune):
                    if rune < 0x10000:
                        n = hex_escape(escape, c'u', rune, 4)
                    else:
                        n = hex_escape(escape, c'U', rune, 8)
            elif rune == 0x2028 or rune == 0x2029:
                n = hex_escape(escape, c'u', rune, 4)
        if n:
            put(out, data + start, i - start)
            put(out, escape, n)
            start = i + width
        i += width
    put(out, data + start, size - start)


# Values ----------------------------------------------------------------------

cdef void write_leaf(Out* out, Word w, WriteMode mode) noexcept nogil:
    cdef char room[24]
    cdef const char* text
    cdef size_t size
    cdef Tag t = tag(w)
    if t == T_STR:
        write_string(out, str_node(w).data, str_node(w).size, mode)
    elif t == T_INT or t == T_NUM:
        size = number_text(w, room, &text)
        if t == T_NUM and mode <= WRITE_HTML and not is_json_number(text, size):
            write_odd_number(out, w, text, size)
        else:
            put(out, text, size)
    elif w == W_NULL:
        put(out, "null", 4)
    elif w == W_TRUE:
        put(out, "true", 4)
    elif w == W_FALSE:
        put(out, "false", 5)
    else:
        put(out, "<undefined>", 11)


cdef bint is_json_number(const char* text, size_t size) noexcept nogil:
    cdef size_t first = 1 if size and text[0] == c'-' else 0
    cdef size_t at = past_digits(text, size, first)
    if at == first or (text[first] == c'0' and at > first + 1):
        return False
    if at < size and text[at] == c'.':
        first = at + 1
        at = past_digits(text, size, first)
        if at == first:
            return False
    if at < size and (text[at] | 32) == c'e':
        first = at + 1
        if first < size and (text[first] == c'+' or text[first] == c'-'):
            first += 1
        at = past_digits(text, size, first)
        if at == first:
            return False
    return at == size


cdef inline size_t past_digits(const char* text, size_t size, size_t at) noexcept nogil:
    while at < size and c'0' <= text[at] <= c'9':
        at += 1
    return at


cdef void write_odd_number(
    Out* out, Word w, const char* text, size_t size
) noexcept nogil:
    # The same digits, as JSON spells them: `+1`, `007`, `1_0`, `.5`, `2.` give
    # `1`, `7`, `10`, `0.5`, `2`
    cdef size_t at = 0
    cdef bint digits = False    # some of the whole part are written
    if out.odd == UNDEFINED:
        out.odd = w
    if text[0] == c'-' or text[0] == c'+':
        if text[0] == c'-':
            put_char(out, c'-')
        at = 1
    while at + 1 < size and text[at] == c'0' and (
        c'0' <= text[at + 1] <= c'9' or text[at + 1] == c'_'
    ):
        at += 2 if text[at + 1] == c'_' else 1
    while at < size:
        if text[at] == c'.':
            if not digits:
                put_char(out, c'0')
                digits = True
            if at + 1 < size and c'0' <= text[at + 1] <= c'9':
                put_char(out, c'.')
        elif text[at] != c'_':
            put_char(out, text[at])
            digits = True
        at += 1


cdef bint all_string_keys(Word w) noexcept nogil:
    # Strings come after all scalars and before all composites in the order
    cdef SeqNode* seq = seq_node(w)
    return seq.n == 0 or (
        tag(load(&seq.items[0])) == T_STR
        and tag(load(&seq.items[2 * seq.n - 2])) == T_STR
    )


cdef Word with_string_keys(Heap* heap, Word w, WriteMode mode) noexcept nogil:
    # The object as JSON has it: of keys that look alike the later one counts
    cdef SeqNode* seq = seq_node(w)
    cdef Word* pairs = <Word*>heap_alloc(heap, seq.n * 2 * sizeof(Word))
    cdef uint32_t i
    cdef Word key
    if pairs == NULL:
        return UNDEFINED
    for i in range(seq.n):
        key = load(&seq.items[2 * i])
        if tag(key) != T_STR:
            # OPA marshals composite keys with the default options
            key = to_text(heap, key, WRITE_HTML)
            if key == UNDEFINED:
                return UNDEFINED
        pairs[2 * i] = key
        pairs[2 * i + 1] = load(&seq.items[2 * i + 1])
    return new_object(heap, pairs, seq.n)


cdef bint write_value(Heap* heap, Out* out, Word w, WriteMode mode) noexcept nogil:
    cdef Frame shallow[SHALLOW]
    cdef Frame* frames = shallow
    cdef Frame* frame
    cdef void* more
    cdef size_t room = SHALLOW, depth = 0
    cdef bint spaced = mode == WRITE_REGO
    cdef Tag t
    while True:
        # Open or write w
        t = tag(w)
        if t < T_ARR:
            write_leaf(out, w, mode)
        else:
            if t == T_OBJ:
                sort_object(w)
                if mode <= WRITE_HTML and not all_string_keys(w):
                    w = with_string_keys(heap, w, mode)
                    if w == UNDEFINED:
                        break
            if depth == room:
                more = widened(frames, shallow, &room, sizeof(Frame))
                if more == NULL:
                    fail(heap, E_MEMORY, "out of memory")
                    break
                frames = <Frame*>more
            frame = &frames[depth]
            frame.seq = seq_node(w)
            frame.at = 0
            frame.end = frame.seq.n * (2 if t == T_OBJ else 1)
            frame.kind = t
            depth += 1
            if t == T_OBJ:
                put_char(out, c'{')
            elif t == T_SET and mode == WRITE_TERM:
                put_char(out, c'<')
            elif t == T_SET and mode == WRITE_REGO:
                if frame.end:
                    put_char(out, c'{')
                else:
                    put(out, "set(", 4)
            else:
                put_char(out, c'[')
        # Go on with the innermost that has items left
        while depth:
            frame = &frames[depth - 1]
            if frame.at < frame.end:
                break
            if frame.kind == T_OBJ:
                put_char(out, c'}')
            elif frame.kind == T_SET and mode == WRITE_TERM:
                put_char(out, c'>')
            elif frame.kind == T_SET and mode == WRITE_REGO:
                put_char(out, c'}' if frame.end else c')')
            else:
                put_char(out, c']')
            depth -= 1
        if depth == 0:
            break
        if frame.at:
            if frame.kind == T_OBJ and frame.at & 1:
                put_char(out, c':')
            else:
                put_char(out, c',')
            if spaced:
                put_char(out, c' ')
        w = load(&frame.seq.items[frame.at])
        frame.at += 1
        if out.failed:
            break
    if frames != shallow:
        free(frames)
    if out.failed and heap.error == E_NONE:
        fail(heap, E_MEMORY, "memory limit exceeded")
    return heap.error == E_NONE


cdef Word to_text(Heap* heap, Word w, WriteMode mode) noexcept nogil:
    cdef Out out
    out_init(&out, heap.limit)
    write_value(heap, &out, w, mode)
    return out_string(heap, &out)


cdef void write_plain(Heap* heap, Out* out, Word w) noexcept nogil:
    if tag(w) == T_STR:
        put(out, str_node(w).data, str_node(w).size)
    else:
        write_value(heap, out, w, WRITE_REGO)
