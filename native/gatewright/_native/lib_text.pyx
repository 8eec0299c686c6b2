# cython: cdivision=True
"""Built-ins on strings: bytes, as Go has them, with offsets in code points."""

from libc.stdint cimport int64_t, uint32_t, uint64_t, uint8_t
from libc.string cimport memchr, memcmp, memcpy

from gatewright._native.operand cimport (
    bad_call, bad_item, bad_type, want_int, want_strings,
)
from gatewright._native.utf8 cimport count_runes, is_ascii, put_rune, rune_at
from gatewright._native.value cimport (
    E_TYPE, T_ARR, T_OBJ, T_SET, T_STR, UNDEFINED, W_FALSE, W_TRUE, Heap, SeqNode,
    StrNode, Word, alloc_str, fail, from_bool, from_int, item, key_at, new_seq, new_str,
    seal_str, seq_len, store, str_node, tag, value_at,
)
from gatewright._native.work cimport afford
from gatewright._native.writer cimport Out, out_init, out_string, put, put_char

cdef extern from "<string.h>" nogil:
    void* memmem(const void* text, size_t size, const void* needle, size_t n)

cdef enum:
    NOT_FOUND = -1
    SHORT = 16
    LONG_SET = 32       # bytes of a cutset from which on looking into it is work


# Searching -------------------------------------------------------------------

cdef int64_t find(
    const char* text, size_t size, const char* needle, size_t n
) noexcept nogil:
    # The offset of the first occurrence, in linear time for long needles
    cdef const char* p = text
    cdef const char* end
    if n == 0:
        return 0
    if n > size:
        return NOT_FOUND
    if n > SHORT:
        p = <const char*>memmem(text, size, needle, n)
        return NOT_FOUND if p == NULL else p - text
    end = text + size - n + 1
    while p < end:
        p = <const char*>memchr(p, needle[0], end - p)
        if p == NULL:
            return NOT_FOUND
        if memcmp(p, needle, n) == 0:
            return p - text
        p += 1
    return NOT_FOUND


cdef inline bint has_prefix(StrNode* s, StrNode* prefix) noexcept nogil:
    return s.size >= prefix.size and memcmp(s.data, prefix.data, prefix.size) == 0


cdef inline bint has_suffix(StrNode* s, StrNode* suffix) noexcept nogil:
    return s.size >= suffix.size and memcmp(
        s.data + s.size - suffix.size, suffix.data, suffix.size
    ) == 0


