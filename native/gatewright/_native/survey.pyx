# cython: cdivision=True
"""Walks all values of an image once, without recursion.

A node must lie inside, be of the form that its tag says, and come after all nodes
that it refers to; so no value contains itself.  Depth is bounded as in the reader.
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc

from gatewright._native.utf8 cimport count_runes
from gatewright._native.value cimport (
    F_SORTED,
    MAX_DEPTH,
    NUM_HEADER,
    SEQ_HEADER,
    STR_HEADER,
    T_ARR,
    T_AUX,
    T_INT,
    T_NUM,
    T_OBJ,
    T_SPECIAL,
    T_STR,
    UNDEFINED,
    W_FALSE,
    W_NULL,
    W_TRUE,
    NumNode,
    SeqNode,
    StrNode,
    Word,
    compare,
    hash_bytes,
    load,
    tag,
)


cdef inline bint sorted_leaves(Word a, Word b) noexcept nogil:
    # Keys that are collections themselves are taken on trust
    return tag(a) >= T_ARR or tag(b) >= T_ARR or compare(a, b) < 0


cdef const char* check_string(const Survey* survey, uint64_t at) noexcept nogil:
    cdef const StrNode* s = <const StrNode*>(survey.base + at)
    if survey.size - at < STR_HEADER + 1:
        return b"a string is cut short"
    if s.size > survey.size - at - STR_HEADER - 1:
        return b"a string is cut short"
    if s.data[s.size] != 0:
        return b"a string does not end"
    if s.hash != hash_bytes(s.data, s.size) or s.runes != count_runes(s.data, s.size):
        return b"a string is not what its header says"
    return NULL


cdef const char* check_number(const Survey* survey, uint64_t at) noexcept nogil:
    cdef const NumNode* num = <const NumNode*>(survey.base + at)
    cdef uint64_t i
    cdef char c
    if survey.size - at < NUM_HEADER + 1:
        return b"a number is cut short"
    if <uint64_t>num.size + num.digits > survey.size - at - NUM_HEADER - 1:
        return b"a number is cut short"
    if num.size == 0 or num.text[num.size] != 0:
        return b"a number does not end"
    if num.sign < -1 or num.sign > 1 or (num.sign == 0) != (num.digits == 0):
        return b"a number has no sign"
    for i in range(num.digits):
        c = num.text[num.size + 1 + i]
        if c < c"0" or c > c"9":
            return b"a number has a strange digit"
    for i in range(num.size):
        c = num.text[i]
        if (c < c"0" or c > c"9") and c not in (c"-", c"+", c".", c"e", c"E"):
            return b"a number has a strange digit"
    return NULL


cdef const char* open_sequence(
    Survey* survey, Walk* walk, uint64_t at, uint32_t kind
) noexcept nogil:
    cdef SeqNode* seq = <SeqNode*>(survey.base + at)
    cdef uint64_t slots
    if survey.size - at < SEQ_HEADER:
        return b"a collection is cut short"
    slots = seq.n
    if kind == T_OBJ:
        slots *= 2
    if slots > (survey.size - at - SEQ_HEADER) // sizeof(Word):
        return b"a collection is cut short"
    if slots >> 32:
        return b"a collection is too large"
    if kind != T_ARR and not seq.flags & F_SORTED:
        return b"a collection is not sorted"
    walk.seq = seq
    walk.at = 0
    walk.end = <uint32_t>slots
    walk.depth = 0
    walk.kind = kind
    return NULL


cdef const char* close_sequence(const Walk* walk) noexcept nogil:
    cdef uint32_t i
    cdef uint32_t width = 2 if walk.kind == T_OBJ else 1
    if walk.kind != T_ARR:
        for i in range(1, walk.seq.n):
            if not sorted_leaves(
                load(&walk.seq.items[(i - 1) * width]),
                load(&walk.seq.items[i * width]),
            ):
                return b"a collection is not sorted"
    return NULL


cdef const char* check_slot(
    Survey* survey, const Word* slot, uint64_t before, uint64_t* at
) noexcept nogil:
    # A slot's word by itself; `at` is the offset of its node, or `survey.size` if it
    # has none.  Nodes lie before `before`, so that no value can contain itself.
    cdef Word w = slot[0]
    cdef uint32_t kind = w & 7
    at[0] = survey.size
    if kind == T_SPECIAL:
        if w != W_NULL and w != W_FALSE and w != W_TRUE:
            return b"no such value"
        return NULL
    if kind == T_INT:
        return NULL
    if kind == T_AUX:
        return b"no such value"
    at[0] = ((w + <Word>slot) & ~<Word>7) - <Word>survey.base
    if at[0] >= before:
        return b"a value lies outside, or contains itself"
    return NULL


cdef const char* check_value(Survey* survey, const Word* root) noexcept nogil:
    # The node of a root and all below it
    cdef const Word* slot = root
    cdef uint64_t before = survey.size
    cdef uint64_t at
    cdef uint32_t kind
    cdef uint32_t level = 0
    cdef uint32_t depth
    cdef Walk* walk
    cdef Walk* more
    cdef const char* trouble
    while True:
        # Down one slot
        trouble = check_slot(survey, slot, before, &at)
        if trouble != NULL:
            return trouble
        depth = 0
        if at != survey.size:
            kind = slot[0] & 7
            if survey.sound[at >> 3] & 1 << kind:
                depth = survey.depths[at >> 3]
            elif kind == T_STR or kind == T_NUM:
                if kind == T_STR:
                    trouble = check_string(survey, at)
                else:
                    trouble = check_number(survey, at)
                if trouble != NULL:
                    return trouble
                survey.sound[at >> 3] |= 1 << kind
            else:
                if level == MAX_DEPTH + 1:
                    return b"a value is nested too deep"
                if level == survey.room:
                    more = <Walk*>realloc(
                        survey.walks, 2 * survey.room * sizeof(Walk)
                    )
                    if more == NULL:
                        return b"out of memory"
                    survey.walks = more
                    survey.room *= 2
                trouble = open_sequence(survey, &survey.walks[level], at, kind)
                if trouble != NULL:
                    return trouble
                level += 1
                depth = 0
        # Up while nothing is left to look at
        while level:
            walk = &survey.walks[level - 1]
            if walk.depth < depth:
                walk.depth = depth
            if walk.at < walk.end:
                break
            trouble = close_sequence(walk)
            if trouble != NULL:
                return trouble
            depth = walk.depth + 1
            if depth > MAX_DEPTH + 1:
                return b"a value is nested too deep"
            at = <uint64_t>(<const char*>walk.seq - survey.base)
            survey.sound[at >> 3] |= 1 << walk.kind
            if survey.depths[at >> 3] < depth:
                survey.depths[at >> 3] = <uint16_t>depth
            level -= 1
        if level == 0:
            return NULL
        walk = &survey.walks[level - 1]
        slot = &walk.seq.items[walk.at]
        walk.at += 1
        before = <uint64_t>(<const char*>walk.seq - survey.base)


cdef bint survey_open(Survey* survey, const char* base, uint64_t room) noexcept nogil:
    survey.base = base
    survey.size = 0
    survey.room = 64
    survey.sound = <uint8_t*>calloc(room // 8 + 1, 1)
    survey.depths = <uint16_t*>calloc(room // 8 + 1, sizeof(uint16_t))
    survey.walks = <Walk*>malloc(survey.room * sizeof(Walk))
    return survey.sound != NULL and survey.depths != NULL and survey.walks != NULL


cdef void survey_close(Survey* survey) noexcept nogil:
    free(survey.sound)
    free(survey.depths)
    free(survey.walks)
    survey.sound = NULL
    survey.depths = NULL
    survey.walks = NULL


cdef const char* check_values(
    const char* values,
    uint64_t size,
    const Word* roots,
    uint64_t root_count,
    const Word* known,
    uint64_t known_count,
) noexcept nogil:
    # All roots (the last one may be undefined), and the table of known strings
    cdef Survey survey
    cdef const char* trouble = NULL
    cdef uint64_t i
    cdef bint hole = False
    if not survey_open(&survey, values, size):
        trouble = b"out of memory"
    survey.size = size
    i = 0
    while trouble == NULL and i < root_count:
        if roots[i] != UNDEFINED or i + 1 < root_count:
            trouble = check_value(&survey, &roots[i])
        i += 1
    i = 0
    while trouble == NULL and i < known_count:
        if known[i] == 0:
            hole = True
        elif (known[i] & 7) != T_STR:
            trouble = b"a known string is none"
        else:
            trouble = check_value(&survey, &known[i])
        i += 1
    if trouble == NULL and not hole:
        trouble = b"the table of known strings is full"
    survey_close(&survey)
    return trouble
