"""Arrivals: a review is read, recognised and set out with in one call.

Of nearly all reviews it is known beforehand what they are held against: kind, namespace
and operation say it, and one like it has come before.  So a snapshot keeps routes, by
the words that decide; a review whose words are known asks no more than them.  Whatever
is unusual has no key, goes through Python, and is looked at there.
"""

cimport cython
from cpython.bytes cimport (
    PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE,
)
from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memcmp, memcpy

from gatewright._native.convert cimport raise_error
from gatewright._native.document cimport new_doc
from gatewright._native.reader cimport READ_OBJECT, READ_REVIEW
from gatewright._native.request cimport field, is_some_text, is_text, read_frame, text
from gatewright._native.value cimport (
    F_SORTED, T_OBJ, UNDEFINED as NONE, SeqNode, StrNode, W_NULL, W_TRUE, Word, equal,
    load, new_seq, seq_node, store, str_node,
)

cdef enum:
    KEY_SIZE = 1024     # bytes; longer keys are not remembered

ctypedef struct Key:
    size_t size
    bint failed
    char data[1024]     # KEY_SIZE


cdef void add_text(Key* key, Word w) noexcept nogil:
    # A text, or blank for anything else
    cdef StrNode* s
    cdef uint32_t size = 0
    if is_text(w):
        s = str_node(w)
        size = s.size
    if key.failed or size > KEY_SIZE - 8 - key.size:
        key.failed = True
        return
    memcpy(key.data + key.size, &size, 4)
    if size:
        memcpy(key.data + key.size + 4, str_node(w).data, size)
    key.size += 4 + size


cdef inline bint is_named(Word w, const char* name, size_t size) noexcept nogil:
    return (
        is_text(w)
        and str_node(w).size == size
        and memcmp(str_node(w).data, name, size) == 0
    )


cdef inline bint same(Word a, Word b) noexcept nogil:
    # Two texts, or two things that are none
    return equal(a, b) if is_text(a) and is_text(b) else is_text(a) == is_text(b)


cdef bint is_version(Word w) noexcept nogil:
    return w == NONE or w == W_NULL or is_text(w)


cdef bint make_key(const Frame* frame, Key* key) noexcept nogil:
    # False where words alone do not decide: a Namespace, whose own name counts; an
    # object that names no kind; two objects that do not live in the same place
    cdef bint deletes = is_named(frame.operation, b"DELETE", 6)
    cdef Word obj = frame.old_object if deletes else frame.object
    cdef Word old = <Word>NONE if deletes else frame.old_object
    cdef Word kind = field(obj, b"kind")
    cdef Word version = field(obj, b"apiVersion")
    cdef Word home = field(field(obj, b"metadata"), b"namespace")
    key.size = 0
    key.failed = False
    if (
        not is_some_text(kind)
        or not is_version(version)
        or is_named(kind, b"Namespace", 9)
        or is_named(frame.named, b"Namespace", 9)
    ):
        return False
    if old != NONE and old != W_NULL:
        if (
            not is_text(field(old, b"kind"))
            or not is_version(field(old, b"apiVersion"))
            or not equal(field(old, b"kind"), kind)
            or not same(field(old, b"apiVersion"), version)
            or not same(field(field(old, b"metadata"), b"namespace"), home)
        ):
            return False
    add_text(key, frame.group)
    add_text(key, frame.version)
    add_text(key, frame.named)
    add_text(key, frame.namespace)
    add_text(key, frame.operation)
    add_text(key, version)
    add_text(key, kind)
    add_text(key, home)
    return not key.failed


@cython.final
cdef class Route:
    """What requests of the same words are held against.

    `lineup`: the constraints that match, as the caller has them; `roster`: their calls;
    `namespace`: the document of the request's namespace, or None.
    """

    def __cinit__(self, lineup, Roster roster not None, Doc namespace):
        self.lineup = lineup
        self.roster = roster
        self.namespace = namespace
        if namespace is not None:
            namespace.settle()


