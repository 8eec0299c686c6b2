"""Edits: a way into a document and what is set at its end, copying on write.

An edit makes anew the containers on its way and shares all the rest, so that what it
gives differs from what it got only where words do: `difference` looks nowhere else.

It is the plain case of what `mutation.traverse` and `mutation.setters` do with Python
objects.  What has no plain case (a document of another shape than the way, a number
that is no integer where numbers are compared) raises `NotPlain` and is left to them,
who have the words for it.
"""

cimport cython
from libc.stdint cimport uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memchr, memcmp, memcpy

from gatewright._native.convert cimport to_word
from gatewright._native.document cimport Arena, Doc, new_doc
from gatewright._native.evaluation cimport Evaluation
from gatewright._native.value cimport (
    E_NONE, F_SORTED, T_ARR, T_INT, T_NUM, T_OBJ, T_SPECIAL, T_STR, W_NULL,
    UNDEFINED as NONE, Heap, SeqNode, StrNode, Tag, Word, alloc_str, heap_alloc, item,
    key_at, load, lookup, lookup_str, new_array, new_object, new_seq, num_node,
    seal_str, seq_len, seq_node, sort_object, store, str_node, tag, value_at,
)

cdef enum:
    MAX_WAY = 64            # steps of a way
    LARGE = 1 << 20         # bytes of an arena from which on the GIL is let go

cdef enum Test:
    NO_TEST = 0
    MUST_EXIST = 1
    MUST_NOT_EXIST = 2

cdef enum Setting:
    SET_VALUE = 0
    SET_GIVEN = 1           # the value comes with each call
    SET_MERGE = 2
    SET_PRUNE = 3
    SET_IMAGE = 4

SETTINGS = {
    "value": SET_VALUE,
    "given": SET_GIVEN,
    "merge": SET_MERGE,
    "prune": SET_PRUNE,
    "image": SET_IMAGE,
}

# One step: into an object by `name`; or into a list, to the elements whose `name` is
# `value`, or to all of them (`value` is NONE)
ctypedef struct Step:
    Word name
    Word value
    bint is_list
    int test

# One edit of one document
ctypedef struct Walk:
    Heap* heap
    const Step* steps
    uint32_t count
    int setting
    bint only_missing
    Word value
    bint stuck              # no plain case, or no memory


class NotPlain(Exception):
    """Not for us: let the objects of Python decide."""


# Equality --------------------------------------------------------------------

cdef inline bint same_text(Word a, Word b) noexcept nogil:
    cdef StrNode* x = str_node(a)
    cdef StrNode* y = str_node(b)
    return (
        x.hash == y.hash
        and x.size == y.size
        and memcmp(x.data, y.data, x.size) == 0
    )


cdef bint is_float(Word w) noexcept nogil:
    cdef size_t size
    cdef const char* text
    if tag(w) != T_NUM:
        return False
    size, text = num_node(w).size, num_node(w).text
    return (
        memchr(text, c'.', size) != NULL
        or memchr(text, c'e', size) != NULL
        or memchr(text, c'E', size) != NULL
    )


cdef bint same_number(Word a, Word b, bint* stuck) noexcept nogil:
    # Two words that differ.  Floats are equal if spelled alike; others may be too.
    if tag(a) == T_INT and tag(b) == T_INT:
        return False
    if is_float(a) and is_float(b):
        if num_node(a).size == num_node(b).size and (
            memcmp(num_node(a).text, num_node(b).text, num_node(a).size) == 0
        ):
            return True
    elif (tag(a) == T_INT and is_float(b)) or (tag(b) == T_INT and is_float(a)):
        return False
    stuck[0] = True
    return False


cdef bint same(Word a, Word b, int depth, bint* stuck) noexcept nogil:
    cdef Tag t = tag(a)
    cdef uint32_t i, n
    if a == b:
        return True
    if (t == T_INT or t == T_NUM) and (tag(b) == T_INT or tag(b) == T_NUM):
        return same_number(a, b, stuck)
    if t != tag(b) or t == T_SPECIAL:
        return False
    if t == T_STR:
        return same_text(a, b)
    n = seq_len(a)
    if n != seq_len(b):
        return False
    if depth == NEST:
        stuck[0] = True
        return False
    for i in range(n):
        if t == T_ARR:
            if not same(item(a, i), item(b, i), depth + 1, stuck):
                return False
        elif not (
            same_text(key_at(a, i), key_at(b, i))
            and same(value_at(a, i), value_at(b, i), depth + 1, stuck)
        ):
            return False
    return True


# Copies ----------------------------------------------------------------------

