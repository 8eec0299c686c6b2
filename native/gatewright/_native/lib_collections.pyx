# cython: cdivision=True
"""Built-ins on arrays, sets and objects."""

from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from gatewright._native.number cimport OP_MUL, OP_PLUS, Operation, fold
from gatewright._native.operand cimport (
    bad_item, bad_type, is_number, type_name, want_int,
)
from gatewright._native.value cimport (
    E_DEPTH, E_MEMORY, E_NONE, E_TYPE, F_SORTED, T_ARR, T_INT, T_OBJ, T_SET, T_STR,
    UNDEFINED, W_FALSE, W_TRUE, Heap, SeqNode, Tag, Word, compare, equal, fail,
    from_bool, from_int, heap_alloc, item, key_at, lookup, new_array, new_object,
    new_seq, new_set, seq_len, seq_node, sort_object, store, str_node, tag, value_at,
)

cdef enum:
    MAX_MERGE = 2000        # levels that object.union and object.subset go down


cdef inline bint is_list(Word w) noexcept nogil:
    return tag(w) == T_ARR or tag(w) == T_SET


cdef inline Word array_of(SeqNode* seq) noexcept nogil:
    return <Word>seq | T_ARR


cdef inline Word sorted_seq(SeqNode* seq, uint32_t n, Tag t) noexcept nogil:
    seq.n = n
    seq.flags = F_SORTED
    return <Word>seq | t


cdef Word* scratch(Heap* heap, size_t words) noexcept nogil:
    return <Word*>heap_alloc(heap, (words + 1) * sizeof(Word))


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
            equal(args[0], args[1]) and lookup(args[2], args[0]) != UNDEFINED
        )
    found = lookup(args[2], args[0])
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


cdef Word lib_and(Heap* heap, const Word* args, int n) noexcept nogil:
    if not want_sets(heap, "and", args):
        return UNDEFINED
    return merge_sets(heap, args[0], args[1], KEEP_BOTH)


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
        out = merge_sets(heap, out, item(w, i), KEEP_BOTH)
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


# Objects ---------------------------------------------------------------------