@cython.final
@cython.freelist(8)
cdef class Arrival:
    """A review as it was read; its parts are made into Python objects when asked for.

    `route` is there if its like was known, and then its calls are set out with.
    """

    def facts(self) -> tuple:
        """What the review says.

        apiVersion and kind of the review; of the request uid, group, version, kind,
        name, namespace, operation, username, whether it is a dry run; its object and
        old object (None when null).
        """
        cdef Frame* f = &self.frame
        return (
            text(f.api_version),
            text(f.kind),
            text(f.uid),
            text(f.group),
            text(f.version),
            text(f.named),
            text(f.name),
            text(f.namespace),
            text(f.operation),
            text(f.username),
            f.dry_run == W_TRUE,
            self.document(f.object),
            self.document(f.old_object),
        )

    cdef object document(self, Word w):
        return None if w == NONE or w == W_NULL else new_doc(self.batch, w)

    @property
    def dry_run(self) -> bool:
        """Does the request say so?"""
        return self.frame.dry_run == W_TRUE

    def learn(self, dict routes not None, Route route not None) -> None:
        """Let reviews of the same words take a route, if words alone decide."""
        if self.key is not None:
            routes[self.key] = route

    def shown(self, Doc namespace, *, bint homeless=False) -> Doc:
        """The review's document: the request with `namespaceObject`.

        That is `namespace`, or an empty object.  Absent objects are null, and the
        object of a deletion is the old one.  `homeless`: the request's namespace is
        left out.
        """
        return new_doc(self.batch, self.review(namespace, homeless))

    def set_out(
        self, Roster roster not None, Doc namespace, *, int64_t steps,
        bint homeless=False,
    ) -> None:
        """Set out to ask for violations in what `shown` gives, `steps` each."""
        cdef Evaluation evaluation = self.evaluation
        evaluation.review_word = self.review(namespace, homeless)
        evaluation.begin_roster(roster.entries, roster.count, steps)

    cdef Word review(self, Doc namespace, bint homeless) except 0:
        cdef Evaluation evaluation = self.evaluation
        cdef Frame* f = &self.frame
        cdef SeqNode* given = seq_node(f.request)
        cdef SeqNode* seq
        cdef SeqNode* none
        cdef uint32_t i, n = 0
        cdef bint deletes = is_named(f.operation, b"DELETE", 6)
        cdef Word key, value
        cdef Word home
        if self.batch is not evaluation.batch:
            raise ValueError("another review has come since")
        seq = new_seq(evaluation.heap, 2 * given.n + 8)
        if seq == NULL:
            raise_error(evaluation.heap)
        for i in range(given.n):
            key, value = load(&given.items[2 * i]), load(&given.items[2 * i + 1])
            if deletes and is_named(key, b"object", 6):
                value = f.old_object if f.old_object != NONE else <Word>W_NULL
            elif homeless and is_named(key, b"namespace", 9):
                continue
            store(&seq.items[2 * n], key)
            store(&seq.items[2 * n + 1], value)
            n += 1
        if f.options == NONE:
            n = self.add(seq, n, b"options", W_NULL)
        if f.old_object == NONE:
            n = self.add(seq, n, b"oldObject", W_NULL)
        if f.object == NONE:
            n = self.add(
                seq, n, b"object",
                f.old_object if deletes and f.old_object != NONE else <Word>W_NULL,
            )
        if namespace is not None:
            evaluation.keep(namespace)
            home = namespace.word
        else:
            none = new_seq(evaluation.heap, 0)
            if none == NULL:
                raise_error(evaluation.heap)
            none.flags = F_SORTED
            home = <Word>none | T_OBJ
        n = self.add(seq, n, b"namespaceObject", home)
        # In no order, each name once
        seq.n = n
        return <Word>seq | T_OBJ

    cdef uint32_t add(
        self, SeqNode* seq, uint32_t n, const char* name, Word value
    ) except 0:
        cdef Word key = self.evaluation.known_text(name)
        if key == NONE:
            raise_error(self.evaluation.heap)
        store(&seq.items[2 * n], key)
        store(&seq.items[2 * n + 1], value)
        return n + 1


def receive(
    Evaluation evaluation not None, body, *, bint exact=False, dict routes=None,
    bytes but=None, int64_t steps=0,
):
    """Read a review, and set out with it if `routes` has one for its words.

    None if it is not spelled as an API server spells reviews.  `exact`: numbers keep
    their spelling.  `but`: the user whose reviews take no route.  `steps`: the budget
    of each call.  Raises JsonError, LimitError.
    """
    cdef Arrival out = Arrival.__new__(Arrival)
    cdef Word w = evaluation.read_review(body, READ_OBJECT if exact else READ_REVIEW)
    cdef Frame* frame = &out.frame
    cdef Key key
    cdef Route route
    if not read_frame(w, frame):
        return None
    out.evaluation = evaluation
    out.batch = evaluation.batch
    if routes is None or but is not None and is_named(
        frame.username, PyBytes_AS_STRING(but), PyBytes_GET_SIZE(but)
    ):
        return out
    if make_key(frame, &key):
        out.key = PyBytes_FromStringAndSize(key.data, key.size)
        route = routes.get(out.key)
        if route is not None:
            out.route = route
            if route.roster.count:
                out.set_out(route.roster, route.namespace, steps=steps)
    return out