cdef Word with_field(Heap* heap, Word obj, Word name, Word value) noexcept nogil:
    # The object with one member set, its keys in order
    cdef SeqNode* old = seq_node(obj)
    cdef SeqNode* out
    cdef StrNode* key = str_node(name)
    cdef StrNode* other
    cdef uint32_t at = 0, i, n, skip = 0
    cdef int order = 0
    sort_object(obj)
    n = old.n
    while at < n:
        other = str_node(load(&old.items[2 * at]))
        order = memcmp(
            other.data, key.data, other.size if other.size < key.size else key.size
        )
        if order == 0:
            order = (other.size > key.size) - (other.size < key.size)
        if order >= 0:
            break
        at += 1
    if at < n and order == 0:
        name = load(&old.items[2 * at])
        skip = 1
    out = new_seq(heap, 2 * (n + 1 - skip))
    if out == NULL:
        return NONE
    for i in range(2 * at):
        store(&out.items[i], load(&old.items[i]))
    store(&out.items[2 * at], name)
    store(&out.items[2 * at + 1], value)
    for i in range(2 * (at + skip), 2 * n):
        store(&out.items[i + 2 - 2 * skip], load(&old.items[i]))
    out.n = n + 1 - skip
    out.flags = F_SORTED
    return <Word>out | T_OBJ


cdef Word with_room(Heap* heap, Word array, uint32_t more) noexcept nogil:
    # A copy of an array with `more` places behind its items, null till they are stored
    cdef uint32_t n = seq_node(array).n
    cdef uint32_t i
    cdef SeqNode* out = new_seq(heap, n + more)
    if out == NULL:
        return NONE
    for i in range(n):
        store(&out.items[i], load(&seq_node(array).items[i]))
    for i in range(n, n + more):
        out.items[i] = W_NULL
    return <Word>out | T_ARR


# Values ----------------------------------------------------------------------

cdef bint is_in(Word list_, Word value, bint* stuck) noexcept nogil:
    cdef uint32_t i
    for i in range(seq_node(list_).n):
        if same(item(list_, i), value, 0, stuck):
            return True
    return False


cdef Word merged(Walk* walk, Word current) noexcept nogil:
    cdef uint32_t i, n, more = 0
    cdef Word out, value
    cdef SeqNode* added = seq_node(walk.value)
    if current == NONE:
        return walk.value
    if tag(current) != T_ARR:
        walk.stuck = True
        return NONE
    for i in range(added.n):
        more += not is_in(current, load(&added.items[i]), &walk.stuck)
    if more == 0 or walk.stuck:
        return current
    out = with_room(walk.heap, current, more)
    if out == NONE:
        return NONE
    n = seq_node(current).n
    for i in range(added.n):
        value = load(&added.items[i])
        if not is_in(current, value, &walk.stuck):
            store(&seq_node(out).items[n], value)
            n += 1
    return out


cdef Word pruned(Walk* walk, Word current) noexcept nogil:
    cdef uint32_t i, n, kept = 0
    cdef Word* items
    if current == NONE:
        return NONE
    if tag(current) != T_ARR:
        walk.stuck = True
        return NONE
    n = seq_node(current).n
    items = <Word*>heap_alloc(walk.heap, n * sizeof(Word))
    if items == NULL:
        walk.stuck = True
        return NONE
    for i in range(n):
        if not is_in(walk.value, item(current, i), &walk.stuck):
            items[kept] = item(current, i)
            kept += 1
    return current if kept == n else new_array(walk.heap, items, kept)


cdef Word image_of(Walk* walk, Word current) noexcept nogil:
    # Domain, path and tag of an image reference, those given replaced.  What is before
    # the first slash is a domain if it has a dot or a colon, or is `localhost`.
    cdef const char* text = ""
    cdef const char* slash
    cdef size_t size = 0, head, at = 0, i
    cdef const char* parts[3]
    cdef size_t sizes[3]
    cdef StrNode* given
    cdef StrNode* out
    cdef int part
    cdef char* p
    if current != NONE:
        if tag(current) != T_STR:
            walk.stuck = True
            return NONE
        text, size = str_node(current).data, str_node(current).size
    slash = <const char*>memchr(text, c'/', size)
    parts[0] = text
    sizes[0] = 0
    if slash != NULL:
        head = slash - text
        if (
            memchr(text, c'.', head) != NULL
            or memchr(text, c':', head) != NULL
            or (head == 9 and memcmp(text, b"localhost", 9) == 0)
        ):
            sizes[0] = head
            at = head + 1
    i = at
    while i < size and text[i] != c':' and text[i] != c'@':
        i += 1
    parts[1] = text + at
    sizes[1] = i - at
    parts[2] = text + i
    sizes[2] = size - i
    for part in range(3):
        given = str_node(item(walk.value, part))
        if given.size:
            parts[part] = given.data
            sizes[part] = given.size
    out = alloc_str(
        walk.heap, sizes[0] + (1 if sizes[0] else 0) + sizes[1] + sizes[2]
    )
    if out == NULL:
        return NONE
    p = out.data
    for part in range(3):
        memcpy(p, parts[part], sizes[part])
        p += sizes[part]
        if part == 0 and sizes[0]:
            p[0] = c'/'
            p += 1
    return seal_str(out)


