"""Glushkov's automaton: a state is the set of positions that may come next.

Taken are literals, `.`, classes, `\\d \\w \\s` and their opposites, groups,
alternatives, repetitions, and `^` and `$` where an alternative of the whole pattern
starts and ends.  Whatever else a pattern has (flags, `\\b`, named classes, bytes
beyond ASCII, nested repetitions, more than 256 positions) makes it not ours.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from gatewright._native.value cimport UNDEFINED, StrNode, Word, from_bool

cdef enum:
    UNBOUNDED = -1
    MOST_REPEATS = 1000         # RE2's own limit

cdef extern from *:
    int ctz "__builtin_ctzll"(unsigned long long) noexcept nogil

# A part of a pattern: what it may start and end with
ctypedef struct Part:
    bint nullable
    Bits first
    Bits last

ctypedef struct Reader:
    const char* text
    uint32_t size
    uint32_t at
    uint32_t nesting
    Branch* branch


cdef inline void join(Bits* into, const Bits* other) noexcept nogil:
    cdef int i
    for i in range(WORDS):
        into.w[i] |= other.w[i]


cdef inline void put(Bits* bits, uint32_t i) noexcept nogil:
    bits.w[i >> 6] |= <uint64_t>1 << (i & 63)


# Classes: 128 flags ----------------------------------------------------------

cdef void add_range(uint8_t* chars, int low, int high) noexcept nogil:
    cdef int c
    for c in range(low, high + 1):
        chars[c] = 1


cdef bint add_escape(uint8_t* chars, char name) noexcept nogil:
    # \d and so on, \n and so on, or punctuation as it is
    cdef uint8_t[128] found
    cdef int c
    cdef bint negative = name == c"D" or name == c"W" or name == c"S"
    memset(found, 0, 128)
    if name == c"d" or name == c"D" or name == c"w" or name == c"W":
        add_range(found, c"0", c"9")
        if name == c"w" or name == c"W":
            add_range(found, c"a", c"z")
            add_range(found, c"A", c"Z")
            found[<int>c"_"] = 1
    elif name == c"s" or name == c"S":
        found[9] = found[10] = found[12] = found[13] = found[32] = 1
    elif name == c"n":
        found[10] = 1
    elif name == c"t":
        found[9] = 1
    elif name == c"r":
        found[13] = 1
    elif (
        33 <= name <= 126
        and name != c"_"
        and not c"0" <= name <= c"9"
        and not c"a" <= name <= c"z"
        and not c"A" <= name <= c"Z"
    ):
        found[<int>name] = 1
    else:
        return False
    for c in range(128):
        if (found[c] != 0) != negative:
            chars[c] = 1
    return True


cdef bint read_class(Reader* reader, uint8_t* chars) noexcept nogil:
    # After the opening bracket, to beyond the closing one
    cdef bint negative = False
    cdef bint begun = False
    cdef int low, high, c
    cdef const char* t = reader.text
    if reader.at < reader.size and t[reader.at] == c"^":
        negative = True
        reader.at += 1
    while True:
        if reader.at >= reader.size:
            return False
        low = <uint8_t>t[reader.at]
        reader.at += 1
        if low == c"]" and begun:
            break
        begun = True
        if low == c"[" or low > 127:
            # a named class perhaps
            return False
        if low == c"\\":
            if reader.at >= reader.size or not add_escape(chars, t[reader.at]):
                return False
            reader.at += 1
            if (
                reader.at + 1 < reader.size
                and t[reader.at] == c"-"
                and t[reader.at + 1] != c"]"
            ):
                return False
            continue
        if (
            reader.at + 1 < reader.size
            and t[reader.at] == c"-"
            and t[reader.at + 1] != c"]"
        ):
            high = <uint8_t>t[reader.at + 1]
            if high == c"\\" or high == c"[" or high < low or high > 127:
                return False
            reader.at += 2
            add_range(chars, low, high)
        else:
            chars[low] = 1
    if negative:
        for c in range(128):
            chars[c] = not chars[c]
    return True


# Parts -----------------------------------------------------------------------

cdef bint one_position(
    Reader* reader, const uint8_t* chars, Part* out
) noexcept nogil:
    cdef Branch* branch = reader.branch
    cdef uint32_t position = branch.count
    cdef int c
    if position == MAX_POSITIONS:
        return False
    branch.count += 1
    for c in range(128):
        if chars[c]:
            put(&branch.reads[c], position)
    out.nullable = False
    put(&out.first, position)
    put(&out.last, position)
    return True


cdef void follow_all(
    Branch* branch, const Bits* last, const Bits* first
) noexcept nogil:
    # Each of `last` may be followed by each of `first`
    cdef int i
    cdef uint64_t rest
    for i in range(WORDS):
        rest = last.w[i]
        while rest:
            join(&branch.follow[64 * i + ctz(rest)], first)
            rest &= rest - 1


cdef void append(Branch* branch, Part* left, const Part* right) noexcept nogil:
    follow_all(branch, &left.last, &right.first)
    if left.nullable:
        join(&left.first, &right.first)
    if right.nullable:
        join(&left.last, &right.last)
    else:
        left.last = right.last
    left.nullable = left.nullable and right.nullable


cdef bint read_atom(Reader* reader, Part* out) noexcept nogil:
    cdef uint8_t[128] chars
    cdef char c = reader.text[reader.at]
    memset(out, 0, sizeof(Part))
    memset(chars, 0, 128)
    reader.at += 1
    if c == c"(":
        if reader.nesting == MAX_NESTING:
            return False
        if reader.at < reader.size and reader.text[reader.at] == c"?":
            if (
                reader.at + 1 >= reader.size
                or reader.text[reader.at + 1] != c":"
            ):
                return False
            reader.at += 2
        reader.nesting += 1
        if not read_alternatives(reader, out):
            return False
        reader.nesting -= 1
        if reader.at >= reader.size or reader.text[reader.at] != c")":
            return False
        reader.at += 1
        return True
    if c == c"[":
        if not read_class(reader, chars):
            return False
    elif c == c".":
        add_range(chars, 0, 127)
        chars[10] = 0
    elif c == c"\\":
        if reader.at >= reader.size or not add_escape(chars, reader.text[reader.at]):
            return False
        reader.at += 1
    elif (
        c == 0 or <uint8_t>c > 127 or c == c"^" or c == c"$" or c == c"*"
        or c == c"+" or c == c"?" or c == c"{" or c == c"}" or c == c"]"
        or c == c")" or c == c"|"
    ):
        return False
    else:
        chars[<int>c] = 1
    return one_position(reader, chars, out)


cdef bint read_count(Reader* reader, int* out) noexcept nogil:
    # Digits; UNBOUNDED where there are none
    cdef int value = 0
    cdef uint32_t start = reader.at
    while reader.at < reader.size and c"0" <= reader.text[reader.at] <= c"9":
        value = value * 10 + (reader.text[reader.at] - c"0")
        if value > MOST_REPEATS:
            return False
        reader.at += 1
    if reader.at - start > 1 and reader.text[start] == c"0":
        return False
    out[0] = value if reader.at > start else UNBOUNDED
    return True


cdef bint read_repeats(Reader* reader, int* least, int* most) noexcept nogil:
    # What stands behind an atom: nothing is {1,1}
    cdef char c
    least[0] = 1
    most[0] = 1
    if reader.at >= reader.size:
        return True
    c = reader.text[reader.at]
    if c == c"*" or c == c"+" or c == c"?":
        reader.at += 1
        least[0] = 1 if c == c"+" else 0
        most[0] = 1 if c == c"?" else UNBOUNDED
    elif c == c"{":
        reader.at += 1
        if not read_count(reader, least) or least[0] == UNBOUNDED:
            return False
        most[0] = least[0]
        if reader.at < reader.size and reader.text[reader.at] == c",":
            reader.at += 1
            if not read_count(reader, most):
                return False
            if most[0] != UNBOUNDED and most[0] < least[0]:
                return False
        if reader.at >= reader.size or reader.text[reader.at] != c"}":
            return False
        reader.at += 1
    else:
        return True
    # Lazy or not is all the same here; twice repeated is RE2's to judge.
    if reader.at < reader.size and reader.text[reader.at] == c"?":
        reader.at += 1
    if reader.at < reader.size:
        c = reader.text[reader.at]
        if c == c"*" or c == c"+" or c == c"?" or c == c"{":
            return False
    return True


cdef bint read_repeated(Reader* reader, Part* out) noexcept nogil:
    # x{2,4} is xx(x(x)?)?, read from the text as often as needed
    cdef uint32_t start = reader.at
    cdef uint32_t end
    cdef int least, most, n
    cdef Part part
    cdef Part tail
    if not read_atom(reader, &part) or not read_repeats(reader, &least, &most):
        return False
    end = reader.at
    if most == 0:
        # x{0}: the positions read are never reached
        memset(out, 0, sizeof(Part))
        out.nullable = True
        return True
    if most == UNBOUNDED:
        follow_all(reader.branch, &part.last, &part.first)
    if least <= 1 and (most == UNBOUNDED or most == 1):
        out[0] = part
        out.nullable = part.nullable or least == 0
        return True
    memset(out, 0, sizeof(Part))
    out.nullable = True
    # The copy that may repeat, or the optional ones, come last
    n = 1
    tail = part
    if most == UNBOUNDED:
        while n < least:
            reader.at = start
            if not read_atom(reader, &part):
                return False
            append(reader.branch, out, &part)
            n += 1
        append(reader.branch, out, &tail)
    else:
        # Each optional copy may be left out together with those behind it; that
        # they are left out in the middle too changes nothing, being all alike.
        if least == 0:
            tail.nullable = True
        append(reader.branch, out, &tail)
        while n < most:
            reader.at = start
            if not read_atom(reader, &part):
                return False
            if n >= least:
                part.nullable = True
            append(reader.branch, out, &part)
            n += 1
    reader.at = end
    return True


cdef bint read_sequence(Reader* reader, Part* out) noexcept nogil:
    # Up to `|`, `)`, `$` or the end
    cdef Part part
    cdef char c
    memset(out, 0, sizeof(Part))
    out.nullable = True
    while reader.at < reader.size:
        c = reader.text[reader.at]
        if c == c"|" or c == c")" or c == c"$":
            break
        if not read_repeated(reader, &part):
            return False
        append(reader.branch, out, &part)
    return True


cdef bint read_alternatives(Reader* reader, Part* out) noexcept nogil:
    cdef Part part
    if not read_sequence(reader, out):
        return False
    while reader.at < reader.size and reader.text[reader.at] == c"|":
        reader.at += 1
        if not read_sequence(reader, &part):
            return False
        out.nullable = out.nullable or part.nullable
        join(&out.first, &part.first)
        join(&out.last, &part.last)
    return True


# Patterns --------------------------------------------------------------------

cdef bint read_branch(Reader* reader, Branch* branch) noexcept nogil:
    cdef Part part
    branch.follow = <Bits*>calloc(MAX_POSITIONS, sizeof(Bits))
    branch.reads = <Bits*>calloc(128, sizeof(Bits))
    if branch.follow == NULL or branch.reads == NULL:
        return False
    reader.branch = branch
    reader.nesting = 0
    if reader.at < reader.size and reader.text[reader.at] == c"^":
        branch.from_start = True
        reader.at += 1
    if not read_sequence(reader, &part):
        return False
    if reader.at < reader.size and reader.text[reader.at] == c"$":
        branch.to_end = True
        reader.at += 1
    branch.first = part.first
    branch.last = part.last
    branch.nullable = part.nullable
    branch.width = (branch.count + 63) >> 6
    return True


cdef Pattern* pattern_new(const char* text, uint32_t size) noexcept nogil:
    cdef Pattern* pattern = <Pattern*>calloc(1, sizeof(Pattern))
    cdef Reader reader
    cdef bint fine = pattern != NULL
    reader.text = text
    reader.size = size
    reader.at = 0
    while fine:
        pattern.count += 1
        fine = read_branch(&reader, &pattern.branches[pattern.count - 1])
        if not fine or reader.at == size:
            break
        # a `)` too many, or more behind a `$`
        fine = text[reader.at] == c"|" and pattern.count < MAX_BRANCHES
        reader.at += 1
    if not fine:
        pattern_free(pattern)
        return NULL
    return pattern


cdef void pattern_free(Pattern* pattern) noexcept nogil:
    cdef uint32_t i
    if pattern != NULL:
        for i in range(pattern.count):
            free(pattern.branches[i].follow)
            free(pattern.branches[i].reads)
        free(pattern)


cdef bint branch_matches(
    const Branch* branch, const char* text, uint32_t size
) noexcept nogil:
    cdef uint64_t[4] state
    cdef uint64_t[4] coming
    cdef uint64_t rest, any_left, ended
    cdef const Bits* bits
    cdef uint32_t i, j, at
    if branch.nullable and (
        size == 0 or not branch.from_start or not branch.to_end
    ):
        return True
    for j in range(branch.width):
        state[j] = 0
    for at in range(size):
        for j in range(branch.width):
            coming[j] = (
                branch.first.w[j] if at == 0 or not branch.from_start else 0
            )
        for i in range(branch.width):
            rest = state[i]
            while rest:
                bits = &branch.follow[64 * i + ctz(rest)]
                for j in range(branch.width):
                    coming[j] |= bits.w[j]
                rest &= rest - 1
        bits = &branch.reads[<uint8_t>text[at]]
        any_left = 0
        ended = 0
        for j in range(branch.width):
            state[j] = coming[j] & bits.w[j]
            any_left |= state[j]
            ended |= state[j] & branch.last.w[j]
        if ended and (not branch.to_end or at + 1 == size):
            return True
        if not any_left and branch.from_start:
            return False
    return False


cdef bint pattern_matches(
    const Pattern* pattern, const char* text, uint32_t size
) noexcept nogil:
    cdef uint32_t i
    for i in range(pattern.count):
        if branch_matches(&pattern.branches[i], text, size):
            return True
    return False


cdef Word cached_match(
    PatternCache* cache, const StrNode* pattern, const StrNode* text
) noexcept nogil:
    cdef uint32_t at = pattern.hash & (CACHE_SLOTS - 1)
    cdef Known* known
    # runes == size: all of it is ASCII
    if text.runes != text.size or <uint64_t>(
        <const char*>pattern - cache.base
    ) >= cache.size:
        return UNDEFINED
    while True:
        known = &cache.slots[at]
        if known.text == pattern:
            break
        if known.text == NULL:
            if cache.count >= CACHE_SLOTS // 2:
                return UNDEFINED
            cache.count += 1
            known.text = pattern
            known.pattern = pattern_new(pattern.data, pattern.size)
            break
        at = (at + 1) & (CACHE_SLOTS - 1)
    if known.pattern == NULL:
        return UNDEFINED
    return from_bool(pattern_matches(known.pattern, text.data, text.size))


cdef void cache_free(PatternCache* cache) noexcept nogil:
    cdef uint32_t i
    for i in range(CACHE_SLOTS):
        pattern_free(cache.slots[i].pattern)
    memset(cache.slots, 0, sizeof(cache.slots))
    cache.count = 0


def matches(bytes pattern, bytes text):
    """Whether a pattern matches somewhere in an ASCII text; None: not one of ours."""
    cdef Pattern* made = pattern_new(pattern, <uint32_t>len(pattern))
    cdef bint found
    if made == NULL or not text.isascii():
        pattern_free(made)
        return None
    found = pattern_matches(made, text, <uint32_t>len(text))
    pattern_free(made)
    return found