cdef Word lib_contains(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef StrNode* s
    cdef StrNode* t
    if not want_strings(heap, "contains", args, 2):
        return UNDEFINED
    s = str_node(args[0])
    t = str_node(args[1])
    return from_bool(find(s.data, s.size, t.data, t.size) >= 0)


cdef Word lib_startswith(Heap* heap, const Word* args, int n) noexcept nogil:
    if not want_strings(heap, "startswith", args, 2):
        return UNDEFINED
    return from_bool(has_prefix(str_node(args[0]), str_node(args[1])))


cdef Word lib_endswith(Heap* heap, const Word* args, int n) noexcept nogil:
    if not want_strings(heap, "endswith", args, 2):
        return UNDEFINED
    return from_bool(has_suffix(str_node(args[0]), str_node(args[1])))


cdef Word lib_indexof(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef StrNode* s
    cdef StrNode* t
    cdef int64_t at
    if not want_strings(heap, "indexof", args, 2):
        return UNDEFINED
    s = str_node(args[0])
    t = str_node(args[1])
    if t.size == 0:
        return bad_call(heap, "indexof", "empty search character")
    at = find(s.data, s.size, t.data, t.size)
    return from_int(at if at < 0 else <int64_t>count_runes(s.data, at))


cdef Word lib_indexof_n(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef StrNode* s
    cdef StrNode* t
    cdef size_t at, rune = 0
    cdef uint32_t code
    cdef uint32_t count = 0
    cdef SeqNode* out
    if not want_strings(heap, "indexof_n", args, 2):
        return UNDEFINED
    s = str_node(args[0])
    t = str_node(args[1])
    if t.size == 0:
        return bad_call(heap, "indexof_n", "empty search character")
    out = new_seq(heap, s.runes)
    if out == NULL:
        return UNDEFINED
    at = 0
    while at + t.size <= s.size:
        if memcmp(s.data + at, t.data, t.size) == 0:
            store(&out.items[count], from_int(rune))
            count += 1
        at += rune_at(<const uint8_t*>s.data + at, s.size - at, &code)
        rune += 1
    out.n = count
    return <Word>out | T_ARR


cdef bint check_patterns(
    Heap* heap, const char* name, const Word* args
) noexcept nogil:
    # Each operand is a string or a collection of strings
    cdef int i
    cdef uint32_t j
    for i in range(2):
        if tag(args[i]) == T_STR:
            continue
        if tag(args[i]) != T_ARR and tag(args[i]) != T_SET:
            bad_type(heap, name, i + 1, "one of {string, set, array}", args[i])
            return False
        for j in range(seq_len(args[i])):
            if tag(item(args[i], j)) != T_STR:
                bad_item(heap, name, i + 1, args[i], "strings", item(args[i], j))
                return False
    return True


cdef Word any_match(
    Heap* heap, const char* name, const Word* args, bint prefix
) noexcept nogil:
    cdef uint32_t i, j, rows, columns
    cdef int64_t cost
    cdef Word w, pattern
    if not check_patterns(heap, name, args):
        return UNDEFINED
    rows = 1 if tag(args[0]) == T_STR else seq_len(args[0])
    columns = 1 if tag(args[1]) == T_STR else seq_len(args[1])
    cost = columns
    for j in range(columns if rows > 1 else 0):
        pattern = args[1] if tag(args[1]) == T_STR else item(args[1], j)
        cost += str_node(pattern).size >> 6
    for i in range(rows):
        w = args[0] if tag(args[0]) == T_STR else item(args[0], i)
        if rows > 1 and not afford(cost):
            return UNDEFINED
        for j in range(columns):
            pattern = args[1] if tag(args[1]) == T_STR else item(args[1], j)
            if prefix:
                if has_prefix(str_node(w), str_node(pattern)):
                    return W_TRUE
            elif has_suffix(str_node(w), str_node(pattern)):
                return W_TRUE
    return W_FALSE


cdef Word lib_any_prefix_match(Heap* heap, const Word* args, int n) noexcept nogil:
    return any_match(heap, "strings.any_prefix_match", args, True)


cdef Word lib_any_suffix_match(Heap* heap, const Word* args, int n) noexcept nogil:
    return any_match(heap, "strings.any_suffix_match", args, False)


cdef Word lib_strings_count(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef StrNode* s
    cdef StrNode* t
    cdef int64_t at = 0, hit, count = 0
    if not want_strings(heap, "strings.count", args, 2):
        return UNDEFINED
    s = str_node(args[0])
    t = str_node(args[1])
    if t.size == 0:
        return from_int(<int64_t>s.runes + 1)
    while True:
        hit = find(s.data + at, s.size - at, t.data, t.size)
        if hit < 0:
            return from_int(count)
        count += 1
        at += hit + t.size


# Parts -----------------------------------------------------------------------

cdef Word lib_concat(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef Word w = args[1]
    cdef StrNode* sep
    cdef StrNode* part
    cdef StrNode* out
    cdef char* p
    cdef size_t size = 0
    cdef uint32_t i, count
    if tag(args[0]) != T_STR:
        return bad_type(heap, "concat", 1, "string", args[0])
    if tag(w) != T_ARR and tag(w) != T_SET:
        return bad_type(heap, "concat", 2, "one of {set, array}", w)
    sep = str_node(args[0])
    count = seq_len(w)
    for i in range(count):
        if tag(item(w, i)) != T_STR:
            return bad_item(heap, "concat", 2, w, "strings", item(w, i))
        size += str_node(item(w, i)).size + (sep.size if i else 0)
    if count == 1:
        return item(w, 0)
    out = alloc_str(heap, size)
    if out == NULL:
        return UNDEFINED
    p = out.data
    for i in range(count):
        if i:
            memcpy(p, sep.data, sep.size)
            p += sep.size
        part = str_node(item(w, i))
        memcpy(p, part.data, part.size)
        p += part.size
    return seal_str(out)


cdef Word lib_split(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef StrNode* s
    cdef StrNode* sep
    cdef SeqNode* out
    cdef size_t at = 0
    cdef int64_t hit
    cdef uint32_t i, count = 1, code
    cdef Word w
    if not want_strings(heap, "split", args, 2):
        return UNDEFINED
    s = str_node(args[0])
    sep = str_node(args[1])
    if sep.size == 0:
        count = s.runes
    else:
        while True:
            hit = find(s.data + at, s.size - at, sep.data, sep.size)
            if hit < 0:
                break
            count += 1
            at += hit + sep.size
    out = new_seq(heap, count)
    if out == NULL:
        return UNDEFINED
    at = 0
    for i in range(count):
        if sep.size == 0:
            hit = rune_at(<const uint8_t*>s.data + at, s.size - at, &code)
        else:
            hit = find(s.data + at, s.size - at, sep.data, sep.size)
            if hit < 0:
                hit = s.size - at
        w = new_str(heap, s.data + at, hit)
        if w == UNDEFINED:
            return UNDEFINED
        store(&out.items[i], w)
        at += hit + sep.size
    return <Word>out | T_ARR


cdef Word lib_split_n(Heap* heap, const Word* args, int n) noexcept nogil:
    # The first parts, or the last ones for a negative number
    cdef int64_t limit, count, start = 0, i
    cdef SeqNode* out
    cdef Word parts
    if not want_strings(heap, "strings.split_n", args, 2):
        return UNDEFINED
    if not want_int(heap, "strings.split_n", args, 3, "number", &limit):
        return UNDEFINED
    parts = lib_split(heap, args, 2)
    if parts == UNDEFINED:
        return UNDEFINED
    count = seq_len(parts)
    if limit < 0 and limit > -count:
        start = count + limit
        count = -limit
    elif 0 <= limit < count:
        count = limit
    out = new_seq(heap, <uint32_t>count)
    if out == NULL:
        return UNDEFINED
    for i in range(count):
        store(&out.items[i], item(parts, <uint32_t>(start + i)))
    return <Word>out | T_ARR


cdef Word lib_replace(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef StrNode* s
    cdef StrNode* old
    cdef StrNode* new
    cdef size_t at = 0
    cdef int64_t hit
    cdef Out out
    if not want_strings(heap, "replace", args, 3):
        return UNDEFINED
    s = str_node(args[0])
    old = str_node(args[1])
    new = str_node(args[2])
    if old.size and find(s.data, s.size, old.data, old.size) < 0:
        return args[0]
    out_init(&out, heap.limit)
    while not out.failed:
        if old.size == 0:
            # Before each byte (OPA's Replacer knows no code points) and at the end
            put(&out, new.data, new.size)
            if at == s.size:
                break
            put_char(&out, s.data[at])
            at += 1
            continue
        hit = find(s.data + at, s.size - at, old.data, old.size)
        if hit < 0:
            put(&out, s.data + at, s.size - at)
            break
        put(&out, s.data + at, hit)
        put(&out, new.data, new.size)
        at += hit + old.size
    return out_string(heap, &out)


cdef Word lib_replace_n(Heap* heap, const Word* args, int n) noexcept nogil:
    # Go's Replacer: at each byte the first key (in order) that matches; an empty
    # key does not match twice in the same place
    cdef Word patterns = args[0]
    cdef StrNode* s
    cdef StrNode* key
    cdef StrNode* value = NULL
    cdef size_t at = 0, last = 0
    cdef uint32_t i, j, count, empty = 0
    cdef uint32_t begins[257]       # keys that begin with a byte: sorted, so a run
    cdef uint8_t lead
    cdef bint matched, empty_before = False
    cdef Out out
    if tag(patterns) != T_OBJ:
        return bad_type(heap, "strings.replace_n", 1, "object", patterns)
    if tag(args[1]) != T_STR:
        return bad_type(heap, "strings.replace_n", 2, "string", args[1])
    count = seq_len(patterns)
    for i in range(count):
        if tag(key_at(patterns, i)) != T_STR:
            fail(
                heap, E_TYPE,
                "strings.replace_n: operand 1 non-string key found in pattern object",
            )
            return UNDEFINED
        if tag(value_at(patterns, i)) != T_STR:
            fail(
                heap, E_TYPE,
                "strings.replace_n: operand 1 non-string value found in pattern object",
            )
            return UNDEFINED
    s = str_node(args[1])
    j = 0
    if count and str_node(key_at(patterns, 0)).size == 0:
        empty = j = 1
    for i in range(256):
        begins[i] = j
        while j < count and <uint8_t>str_node(key_at(patterns, j)).data[0] == i:
            j += 1
    begins[256] = count
    out_init(&out, heap.limit)
    while at <= s.size and not out.failed:
        matched = False
        key = NULL
        if empty and not empty_before:
            key = str_node(key_at(patterns, 0))
            value = str_node(value_at(patterns, 0))
            matched = True
        lead = <uint8_t>s.data[at]      # behind the text is a NUL
        j = begins[lead]
        if begins[lead + 1] - j > 8 and not afford((begins[lead + 1] - j) >> 2):
            break
        for i in range(j, 0 if matched else begins[lead + 1]):
            key = str_node(key_at(patterns, i))
            if key.size <= s.size - at and memcmp(s.data + at, key.data, key.size) == 0:
                value = str_node(value_at(patterns, i))
                matched = True
                break
        empty_before = matched and key.size == 0
        if not matched:
            at += 1
            continue
        put(&out, s.data + last, at - last)
        put(&out, value.data, value.size)
        at += key.size
        last = at
    put(&out, s.data + last, s.size - last)
    return out_string(heap, &out)


cdef size_t rune_offset(StrNode* s, size_t runes) noexcept nogil:
    # The byte offset of a code point; the size when there are fewer
    cdef size_t at = 0
    cdef uint32_t code
    if s.runes == s.size:
        return runes if runes < s.size else s.size
    while at < s.size and runes:
        at += rune_at(<const uint8_t*>s.data + at, s.size - at, &code)
        runes -= 1
    return at


cdef Word as_runes(Heap* heap, StrNode* s, size_t first, size_t last) noexcept nogil:
    # Bytes read as code points: one that is no UTF-8 is U+FFFD
    cdef Out out
    cdef char four[4]
    cdef uint32_t code
    if is_ascii(s.data + first, last - first):
        return new_str(heap, s.data + first, last - first)
    out_init(&out, heap.limit)
    while first < last:
        first += rune_at(<const uint8_t*>s.data + first, s.size - first, &code)
        put(&out, four, put_rune(four, code))
    return out_string(heap, &out)


cdef Word lib_substring(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef StrNode* s
    cdef int64_t start, length
    cdef size_t first, last
    if tag(args[0]) != T_STR:
        return bad_type(heap, "substring", 1, "string", args[0])
    if not want_int(heap, "substring", args, 2, "number", &start):
        return UNDEFINED
    if not want_int(heap, "substring", args, 3, "number", &length):
        return UNDEFINED
    if start < 0:
        return bad_call(heap, "substring", "negative offset")
    s = str_node(args[0])
    first = rune_offset(s, start)
    last = s.size
    if length >= 0 and length < <int64_t>s.runes - start:
        last = rune_offset(s, start + length)
    if start == 0 and length >= 0 and last == s.size:
        return args[0]
    return as_runes(heap, s, first, last)


cdef Word lib_strings_reverse(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef StrNode* s
    cdef StrNode* out
    cdef size_t at = 0
    cdef uint32_t code, width
    if not want_strings(heap, "strings.reverse", args, 1):
        return UNDEFINED
    s = str_node(args[0])
    out = alloc_str(heap, s.size)
    if out == NULL:
        return UNDEFINED
    while at < s.size:
        width = rune_at(<const uint8_t*>s.data + at, s.size - at, &code)
        memcpy(out.data + s.size - at - width, s.data + at, width)
        at += width
    return seal_str(out)


# Trimming --------------------------------------------------------------------

cdef bint is_space(uint32_t c) noexcept nogil:
    # Unicode's White_Space
    if c < 0x80:
        return c == 0x20 or 9 <= c <= 13
    return (
        c == 0x85 or c == 0xA0 or c == 0x1680 or 0x2000 <= c <= 0x200A
        or c == 0x2028 or c == 0x2029 or c == 0x202F or c == 0x205F or c == 0x3000
    )


cdef void ascii_of(StrNode* cutset, uint64_t* ascii) noexcept nogil:
    # Which of ASCII a cutset holds, a bit each
    cdef size_t i
    cdef uint8_t c
    ascii[0] = ascii[1] = 0
    if cutset == NULL:
        return
    for i in range(cutset.size):
        c = <uint8_t>cutset.data[i]
        if c < 0x80:
            ascii[c >> 6] |= <uint64_t>1 << (c & 63)


cdef bint in_cutset(uint32_t c, StrNode* cutset, const uint64_t* ascii) noexcept nogil:
    cdef size_t at = 0
    cdef uint32_t code
    if cutset == NULL:
        return is_space(c)
    if c < 0x80:
        return ascii[c >> 6] >> (c & 63) & 1
    if cutset.size >= LONG_SET and not afford(cutset.size >> 2):
        return False
    while at < cutset.size:
        at += rune_at(<const uint8_t*>cutset.data + at, cutset.size - at, &code)
        if code == c:
            return True
    return False


cdef uint32_t last_rune(const char* text, size_t size, uint32_t* rune) noexcept nogil:
    # The width of the code point that ends at `size`
    cdef size_t start = size - 1
    cdef size_t least = size - 4 if size > 4 else 0
    cdef uint32_t width
    while start > least and (<uint8_t>text[start] & 0xC0) == 0x80:
        start -= 1
    width = rune_at(<const uint8_t*>text + start, size - start, rune)
    if start + width == size:
        return width
    rune[0] = 0xFFFD
    return 1


cdef Word trim_text(
    Heap* heap, Word w, StrNode* cutset, bint left, bint right
) noexcept nogil:
    cdef StrNode* s = str_node(w)
    cdef size_t start = 0, end = s.size
    cdef uint32_t code, width
    cdef uint64_t ascii[2]
    ascii_of(cutset, ascii)
    while left and start < end:
        width = rune_at(<const uint8_t*>s.data + start, end - start, &code)
        if not in_cutset(code, cutset, ascii):
            break
        start += width
    while right and end > start:
        width = last_rune(s.data + start, end - start, &code)
        if not in_cutset(code, cutset, ascii):
            break
        end -= width
    if start == 0 and end == s.size:
        return w
    return new_str(heap, s.data + start, end - start)


cdef Word lib_trim(Heap* heap, const Word* args, int n) noexcept nogil:
    if not want_strings(heap, "trim", args, 2):
        return UNDEFINED
    return trim_text(heap, args[0], str_node(args[1]), True, True)


cdef Word lib_trim_left(Heap* heap, const Word* args, int n) noexcept nogil:
    if not want_strings(heap, "trim_left", args, 2):
        return UNDEFINED
    return trim_text(heap, args[0], str_node(args[1]), True, False)


cdef Word lib_trim_right(Heap* heap, const Word* args, int n) noexcept nogil:
    if not want_strings(heap, "trim_right", args, 2):
        return UNDEFINED
    return trim_text(heap, args[0], str_node(args[1]), False, True)


cdef Word lib_trim_space(Heap* heap, const Word* args, int n) noexcept nogil:
    if not want_strings(heap, "trim_space", args, 1):
        return UNDEFINED
    return trim_text(heap, args[0], NULL, True, True)


cdef Word lib_trim_prefix(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef StrNode* s
    cdef StrNode* t
    if not want_strings(heap, "trim_prefix", args, 2):
        return UNDEFINED
    s = str_node(args[0])
    t = str_node(args[1])
    if t.size == 0 or not has_prefix(s, t):
        return args[0]
    return new_str(heap, s.data + t.size, s.size - t.size)


cdef Word lib_trim_suffix(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef StrNode* s
    cdef StrNode* t
    if not want_strings(heap, "trim_suffix", args, 2):
        return UNDEFINED
    s = str_node(args[0])
    t = str_node(args[1])
    if t.size == 0 or not has_suffix(s, t):
        return args[0]
    return new_str(heap, s.data, s.size - t.size)