cdef Word lib_object_get(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef Word w = args[0]
    cdef uint32_t i
    if tag(w) != T_OBJ:
        return bad_type(heap, "object.get", 1, "object", w)
    if tag(args[1]) == T_ARR:
        for i in range(seq_len(args[1])):
            w = lookup(w, item(args[1], i))
            if w == UNDEFINED:
                return args[2]
        return w
    w = lookup(w, args[1])
    return w if w != UNDEFINED else args[2]


cdef Word lib_object_keys(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef Word w = args[0]
    cdef SeqNode* out
    cdef uint32_t i, size
    if tag(w) != T_OBJ:
        return bad_type(heap, "object.keys", 1, "object", w)
    size = seq_len(w)
    out = new_seq(heap, size)
    if out == NULL:
        return UNDEFINED
    for i in range(size):
        store(&out.items[i], key_at(w, i))
    return sorted_seq(out, size, T_SET)


cdef Word select_keys(
    Heap* heap, const char* name, const Word* args, bint keep
) noexcept nogil:
    # The pairs whose key is (keep) or is not among an array's items, a set's
    # members or an object's keys
    cdef Word w = args[0]
    cdef Word keys = args[1]
    cdef Word* items
    cdef SeqNode* out
    cdef uint32_t i, size, count = 0
    cdef bint found
    if tag(w) != T_OBJ:
        return bad_type(heap, name, 1, "object", w)
    if tag(keys) == T_ARR:
        size = seq_len(keys)
        items = scratch(heap, size)
        if items == NULL:
            return UNDEFINED
        for i in range(size):
            items[i] = item(keys, i)
        keys = new_set(heap, items, size)
        if keys == UNDEFINED:
            return UNDEFINED
    elif tag(keys) != T_SET and tag(keys) != T_OBJ:
        return bad_type(heap, name, 2, "one of {object, set, array}", keys)
    size = seq_len(w)
    out = new_seq(heap, 2 * size)
    if out == NULL:
        return UNDEFINED
    for i in range(size):
        found = lookup(keys, key_at(w, i)) != UNDEFINED
        if found == keep:
            store(&out.items[2 * count], key_at(w, i))
            store(&out.items[2 * count + 1], value_at(w, i))
            count += 1
    return sorted_seq(out, count, T_OBJ)


cdef Word lib_object_remove(Heap* heap, const Word* args, int n) noexcept nogil:
    return select_keys(heap, "object.remove", args, False)


cdef Word lib_object_filter(Heap* heap, const Word* args, int n) noexcept nogil:
    return select_keys(heap, "object.filter", args, True)


cdef Word merge_objects(Heap* heap, Word a, Word b, int depth) noexcept nogil:
    cdef uint32_t i = 0, j = 0, count = 0, x = seq_len(a), y = seq_len(b)
    cdef SeqNode* out
    cdef Word key, value
    cdef int order
    if depth > MAX_MERGE:
        fail(heap, E_DEPTH, "objects nest too deep")
        return UNDEFINED
    out = new_seq(heap, 2 * (x + y))
    if out == NULL:
        return UNDEFINED
    while i < x or j < y:
        if i == x:
            order = 1
        elif j == y:
            order = -1
        else:
            order = compare(key_at(a, i), key_at(b, j))
        if order > 0:
            key = key_at(b, j)
            value = value_at(b, j)
        else:
            key = key_at(a, i)
            value = value_at(a, i)
        if order == 0:
            if tag(value) == T_OBJ and tag(value_at(b, j)) == T_OBJ:
                value = merge_objects(heap, value, value_at(b, j), depth + 1)
                if value == UNDEFINED:
                    return UNDEFINED
            else:
                value = value_at(b, j)
        store(&out.items[2 * count], key)
        store(&out.items[2 * count + 1], value)
        count += 1
        if order <= 0:
            i += 1
        if order >= 0:
            j += 1
    return sorted_seq(out, count, T_OBJ)


cdef Word lib_object_union(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef int i
    for i in range(2):
        if tag(args[i]) != T_OBJ:
            return bad_type(heap, "object.union", i + 1, "object", args[i])
    return merge_objects(heap, args[0], args[1], 0)


cdef Word lib_object_union_n(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef Word w = args[0]
    cdef Word out
    cdef uint32_t i
    if tag(w) != T_ARR:
        return bad_type(heap, "object.union_n", 1, "array", w)
    for i in range(seq_len(w)):
        if tag(item(w, i)) != T_OBJ:
            return bad_item(heap, "object.union_n", 1, w, "objects", item(w, i))
    if seq_len(w) == 0:
        return new_object(heap, NULL, 0)
    out = item(w, 0)
    for i in range(1, seq_len(w)):
        out = merge_objects(heap, out, item(w, i), 0)
        if out == UNDEFINED:
            return UNDEFINED
    return out


cdef int covers(Heap* heap, Word whole, Word part, int depth) noexcept nogil:
    # 1, 0; -1 with an error set
    cdef uint32_t i, j, x, y
    cdef Word found
    cdef int same
    # An array covers a set only at the top
    if tag(whole) != tag(part) and (depth or tag(whole) != T_ARR):
        return 1 if equal(whole, part) else 0
    if depth > MAX_MERGE:
        fail(heap, E_DEPTH, "objects nest too deep")
        return -1
    if tag(part) == T_OBJ:
        for i in range(seq_len(part)):
            found = lookup(whole, key_at(part, i))
            if found == UNDEFINED:
                return 0
            same = covers(heap, found, value_at(part, i), depth + 1)
            if same != 1:
                return same
        return 1
    if tag(part) == T_SET:
        for i in range(seq_len(part)):
            if tag(whole) == T_SET:
                if lookup(whole, item(part, i)) == UNDEFINED:
                    return 0
            else:
                for j in range(seq_len(whole)):
                    if equal(item(whole, j), item(part, i)):
                        break
                else:
                    return 0
        return 1
    if tag(part) == T_ARR:
        # A run of its items
        x = seq_len(whole)
        y = seq_len(part)
        i = 0
        while i + y <= x:
            j = 0
            while j < y and equal(item(whole, i + j), item(part, j)):
                j += 1
            if j == y:
                return 1
            i += 1
        return 0
    return 1 if equal(whole, part) else 0


cdef Word lib_object_subset(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef Tag a = tag(args[0])
    cdef Tag b = tag(args[1])
    cdef int same
    if a < T_ARR or (a != b and not (a == T_ARR and b == T_SET)):
        fail(
            heap, E_TYPE,
            "object.subset: both arguments object.subset must be of the same type or"
            " array and set",
        )
        return UNDEFINED
    same = covers(heap, args[0], args[1], 0)
    return UNDEFINED if same < 0 else from_bool(same)


# Walk ------------------------------------------------------------------------

ctypedef struct Step:
    Word value
    uint32_t at         # next child
    uint32_t end


cdef Word walk_entry(Heap* heap, const Word* path, uint32_t n, Word w) noexcept nogil:
    cdef Word pair[2]
    pair[0] = new_array(heap, path, n)
    if pair[0] == UNDEFINED:
        return UNDEFINED
    pair[1] = w
    return new_array(heap, pair, 2)


cdef bint grow(Heap* heap, void** block, size_t* room, size_t size) noexcept nogil:
    cdef void* more = NULL
    if room[0] * 2 * size <= heap.limit:
        more = malloc(room[0] * 2 * size)
    if more == NULL:
        fail(heap, E_MEMORY, "memory limit exceeded")
        return False
    memcpy(more, block[0], room[0] * size)
    free(block[0])
    block[0] = more
    room[0] *= 2
    return True


cdef Word lib_walk(Heap* heap, const Word* args, int n) noexcept nogil:
    # [[path, value], ...], a value before its children
    cdef size_t out_room = 64, depth_room = 16, path_room = 16, count = 0, depth = 0
    cdef void* out = malloc(out_room * sizeof(Word))
    cdef void* steps = malloc(depth_room * sizeof(Step))
    cdef void* path = malloc(path_room * sizeof(Word))
    cdef Step* step
    cdef Word w = args[0]
    cdef Word entry, result = UNDEFINED
    cdef bint good = out != NULL and steps != NULL and path != NULL
    if not good:
        fail(heap, E_MEMORY, "out of memory")
    while good:
        entry = walk_entry(heap, <Word*>path, <uint32_t>depth, w)
        if entry == UNDEFINED:
            break
        if count == out_room:
            good = grow(heap, &out, &out_room, sizeof(Word))
            if not good:
                break
        (<Word*>out)[count] = entry
        count += 1
        if tag(w) >= T_ARR and seq_len(w):
            if depth == depth_room:
                good = grow(heap, &steps, &depth_room, sizeof(Step)) and grow(
                    heap, &path, &path_room, sizeof(Word)
                )
                if not good:
                    break
            step = &(<Step*>steps)[depth]
            step.value = w
            step.at = 0
            step.end = seq_len(w)
            depth += 1
        while depth and (<Step*>steps)[depth - 1].at == (<Step*>steps)[depth - 1].end:
            depth -= 1
        if depth == 0:
            result = new_array(heap, <Word*>out, <uint32_t>count)
            break
        step = &(<Step*>steps)[depth - 1]
        if tag(step.value) == T_OBJ:
            (<Word*>path)[depth - 1] = key_at(step.value, step.at)
            w = value_at(step.value, step.at)
        else:
            w = item(step.value, step.at)
            (<Word*>path)[depth - 1] = (
                from_int(step.at) if tag(step.value) == T_ARR else w
            )
        step.at += 1
    free(out)
    free(steps)
    free(path)
    return result
