# cython: cdivision=True
"""Trees over records: sorted levels, and their nodes as views see them."""

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, qsort, realloc
from libc.string cimport memcpy, memmove, memset

from gatewright._native.value cimport (
    F_SORTED, SEQ_HEADER, STR_HEADER, T_OBJ, T_STR, SeqNode, StrNode, Word, compare,
    load, store, str_node,
)


# Records ---------------------------------------------------------------------

cdef uint32_t path_hash(const SeqNode* record) noexcept nogil:
    cdef uint64_t h = record.n
    cdef uint32_t i
    for i in range(1, record.n):
        h = (h ^ str_node(load(&record.items[i])).hash) * <uint64_t>0x9E3779B97F4A7C15
        h ^= h >> 32
    return <uint32_t>h


cdef int compare_records(const SeqNode* a, const SeqNode* b) noexcept nogil:
    cdef uint32_t n = a.n if a.n < b.n else b.n
    cdef uint32_t i
    cdef int order
    for i in range(1, n):
        order = compare(load(&a.items[i]), load(&b.items[i]))
        if order:
            return order
    return (a.n > b.n) - (a.n < b.n)


cdef int by_path(const void* a, const void* b) noexcept nogil:
    return compare_records((<const SeqNode**>a)[0], (<const SeqNode**>b)[0])


# Levels ----------------------------------------------------------------------

cdef Level* new_level(bint leaf, uint32_t room) noexcept nogil:
    cdef Level* level = <Level*>calloc(1, sizeof(Level))
    if level == NULL:
        return NULL
    level.leaf = leaf
    level.dirty = True
    level.room = room if room else 4
    level.keys = <Word*>malloc(level.room * sizeof(Word))
    if leaf:
        level.documents = <Word*>malloc(level.room * sizeof(Word))
    else:
        level.below = <Level**>malloc(level.room * sizeof(Level*))
    if level.keys == NULL or (level.documents == NULL and level.below == NULL):
        free(level.keys)
        free(level.documents)
        free(level.below)
        free(level)
        return NULL
    return level


cdef uint32_t place_of(const Level* level, Word key, bint* there) noexcept nogil:
    cdef uint32_t low = 0, high = level.n, middle
    cdef int order
    there[0] = False
    while low < high:
        middle = (low + high) >> 1
        order = compare(level.keys[middle], key)
        if order == 0:
            there[0] = True
            return middle
        if order < 0:
            low = middle + 1
        else:
            high = middle
    return low


cdef bint open_place(Level* level, uint32_t at) noexcept nogil:
    # Room for one more at a place; what leads there is the caller's
    cdef uint32_t room = level.room
    cdef void* more
    if level.n == room:
        room *= 2
        more = realloc(level.keys, room * sizeof(Word))
        if more == NULL:
            return False
        level.keys = <Word*>more
        if level.leaf:
            more = realloc(level.documents, room * sizeof(Word))
            if more != NULL:
                level.documents = <Word*>more
        else:
            more = realloc(level.below, room * sizeof(Level*))
            if more != NULL:
                level.below = <Level**>more
        if more == NULL:
            return False
        level.room = room
    memmove(level.keys + at + 1, level.keys + at, (level.n - at) * sizeof(Word))
    if level.leaf:
        memmove(
            level.documents + at + 1,
            level.documents + at,
            (level.n - at) * sizeof(Word),
        )
    else:
        memmove(
            level.below + at + 1, level.below + at, (level.n - at) * sizeof(Level*)
        )
    level.n += 1
    return True


cdef void close_place(Level* level, uint32_t at) noexcept nogil:
    level.n -= 1
    memmove(level.keys + at, level.keys + at + 1, (level.n - at) * sizeof(Word))
    if level.leaf:
        memmove(
            level.documents + at,
            level.documents + at + 1,
            (level.n - at) * sizeof(Word),
        )
    else:
        memmove(
            level.below + at, level.below + at + 1, (level.n - at) * sizeof(Level*)
        )
    level.dirty = True


cdef Word own_key(Word key) noexcept nogil:
    # A copy that does not go with the segment; 0 without memory
    cdef size_t size = STR_HEADER + <size_t>str_node(key).size + 1
    cdef StrNode* out = <StrNode*>malloc(size)
    if out == NULL:
        return 0
    memcpy(out, str_node(key), size)
    return <Word>out | T_STR


cdef Level* build_levels(SeqNode** records, size_t n, uint32_t depth) noexcept nogil:
    # Of records in order, no two of one path; NULL without memory, or where a
    # document lies above others
    cdef size_t first = 0, end
    cdef uint32_t count = 0
    cdef Word key
    cdef Level* level
    cdef bint leaf = records[0].n == depth + 1
    while first < n:
        if (records[first].n == depth + 1) != leaf:
            return NULL
        key = load(&records[first].items[depth])
        end = first + 1
        while end < n and compare(load(&records[end].items[depth]), key) == 0:
            end += 1
        count += 1
        first = end
    level = new_level(leaf, count)
    if level == NULL:
        return NULL
    first = 0
    while first < n:
        key = load(&records[first].items[depth])
        end = first + 1
        while end < n and compare(load(&records[end].items[depth]), key) == 0:
            end += 1
        if leaf:
            level.keys[level.n] = key
            level.documents[level.n] = load(&records[first].items[0])
            level.n += 1
        else:
            level.keys[level.n] = own_key(key)
            level.below[level.n] = build_levels(
                records + first, end - first, depth + 1
            )
            level.n += 1
            if level.keys[level.n - 1] == 0 or level.below[level.n - 1] == NULL:
                free_levels(level)
                return NULL
        first = end
    return level