cdef bint set_value(Walk* walk, Word current, Word* out) noexcept nogil:
    # What is to be instead of `current`; False: nothing is set
    cdef Word value
    if walk.only_missing and current != NONE:
        out[0] = current
        return False
    if walk.setting == SET_MERGE:
        value = merged(walk, current)
    elif walk.setting == SET_PRUNE:
        value = pruned(walk, current)
    elif walk.setting == SET_IMAGE:
        value = image_of(walk, current)
    elif current != NONE and same(current, walk.value, 0, &walk.stuck):
        value = current
    else:
        value = walk.value
    if walk.heap.error != E_NONE:
        walk.stuck = True
    out[0] = value
    return not walk.stuck


# The walk --------------------------------------------------------------------

cdef inline bint allowed(const Step* step, bint exists) noexcept nogil:
    return step.test == NO_TEST or exists == (step.test == MUST_EXIST)


cdef bint advance(Walk* walk, Word current, uint32_t depth, Word* out) noexcept nogil:
    # Was the end reached and set; and what `current` becomes
    if walk.steps[depth].is_list:
        return into_list(walk, current, depth, out)
    return into_object(walk, current, depth, out)


cdef bint into_object(
    Walk* walk, Word current, uint32_t depth, Word* out
) noexcept nogil:
    cdef const Step* step = &walk.steps[depth]
    cdef Word child, start, value
    cdef bint done
    out[0] = current
    if tag(current) != T_OBJ:
        walk.stuck = True
        return False
    child = lookup(current, step.name)
    if not allowed(step, child != NONE):
        return False
    if depth == walk.count - 1:
        done = set_value(walk, child, &value)
    else:
        start = child
        if child == NONE:
            if walk.steps[depth + 1].is_list:
                start = new_array(walk.heap, NULL, 0)
            else:
                start = new_object(walk.heap, NULL, 0)
            if start == NONE:
                walk.stuck = True
                return False
        done = advance(walk, start, depth + 1, &value)
    if walk.stuck:
        return False
    if done and value != child:
        out[0] = with_field(walk.heap, current, step.name, value)
        walk.stuck = out[0] == NONE
    return done


cdef bint is_meant(const Step* step, Word element, bint* stuck) noexcept nogil:
    cdef Word value = lookup(element, step.name)
    return value != NONE and same(value, step.value, 0, stuck)


cdef bint into_list(
    Walk* walk, Word current, uint32_t depth, Word* out
) noexcept nogil:
    cdef const Step* step = &walk.steps[depth]
    cdef bint every = step.value == NONE
    cdef bint done = False, found = False
    cdef Word pair[2]
    cdef Word element, value, changed = current
    cdef uint32_t i
    out[0] = current
    if tag(current) != T_ARR:
        walk.stuck = True
        return False
    if depth == walk.count - 1:
        return set_element(walk, current, step, out)
    if every and step.test == MUST_NOT_EXIST:
        return False        # nothing could ever satisfy it
    for i in range(seq_node(current).n):
        element = item(current, i)
        if not every:
            if tag(element) != T_OBJ or not is_meant(step, element, &walk.stuck):
                continue
            found = True
            if not allowed(step, True):
                return False
        if advance(walk, element, depth + 1, &value):
            done = True
            if value != element:
                if changed == current:
                    changed = with_room(walk.heap, current, 0)
                    if changed == NONE:
                        walk.stuck = True
                        return False
                store(&seq_node(changed).items[i], value)
        if walk.stuck:
            return False
    if walk.stuck:
        return False
    if not every and not found:
        if not allowed(step, False):
            return False
        pair[0], pair[1] = step.name, step.value
        element = new_object(walk.heap, pair, 1)
        if element == NONE:
            walk.stuck = True
            return False
        done = advance(walk, element, depth + 1, &value)
        if done and not walk.stuck:
            changed = appended(walk, current, value)
    if done:
        out[0] = changed
    return done


