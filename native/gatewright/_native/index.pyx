# cython: cdivision=True
"""Builds indexes over a catalog, keeps them up, and looks keys up in them.

Keys are computed by functions of the plan, without input and base data but the
document's record.  A document whose keys cannot be computed (an error, too many
steps, a builtin that Python has) is found under every key.
"""

from libc.stdint cimport int32_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, qsort, realloc
from libc.string cimport memcpy, memset

from gatewright._native.catalog cimport Catalog, Entry, seen
from gatewright._native.chain cimport (
    chain_add, chain_free, chain_init, chain_remove, chain_start,
)
from gatewright._native.frame cimport (
    S_DONE, S_SUSPENDED, Status, hash_value, vm_free, vm_init, vm_start,
)
from gatewright._native.image cimport Image
from gatewright._native.program cimport Program, constant
from gatewright._native.tree cimport (
    compare_records, pthread_mutex_lock, pthread_mutex_unlock,
)
from gatewright._native.value cimport (
    T_ARR, T_SET, UNDEFINED, W_NULL, Heap, SeqNode, Word, equal,
    heap_alloc, heap_free, heap_init, heap_reset, item, load, new_array,
    new_object, seq_node, tag,
)
from gatewright._native.vm cimport vm_run
from gatewright._native.watcher cimport Watcher
from gatewright._native.work cimport Account, account

cdef enum:
    KEY_STEPS = 100000          # for the keys of one document
    KEY_BYTES = 64 << 20
    STRETCH = 64                # entries between two looks at the lock


cdef bint matches(Word pattern, const SeqNode* record) noexcept nogil:
    cdef SeqNode* steps = seq_node(pattern)
    cdef uint32_t i
    cdef Word step
    if steps.n + 1 != record.n:
        return False
    for i in range(steps.n):
        step = load(&steps.items[i])
        if step != W_NULL and not equal(step, load(&record.items[i + 1])):
            return False
    return True


cdef bint room_for_entry(Index* index, uint32_t entry) noexcept nogil:
    cdef uint32_t room = index.first_room
    cdef uint32_t* first
    if entry < room:
        return True
    while room <= entry:
        room = 2 * room if room else 64
    first = <uint32_t*>realloc(index.first, room * sizeof(uint32_t))
    if first == NULL:
        return False
    memset(first + index.first_room, 0, (room - index.first_room) * sizeof(uint32_t))
    index.first = first
    index.first_room = room
    return True


cdef void unlink(Index* index, uint32_t at) noexcept nogil:
    # An item out of the chain of its hash, or of those that are always found
    cdef uint32_t* place = &index.always
    if chain_remove(&index.chains, &index.items[0].link, sizeof(Item), at):
        return
    while place[0] and place[0] != at:
        place = &index.items[place[0]].link.next
    if place[0]:
        place[0] = index.items[at].link.next


cdef int by_path(const void* a, const void* b) noexcept nogil:
    return compare_records(
        seq_node((<const Word*>a)[0]), seq_node((<const Word*>b)[0])
    )


cdef bint add_entries(Watcher self, const uint32_t* entries, size_t n) except -1:
    return (<IndexSet>self).note_entries(entries, n)


cdef void forget_entry(Watcher self, uint32_t entry) noexcept nogil:
    cdef Index* indexes = (<IndexSet>self).indexes
    cdef uint32_t count = (<IndexSet>self).count
    cdef Index* index
    cdef uint32_t i, at, following
    for i in range(count):
        index = &indexes[i]
        if entry >= index.first_room:
            continue
        at = index.first[entry]
        index.first[entry] = 0
        while at:
            following = index.items[at].sibling
            unlink(index, at)
            index.items[at].link.next = index.free_item
            index.free_item = at
            index.item_count -= 1
            at = following