cdef void free_levels(Level* level) noexcept nogil:
    # With its keys and nodes: no view may use them
    cdef uint32_t i
    if level == NULL:
        return
    if not level.leaf:
        for i in range(level.n):
            if level.keys[i]:
                free(str_node(level.keys[i]))
            free_levels(level.below[i])
    free(level.keys)
    free(level.documents)
    free(level.below)
    free(level.node)
    free(level)


# Trees -----------------------------------------------------------------------

cdef void tree_init(Tree* tree, pthread_mutex_t* lock) noexcept nogil:
    memset(tree, 0, sizeof(Tree))
    tree.lock = lock


cdef void tree_free(Tree* tree) noexcept nogil:
    cdef size_t i
    for i in range(tree.retired_count):
        free(tree.retired[i].memory)
    free(tree.retired)
    free_levels(tree.top)


cdef bint tree_publish(Tree* tree, uint64_t epoch) noexcept nogil:
    return publish_level(tree, tree.top, epoch)


cdef bint tree_retire(Tree* tree, void* memory, uint64_t epoch) noexcept nogil:
    cdef Retired* more
    if memory == NULL:
        return True
    if tree.retired_count == tree.retired_room:
        tree.retired_room = 2 * tree.retired_room if tree.retired_room else 64
        more = <Retired*>realloc(
            tree.retired, tree.retired_room * sizeof(Retired)
        )
        if more == NULL:
            tree.retired_room = tree.retired_count
            return False
        tree.retired = more
    tree.retired[tree.retired_count].memory = memory
    tree.retired[tree.retired_count].epoch = epoch
    tree.retired_count += 1
    return True


cdef void tree_reclaim(Tree* tree, uint64_t oldest) noexcept nogil:
    cdef size_t i, kept = 0
    for i in range(tree.retired_count):
        if tree.retired[i].epoch <= oldest:
            free(tree.retired[i].memory)
        else:
            tree.retired[kept] = tree.retired[i]
            kept += 1
    tree.retired_count = kept


cdef bint publish_level(Tree* tree, Level* level, uint64_t epoch) noexcept nogil:
    # The nodes of a level and those below it that changed
    cdef SeqNode* node
    cdef uint32_t i
    if level == NULL or not level.dirty:
        return True
    if not level.leaf:
        for i in range(level.n):
            if not publish_level(tree, level.below[i], epoch):
                return False
    node = <SeqNode*>malloc(SEQ_HEADER + 2 * <size_t>level.n * sizeof(Word))
    if node == NULL:
        return False
    node.n = level.n
    node.flags = F_SORTED
    for i in range(level.n):
        store(&node.items[2 * i], level.keys[i])
        if level.leaf:
            store(&node.items[2 * i + 1], level.documents[i])
        else:
            store(&node.items[2 * i + 1], <Word>level.below[i].node | T_OBJ)
    pthread_mutex_lock(tree.lock)
    tree_retire(tree, level.node, epoch)
    pthread_mutex_unlock(tree.lock)
    level.node = node
    level.dirty = False
    return True


cdef void drop_level(Tree* tree, Level* level, uint64_t epoch) noexcept nogil:
    # What views may use waits; the rest is freed.  Under the lock.
    cdef uint32_t i
    if level == NULL:
        return
    if not level.leaf:
        for i in range(level.n):
            tree_retire(tree, str_node(level.keys[i]), epoch)
            drop_level(tree, level.below[i], epoch)
    tree_retire(tree, level.node, epoch)
    free(level.keys)
    free(level.documents)
    free(level.below)
    free(level)


cdef bint tree_rebuild(
    Tree* tree, SeqNode** records, size_t n, uint64_t epoch
) noexcept nogil:
    cdef Level* top = NULL
    if n:
        qsort(records, n, sizeof(SeqNode*), by_path)
        top = build_levels(records, n, 1)
        if top == NULL:
            return False
    pthread_mutex_lock(tree.lock)
    drop_level(tree, tree.top, epoch)
    pthread_mutex_unlock(tree.lock)
    tree.top = top
    return True


cdef const char* tree_insert(Tree* tree, SeqNode* record) noexcept nogil:
    cdef Level* level
    cdef Level** place = &tree.top
    cdef uint32_t i, at
    cdef bint there
    cdef Word key
    for i in range(1, record.n):
        if place[0] == NULL:
            place[0] = new_level(i == record.n - 1, 0)
            if place[0] == NULL:
                return b"out of memory"
        level = place[0]
        if level.leaf != (i == record.n - 1):
            return b"a document lies above others"
        level.dirty = True
        key = load(&record.items[i])
        at = place_of(level, key, &there)
        if not there and not open_place(level, at):
            return b"out of memory"
        if level.leaf:
            level.keys[at] = key
            level.documents[at] = load(&record.items[0])
            return NULL
        if not there:
            level.keys[at] = own_key(key)
            level.below[at] = NULL
            if level.keys[at] == 0:
                close_place(level, at)
                return b"out of memory"
        place = &level.below[at]
    return NULL


cdef void tree_remove(Tree* tree, SeqNode* record, uint64_t epoch) noexcept nogil:
    cdef (Level*)[16] levels
    cdef uint32_t[16] places
    cdef Level* level = tree.top
    cdef uint32_t i
    cdef bint there
    for i in range(1, record.n):
        if level == NULL:
            return
        levels[i] = level
        places[i] = place_of(level, load(&record.items[i]), &there)
        if not there:
            return
        level.dirty = True
        level = NULL if level.leaf else level.below[places[i]]
    i = record.n - 1
    while i:
        level = levels[i]
        if not level.leaf:
            tree_retire(tree, str_node(level.keys[places[i]]), epoch)
            drop_level(tree, level.below[places[i]], epoch)
        close_place(level, places[i])
        if level.n:
            return
        i -= 1
    drop_level(tree, tree.top, epoch)
    tree.top = NULL