cdef Word appended(Walk* walk, Word array, Word value) noexcept nogil:
    cdef Word out = with_room(walk.heap, array, 1)
    if out == NONE:
        walk.stuck = True
        return array
    store(&seq_node(out).items[seq_node(array).n], value)
    return out


cdef bint set_element(
    Walk* walk, Word current, const Step* step, Word* out
) noexcept nogil:
    # A way that ends in a list: the value is the whole element
    cdef Word element, value
    cdef uint32_t i
    if not set_value(walk, NONE, &value):
        return False
    for i in range(seq_node(current).n):
        element = item(current, i)
        if tag(element) != T_OBJ:
            walk.stuck = True
            return False
        if is_meant(step, element, &walk.stuck):
            if not allowed(step, True):
                return False
            if same(element, value, 0, &walk.stuck):
                return True
            out[0] = with_room(walk.heap, current, 0)
            if out[0] == NONE:
                walk.stuck = True
                return False
            store(&seq_node(out[0]).items[i], value)
            return True
    if not allowed(step, False):
        return False
    out[0] = appended(walk, current, value)
    return True


# For Python ------------------------------------------------------------------

@cython.final
cdef class Edit:
    """One edit; any number of threads may apply it.

    `way`: steps (name, None, test) into objects, (key, value, test) into lists, where
    the value is in a tuple, empty for all elements; `test` is 0, 1 (must exist) or 2
    (must not exist).  `setting`: of SETTINGS; `value`: what is set, the members of a
    set, or the domain, path and tag of an image; `only_missing`: where nothing is.
    Raises NotPlain if it is not for us.
    """

    cdef Arena arena
    cdef Step* steps
    cdef uint32_t count
    cdef int setting
    cdef bint only_missing
    cdef Word value

    def __cinit__(self, way, str setting, value=None, *, bint only_missing=False):
        cdef Heap* heap
        cdef Step* step
        self.arena = Arena()
        heap = &self.arena.heap
        self.setting = SETTINGS[setting]
        self.only_missing = only_missing
        if not 0 < len(way) <= MAX_WAY:
            raise NotPlain("the way")
        self.value = to_word(heap, value)
        self.steps = <Step*>calloc(len(way), sizeof(Step))
        if self.steps == NULL:
            raise MemoryError
        for name, element, test in way:
            step = &self.steps[self.count]
            step.name = to_word(heap, name)
            step.is_list = element is not None
            step.value = to_word(heap, element[0]) if element else <Word>NONE
            step.test = test
            self.count += 1

    def __dealloc__(self):
        free(self.steps)

    def apply(
        self, Evaluation evaluation not None, Doc doc not None, given=None
    ):
        """The document edited, in the arena of the evaluation's batch; the same one if
        nothing changes, None if nothing is set.

        `doc` is of that batch; `given`: the value of the setting of that name, text.
        Raises NotPlain.
        """
        cdef Walk walk
        cdef Word out = NONE
        cdef bint done
        if doc.owner is not evaluation.batch:
            raise ValueError("a document of another batch")
        walk.heap = evaluation.heap
        walk.steps = self.steps
        walk.count = self.count
        walk.setting = self.setting
        walk.only_missing = self.only_missing
        walk.value = self.value
        walk.stuck = False
        if self.setting == SET_GIVEN:
            walk.value = to_word(walk.heap, given)
        if evaluation.heap.used > LARGE:
            with nogil:
                done = advance(&walk, doc.word, 0, &out)
        else:
            done = advance(&walk, doc.word, 0, &out)
        if walk.stuck or walk.heap.error != E_NONE:
            walk.heap.error = E_NONE
            raise NotPlain("the document")
        if not done:
            return None
        if out == doc.word:
            return doc
        if self not in evaluation.batch.kept:
            evaluation.batch.kept.append(self)
        return new_doc(evaluation.batch, out)


def alike(Doc a not None, Doc b not None) -> bool:
    """Are two documents equal, as Go has it of JSON?  Raises NotPlain."""
    cdef bint stuck = False
    cdef bint out = same(a.word, b.word, 0, &stuck)
    if stuck:
        raise NotPlain("the document")
    return out


cdef inline Word member(Word obj, bytes name) except? 0:
    return lookup_str(obj, <const char*>name, len(name))


def share(Doc a not None, Doc b not None, tuple names not None) -> bool:
    """Are these members (bytes) of two objects the very same values?"""
    cdef bytes name
    for name in names:
        if member(a.word, name) != member(b.word, name):
            return False
    return True