cdef class IndexSet(Watcher):
    """The indexes that the programs of an image ask for, over a catalog.

    They are kept up for as long as this lives.  Not to be made while the catalog
    takes over an epoch.
    """

    def __cinit__(self, Catalog catalog not None, Image image not None):
        cdef uint32_t p, i
        cdef Index* index
        cdef uint32_t* all_entries
        cdef uint32_t n = 0
        self.catalog = catalog
        self.image = image
        self.add = add_entries
        self.forget = forget_entry
        heap_init(&self.heap, KEY_BYTES)
        vm_init(&self.vm, &self.heap)
        for p in range(image.program_count):
            self.count += image.programs[p].index_count
        self.indexes = <Index*>calloc(self.count + 1, sizeof(Index))
        self.starts = <uint32_t*>calloc(image.program_count + 1, sizeof(uint32_t))
        if self.indexes == NULL or self.starts == NULL:
            raise MemoryError
        index = self.indexes
        for p in range(image.program_count):
            self.starts[p] = <uint32_t>(index - self.indexes)
            for i in range(image.programs[p].index_count):
                index.program = p
                index.function = image.programs[p].indexes[2 * i + 1]
                index.pattern = constant(
                    &image.programs[p], image.programs[p].indexes[2 * i]
                )
                index.item_room = 64
                index.item_end = 1
                index.items = <Item*>malloc(64 * sizeof(Item))
                if index.items == NULL or not chain_init(&index.chains):
                    raise MemoryError
                index += 1
        self.lookup.indexes = self.indexes
        self.lookup.starts = self.starts
        self.lookup.programs = image.programs
        self.lookup.lock = &catalog.lock
        self.lookup.entries = &catalog.entries
        if self.count == 0:
            return
        all_entries = <uint32_t*>malloc(catalog.entry_end * sizeof(uint32_t))
        if all_entries == NULL:
            raise MemoryError
        # The dead too: a view that is older may still be asked about
        for i in range(1, catalog.entry_end):
            if catalog.entries[i].record != NULL:
                all_entries[n] = i
                n += 1
        try:
            if not self.note_entries(all_entries, n):
                raise MemoryError
        finally:
            free(all_entries)
        catalog.watch(self)

    def __dealloc__(self):
        cdef uint32_t i
        if self.indexes != NULL:
            for i in range(self.count):
                chain_free(&self.indexes[i].chains)
                free(self.indexes[i].items)
                free(self.indexes[i].first)
            free(self.indexes)
        free(self.starts)
        vm_free(&self.vm)
        heap_free(&self.heap)

    @property
    def size(self) -> int:
        """How many keys there are in all indexes."""
        cdef uint32_t i
        cdef uint64_t total = 0
        for i in range(self.count):
            total += self.indexes[i].item_count
        return total

    cdef bint note_entries(self, const uint32_t* entries, size_t n) noexcept:
        # False without memory
        cdef bint fine = True
        cdef size_t k
        cdef uint32_t i
        cdef SeqNode* record
        with nogil:
            for k in range(n):
                record = self.catalog.entries[entries[k]].record
                for i in range(self.count):
                    if fine and matches(self.indexes[i].pattern, record):
                        fine = self.note_record(&self.indexes[i], entries[k], record)
        return fine

    cdef bint note(
        self, Index* index, uint32_t entry, uint32_t hash, bint always
    ) noexcept nogil:
        # False without memory
        cdef uint32_t at
        cdef Item* items
        if not room_for_entry(index, entry):
            return False
        at = index.first[entry]
        while at:
            if index.items[at].link.hash == hash:
                return True     # two keys of one hash
            at = index.items[at].sibling
        at = index.free_item
        if at:
            index.free_item = index.items[at].link.next
        else:
            if index.item_end == index.item_room:
                items = <Item*>realloc(
                    index.items, 2 * <size_t>index.item_room * sizeof(Item)
                )
                if items == NULL:
                    return False
                index.items = items
                index.item_room *= 2
            at = index.item_end
            index.item_end += 1
        index.items[at].link.hash = hash
        if always:
            index.items[at].link.next = index.always
            index.always = at
        elif not chain_add(&index.chains, &index.items[0].link, sizeof(Item), at):
            return False
        index.items[at].entry = entry
        index.items[at].sibling = index.first[entry]
        index.first[entry] = at
        index.item_count += 1
        return True

    cdef bint note_record(
        self, Index* index, uint32_t entry, SeqNode* record
    ) noexcept nogil:
        cdef const Program* program = &self.image.programs[index.program]
        cdef Account* mine = account()
        cdef Account before = mine[0]
        cdef Status status
        cdef Word empty, keys
        cdef uint32_t i
        cdef bint fine
        heap_reset(&self.heap)
        mine.spent = 0
        mine.limit = KEY_STEPS
        empty = new_object(&self.heap, NULL, 0)
        status = vm_start(
            &self.vm, program, index.function, <Word>record | T_ARR, empty
        )
        if status == S_SUSPENDED:
            self.vm.left = KEY_STEPS
            status = vm_run(&self.vm)
        keys = self.vm.result
        fine = (
            status == S_DONE
            and tag(keys) == T_SET
            and mine.spent <= KEY_STEPS
        )
        mine[0] = before
        pthread_mutex_lock(&self.catalog.lock)
        if fine:
            for i in range(seq_node(keys).n):
                if not self.note(index, entry, hash_value(item(keys, i)), False):
                    fine = False
                    break
        else:
            self.failures += 1
            fine = self.note(index, entry, 0, True)
        pthread_mutex_unlock(&self.catalog.lock)
        return fine


cdef Word find_records(
    void* finder,
    Heap* heap,
    const Program* program,
    int32_t number,
    Word key,
    uint64_t epoch,
) noexcept nogil:
    cdef Word small[64]
    cdef Word* found = small
    cdef Word* more
    cdef size_t room = 64, n = 0
    cdef Index* index
    cdef Entry* entry
    cdef uint32_t hash = hash_value(key)
    cdef uint32_t at
    cdef int turn
    cdef const Lookup* view = <const Lookup*>finder
    index = &view.indexes[view.starts[program - view.programs] + number]
    pthread_mutex_lock(view.lock)
    for turn in range(2):
        at = index.always if turn else chain_start(&index.chains, hash)
        while at:
            if turn or index.items[at].link.hash == hash:
                entry = &view.entries[0][index.items[at].entry]
                if seen(entry, epoch):
                    if n == room:
                        more = <Word*>heap_alloc(heap, 2 * room * sizeof(Word))
                        if more == NULL:
                            pthread_mutex_unlock(view.lock)
                            return UNDEFINED
                        memcpy(more, found, n * sizeof(Word))
                        room *= 2
                        found = more
                    found[n] = <Word>entry.record | T_ARR
                    n += 1
            at = index.items[at].link.next
    pthread_mutex_unlock(view.lock)
    if n > 1:
        qsort(found, n, sizeof(Word), by_path)
    return new_array(heap, found, <uint32_t>n)
