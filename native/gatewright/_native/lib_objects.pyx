# cython: cdivision=True
"""Built-ins on objects, and walk."""

from libc.stdint cimport UINT32_MAX, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from gatewright._native.operand cimport bad_item, bad_type
from gatewright._native.value cimport (
    E_DEPTH, E_MEMORY, E_NONE, E_TYPE, T_ARR, T_OBJ, T_SET, UNDEFINED, Heap, SeqNode,
    Tag, Word, compare, equal, fail, from_bool, from_int, item, key_at, lookup,
    lookup_as,
    new_array, new_object, new_seq, new_set, scratch, seq_len, sorted_seq, store, tag,
    value_at,
)

cdef enum:
    MAX_MERGE = 2000        # levels that object.union and object.subset go down


# Objects ---------------------------------------------------------------------

cdef Word lib_object_get(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef Word w = args[0]
    cdef uint32_t i
    if tag(w) != T_OBJ:
        return bad_type(heap, "object.get", 1, "object", w)
    if tag(args[1]) == T_ARR:
        for i in range(seq_len(args[1])):
            w = lookup_as(heap, w, item(args[1], i))
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


cdef Word union_at_once(Heap* heap, Word w, uint32_t total) noexcept nogil:
    # One sort in place of a merge for each object, which for n objects of one key
    # moves n * n pairs.  UNDEFINED without an error where objects must be merged:
    # if a value is an object whose key occurs twice.
    cdef Word* pairs = scratch(heap, 2 * <size_t>total)
    cdef Word one, out
    cdef bint nested = False
    cdef uint32_t i, j, n = 0
    if pairs == NULL:
        return UNDEFINED
    for i in range(seq_len(w)):
        one = item(w, i)
        for j in range(seq_len(one)):
            pairs[2 * n] = key_at(one, j)
            pairs[2 * n + 1] = value_at(one, j)
            nested = nested or tag(pairs[2 * n + 1]) == T_OBJ
            n += 1
    out = new_object(heap, pairs, n)
    if out != UNDEFINED and nested and seq_len(out) != total:
        return UNDEFINED
    return out


cdef Word lib_object_union_n(Heap* heap, const Word* args, int n) noexcept nogil:
    cdef Word w = args[0]
    cdef Word out
    cdef uint32_t i
    cdef size_t total = 0
    if tag(w) != T_ARR:
        return bad_type(heap, "object.union_n", 1, "array", w)
    for i in range(seq_len(w)):
        if tag(item(w, i)) != T_OBJ:
            return bad_item(heap, "object.union_n", 1, w, "objects", item(w, i))
        total += seq_len(item(w, i))
    if seq_len(w) > 2 and total < UINT32_MAX:
        out = union_at_once(heap, w, <uint32_t>total)
        if out != UNDEFINED or heap.error != E_NONE:
            return out
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
        # OPA counts as it goes through an array: an empty one has not even no items.
        if tag(whole) == T_ARR and not seq_len(whole):
            return 0
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
