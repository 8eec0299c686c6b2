# cython: cdivision=True
"""Built-ins on arrays and sets."""

from libc.stdint cimport int64_t, uint32_t

from gatewright._native.arithmetic cimport OP_MUL, OP_PLUS, Operation, fold
from gatewright._native.operand cimport bad_item, bad_type, is_number, want_int
from gatewright._native.value cimport (
    E_MEMORY, T_ARR, T_OBJ, T_SET, T_STR, UNDEFINED, W_FALSE, W_NULL, W_TRUE, Heap,
    SeqNode,
    Word, compare, equal, fail, from_bool, from_int, item, lookup, lookup_as, new_seq,
    new_set,
    scratch, seq_len, sorted_seq, store, str_node, tag, value_at,
)


cdef inline bint is_list(Word w) noexcept nogil:
    return tag(w) == T_ARR or tag(w) == T_SET


cdef inline Word array_of(SeqNode* seq) noexcept nogil:
    return <Word>seq | T_ARR


# Membership ------------------------------------------------------------------

cdef Word lib_member_2(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef Word w = args[1]
    cdef uint32_t i
    if tag(w) == T_SET:
        return from_bool(lookup(w, args[0]) != UNDEFINED)
    if tag(w) == T_ARR:
        for i in range(seq_len(w)):
            if equal(item(w, i), args[0]):
                return W_TRUE
    elif tag(w) == T_OBJ:
        for i in range(seq_len(w)):
            if equal(value_at(w, i), args[0]):
                return W_TRUE
    return W_FALSE


cdef Word lib_member_3(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef Word found
    if tag(args[2]) == T_SET:
        return from_bool(
            not heap.older
            and equal(args[0], args[1]) and lookup(args[2], args[0]) != UNDEFINED
        )
    found = lookup_as(heap, args[2], args[0])
    return from_bool(found != UNDEFINED and equal(found, args[1]))


# Aggregates ------------------------------------------------------------------

cdef Word lib_count(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef Word w = args[0]
    if tag(w) == T_STR:
        return from_int(str_node(w).runes)
    if is_list(w) or tag(w) == T_OBJ:
        return from_int(seq_len(w))
    return bad_type(heap, "count", 1, "one of {array, object, set, string}", w)


cdef Word total(
    Heap* heap, const char* name, Operation op, Word w
) noexcept nogil:
    cdef Word* items
    cdef uint32_t i, n
    if not is_list(w):
        return bad_type(heap, name, 1, "one of {set, array}", w)
    n = seq_len(w)
    items = scratch(heap, n)
    if items == NULL:
        return UNDEFINED
    for i in range(n):
        items[i] = item(w, i)
        if not is_number(items[i]):
            return bad_item(heap, name, 1, w, "numbers", items[i])
    return fold(heap, op, items, n)


cdef Word lib_sum(Heap* heap, const Word* args, int n) noexcept nogil:
    return total(heap, "sum", OP_PLUS, args[0])


cdef Word lib_product(Heap* heap, const Word* args, int n) noexcept nogil:
    return total(heap, "product", OP_MUL, args[0])


cdef Word lib_max(Heap* heap, const Word* args, int n) noexcept nogil:
    # Of equal numbers the last spelling
    cdef Word w = args[0]
    cdef Word best
    cdef uint32_t i
    if not is_list(w):
        return bad_type(heap, "max", 1, "one of {set, array}", w)
    if seq_len(w) == 0:
        return UNDEFINED
    if tag(w) == T_SET:
        return item(w, seq_len(w) - 1)
    best = item(w, 0)
    for i in range(1, seq_len(w)):
        if compare(item(w, i), best) >= 0:
            best = item(w, i)
    return best


cdef Word lib_min(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef Word w = args[0]
    cdef Word best
    cdef uint32_t i
    if not is_list(w):
        return bad_type(heap, "min", 1, "one of {set, array}", w)
    if seq_len(w) == 0:
        return UNDEFINED
    best = item(w, 0)
    if heap.older and tag(w) == T_SET and best == W_NULL and seq_len(w) > 1:
        return item(w, 1)       # null stands for nothing there
    if tag(w) == T_ARR:
        for i in range(1, seq_len(w)):
            if compare(item(w, i), best) <= 0:
                best = item(w, i)
    return best


cdef Word lib_sort(Heap* heap, const Word* args, int n) noexcept nogil:
    # Equal spellings all stay, so units are (item, position): pairs with distinct
    # keys are what the sort of objects would need; a merge by hand is shorter.
    cdef Word w = args[0]
    cdef uint32_t count, i, j, k, width, middle, end
    cdef SeqNode* out
    cdef Word* source
    cdef Word* target
    cdef bint in_order = True
    if not is_list(w):
        return bad_type(heap, "sort", 1, "one of {set, array}", w)
    count = seq_len(w)
    out = new_seq(heap, count)
    source = scratch(heap, count)
    target = scratch(heap, count)
    if out == NULL or source == NULL or target == NULL:
        return UNDEFINED
    for i in range(count):
        source[i] = item(w, i)
        if i and in_order and compare(source[i - 1], source[i]) > 0:
            in_order = False
    width = 1
    while width < count and not in_order:
        i = 0
        while i < count:
            middle = i + width if count - i > width else count
            end = middle + width if count - middle > width else count
            j = i
            k = middle
            while i < end:
                if j < middle and (k >= end or compare(source[j], source[k]) <= 0):
                    target[i] = source[j]
                    j += 1
                else:
                    target[i] = source[k]
                    k += 1
                i += 1
        source, target = target, source
        width = 2 * width if width < 0x40000000 else count
    for i in range(count):
        store(&out.items[i], source[i])
    return array_of(out)


cdef Word lib_all(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef uint32_t i
    if not is_list(args[0]):
        return bad_type(heap, "all", 1, "one of {array, set}", args[0])
    for i in range(seq_len(args[0])):
        if item(args[0], i) != W_TRUE:
            return W_FALSE
    return W_TRUE


cdef Word lib_any(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef uint32_t i
    if not is_list(args[0]):
        return bad_type(heap, "any", 1, "one of {array, set}", args[0])
    for i in range(seq_len(args[0])):
        if item(args[0], i) == W_TRUE:
            return W_TRUE
    return W_FALSE


# Arrays ----------------------------------------------------------------------

cdef Word lib_array_concat(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef uint32_t i, first, second
    cdef SeqNode* out
    if tag(args[0]) != T_ARR:
        return bad_type(heap, "array.concat", 1, "array", args[0])
    if tag(args[1]) != T_ARR:
        return bad_type(heap, "array.concat", 2, "array", args[1])
    first = seq_len(args[0])
    second = seq_len(args[1])
    if first == 0:
        return args[1]
    if second == 0:
        return args[0]
    out = new_seq(heap, first + second)
    if out == NULL:
        return UNDEFINED
    for i in range(first):
        store(&out.items[i], item(args[0], i))
    for i in range(second):
        store(&out.items[first + i], item(args[1], i))
    return array_of(out)


cdef Word lib_array_slice(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef int64_t start, stop, size, i
    cdef SeqNode* out
    if tag(args[0]) != T_ARR:
        return bad_type(heap, "array.slice", 1, "array", args[0])
    if not want_int(heap, "array.slice", args, 2, "number", &start):
        return UNDEFINED
    if not want_int(heap, "array.slice", args, 3, "number", &stop):
        return UNDEFINED
    size = seq_len(args[0])
    if start < 0:
        start = 0
    if stop > size:
        stop = size
    if start > stop:
        start = stop = 0
    out = new_seq(heap, <uint32_t>(stop - start))
    if out == NULL:
        return UNDEFINED
    for i in range(start, stop):
        store(&out.items[i - start], item(args[0], <uint32_t>i))
    return array_of(out)


cdef Word lib_array_reverse(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef uint32_t i, size
    cdef SeqNode* out
    if tag(args[0]) != T_ARR:
        return bad_type(heap, "array.reverse", 1, "array", args[0])
    size = seq_len(args[0])
    out = new_seq(heap, size)
    if out == NULL:
        return UNDEFINED
    for i in range(size):
        store(&out.items[i], item(args[0], size - 1 - i))
    return array_of(out)


cdef Word lib_array_flatten(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef uint32_t i, j, size
    cdef size_t count = 0
    cdef SeqNode* out
    cdef Word w
    if tag(args[0]) != T_ARR:
        return bad_type(heap, "array.flatten", 1, "array", args[0])
    size = seq_len(args[0])
    for i in range(size):
        w = item(args[0], i)
        count += seq_len(w) if tag(w) == T_ARR else 1
    if count > 0x7FFFFFFF:
        fail(heap, E_MEMORY, "memory limit exceeded")
        return UNDEFINED
    out = new_seq(heap, <uint32_t>count)
    if out == NULL:
        return UNDEFINED
    count = 0
    for i in range(size):
        w = item(args[0], i)
        if tag(w) != T_ARR:
            store(&out.items[count], w)
            count += 1
            continue
        for j in range(seq_len(w)):
            store(&out.items[count], item(w, j))
            count += 1
    return array_of(out)


# Sets ------------------------------------------------------------------------

cdef enum Keep:
    KEEP_LEFT = 1
    KEEP_BOTH = 2
    KEEP_RIGHT = 4


cdef Word merge_sets(Heap* heap, Word a, Word b, int keep) noexcept nogil:
    # Of equal members the left spelling
    cdef uint32_t i = 0, j = 0, count = 0, x = seq_len(a), y = seq_len(b)
    cdef SeqNode* out = new_seq(heap, x + y if keep & KEEP_RIGHT else x)
    cdef int order
    if out == NULL:
        return UNDEFINED
    while i < x or j < y:
        if i == x:
            order = 1
        elif j == y:
            order = -1
        else:
            order = compare(item(a, i), item(b, j))
        if order > 0:
            if keep & KEEP_RIGHT:
                store(&out.items[count], item(b, j))
                count += 1
            j += 1
            continue
        if keep & (KEEP_LEFT if order < 0 else KEEP_BOTH):
            store(&out.items[count], item(a, i))
            count += 1
        i += 1
        if order == 0:
            j += 1
    return sorted_seq(out, count, T_SET)


cdef inline bint want_sets(
    Heap* heap, const char* name, const Word* args
) noexcept nogil:
    cdef int i
    for i in range(2):
        if tag(args[i]) != T_SET:
            bad_type(heap, name, i + 1, "set", args[i])
            return False
    return True


cdef inline Word intersect(Heap* heap, Word a, Word b) noexcept nogil:
    # In the spelling of the smaller set, as in OPA
    if seq_len(b) < seq_len(a):
        return merge_sets(heap, b, a, KEEP_BOTH)
    return merge_sets(heap, a, b, KEEP_BOTH)


cdef Word lib_and(Heap* heap, const Word* args, int n) noexcept nogil:
    if not want_sets(heap, "and", args):
        return UNDEFINED
    return intersect(heap, args[0], args[1])


cdef Word lib_or(Heap* heap, const Word* args, int n) noexcept nogil:
    if not want_sets(heap, "or", args):
        return UNDEFINED
    return merge_sets(heap, args[0], args[1], KEEP_LEFT | KEEP_BOTH | KEEP_RIGHT)


cdef Word lib_set_diff(Heap* heap, const Word* args, int n) noexcept nogil:
    if not want_sets(heap, "set_diff", args):
        return UNDEFINED
    return merge_sets(heap, args[0], args[1], KEEP_LEFT)


cdef Word lib_intersection(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef Word w = args[0]
    cdef Word out
    cdef uint32_t i
    if tag(w) != T_SET:
        return bad_type(heap, "intersection", 1, "set", w)
    if seq_len(w) == 0:
        return w
    for i in range(seq_len(w)):
        if tag(item(w, i)) != T_SET:
            return bad_type(heap, "intersection", 1, "set", item(w, i))
    out = item(w, 0)
    for i in range(1, seq_len(w)):
        out = intersect(heap, out, item(w, i))
        if out == UNDEFINED:
            return UNDEFINED
    return out


cdef Word lib_union(Heap* heap, const Word* args, int n) noexcept nogil:
    # All members at once: one sort is cheaper than a merge for each set
    cdef Word w = args[0]
    cdef Word* items
    cdef uint32_t i, j
    cdef size_t count = 0
    if tag(w) != T_SET:
        return bad_type(heap, "union", 1, "set", w)
    for i in range(seq_len(w)):
        if tag(item(w, i)) != T_SET:
            return bad_type(heap, "union", 1, "set", item(w, i))
        count += seq_len(item(w, i))
    if count > 0x7FFFFFFF:
        fail(heap, E_MEMORY, "memory limit exceeded")
        return UNDEFINED
    items = scratch(heap, count)
    if items == NULL:
        return UNDEFINED
    count = 0
    for i in range(seq_len(w)):
        for j in range(seq_len(item(w, i))):
            items[count] = item(item(w, i), j)
            count += 1
    return new_set(heap, items, <uint32_t>count)
