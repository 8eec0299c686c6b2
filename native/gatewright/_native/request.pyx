"""AdmissionRequests where the reader put them: what matching asks, without copies.

`read_frame` takes a review only if it is spelled as an API server spells it, each
member once, so that its request is `input.review` as it stands; anything else is left
to the reader in Python, which knows Go's word for every fault.
"""

from libc.stdint cimport uint32_t
from libc.string cimport memcmp, memset, strlen

from gatewright._native.document cimport Doc
from gatewright._native.value cimport (
    T_ARR,
    T_OBJ,
    UNDEFINED as NONE,
    SeqNode,
    W_FALSE,
    W_NULL,
    W_TRUE,
    Word,
    item,
    key_at,
    load,
    lookup_str,
    seq_len,
    seq_node,
    str_node,
    tag,
    value_at,
)


cdef inline bint named(Word key, const char* name) noexcept nogil:
    cdef size_t size = strlen(name)
    return str_node(key).size == size and memcmp(str_node(key).data, name, size) == 0


cdef Word field(Word obj, const char* name) noexcept nogil:
    return lookup_str(obj, name, strlen(name)) if tag(obj) == T_OBJ else <Word>NONE


# The frame -------------------------------------------------------------------
#
# Objects are as the reader left them: in no order, and a name may come twice, of which
# the last counts.  Who sorts them to find out pays 1.5 us; here a name that comes twice
# is unusual, like one that is not known.

cdef inline bint put_once(Word* slot, Word w) noexcept nogil:
    if slot[0] != NONE:
        return False
    slot[0] = w
    return True


cdef bint read_triple(
    Word w, const char* third, Word* group, Word* version, Word* name
) noexcept nogil:
    # group, version and a third, and nothing else
    cdef SeqNode* seq
    cdef Word key, value
    cdef uint32_t i
    group[0] = version[0] = name[0] = NONE
    if tag(w) != T_OBJ:
        return False
    seq = seq_node(w)
    if seq.n != 3:
        return False
    for i in range(3):
        key, value = load(&seq.items[2 * i]), load(&seq.items[2 * i + 1])
        if not is_text(value):
            return False
        if named(key, third):
            if not put_once(name, value):
                return False
        elif named(key, b"group"):
            if not put_once(group, value):
                return False
        elif not named(key, b"version") or not put_once(version, value):
            return False
    return True


cdef bint is_triple(Word w, const char* third) noexcept nogil:
    cdef Word group, version, name
    return read_triple(w, third, &group, &version, &name)


cdef bint is_texts(Word w) noexcept nogil:
    cdef uint32_t i
    if tag(w) != T_ARR:
        return False
    for i in range(seq_node(w).n):
        if not is_text(item(w, i)):
            return False
    return True


cdef bint read_user(Word w, Word* username) noexcept nogil:
    # Go leaves out what is blank; so what is there must not be
    cdef SeqNode* seq
    cdef Word key, value
    cdef Word uid = NONE, groups = NONE, extra = NONE
    cdef uint32_t i, j
    username[0] = NONE
    if tag(w) != T_OBJ:
        return False
    seq = seq_node(w)
    for i in range(seq.n):
        key, value = load(&seq.items[2 * i]), load(&seq.items[2 * i + 1])
        if named(key, b"username"):
            if not is_some_text(value) or not put_once(username, value):
                return False
        elif named(key, b"uid"):
            if not is_some_text(value) or not put_once(&uid, value):
                return False
        elif named(key, b"groups"):
            if not is_texts(value) or seq_node(value).n == 0:
                return False
            if not put_once(&groups, value):
                return False
        elif named(key, b"extra"):
            if tag(value) != T_OBJ or not put_once(&extra, value):
                return False
            if seq_len(value) == 0:
                return False
            for j in range(seq_len(value)):
                if value_at(value, j) != W_NULL and not is_texts(value_at(value, j)):
                    return False
        else:
            return False
    return True


cdef bint read_member(Word key, Word value, Frame* out, uint32_t* seen) noexcept nogil:
    # One member of the request; `seen` has a bit for each that `out` has no place for
    cdef uint32_t bit = 0
    cdef size_t size = str_node(key).size
    if size < 7:
        if named(key, b"uid"):
            return is_text(value) and put_once(&out.uid, value)
        if named(key, b"kind"):
            bit = 1
            if not read_triple(value, b"kind", &out.group, &out.version, &out.named):
                return False
        elif named(key, b"name"):
            return is_some_text(value) and put_once(&out.name, value)
        elif named(key, b"object"):
            return put_once(&out.object, value)
        elif named(key, b"dryRun"):
            return (
                value == W_TRUE or value == W_FALSE
            ) and put_once(&out.dry_run, value)
        else:
            return False
    elif size < 10:
        if named(key, b"operation"):
            return is_text(value) and put_once(&out.operation, value)
        if named(key, b"namespace"):
            return is_some_text(value) and put_once(&out.namespace, value)
        if named(key, b"oldObject"):
            return put_once(&out.old_object, value)
        if named(key, b"options"):
            return put_once(&out.options, value)
        if named(key, b"userInfo"):
            bit = 2
            if not read_user(value, &out.username):
                return False
        elif named(key, b"resource"):
            bit = 4
            if not is_triple(value, b"resource"):
                return False
        else:
            return False
    elif named(key, b"requestKind"):
        bit = 8
        if not is_triple(value, b"kind"):
            return False
    elif named(key, b"requestResource"):
        bit = 16
        if not is_triple(value, b"resource"):
            return False
    elif named(key, b"subResource"):
        bit = 32
        if not is_some_text(value):
            return False
    elif named(key, b"requestSubResource"):
        bit = 64
        if not is_some_text(value):
            return False
    else:
        return False
    if seen[0] & bit:
        return False
    seen[0] |= bit
    return True


cdef bint read_frame(Word review, Frame* out) noexcept nogil:
    cdef SeqNode* seq
    cdef Word key, value
    cdef uint32_t i, seen = 0
    memset(out, 0, sizeof(Frame))       # UNDEFINED, all of them
    if tag(review) != T_OBJ:
        return False
    seq = seq_node(review)
    for i in range(seq.n):
        key, value = load(&seq.items[2 * i]), load(&seq.items[2 * i + 1])
        if named(key, b"request"):
            if not put_once(&out.request, value):
                return False
        elif named(key, b"kind"):
            if not is_text(value) or not put_once(&out.kind, value):
                return False
        elif not named(key, b"apiVersion"):
            return False
        elif not is_text(value) or not put_once(&out.api_version, value):
            return False
    if tag(out.request) != T_OBJ or slashes(out.api_version) > 1:
        return False
    seq = seq_node(out.request)
    for i in range(seq.n):
        if not read_member(
            load(&seq.items[2 * i]), load(&seq.items[2 * i + 1]), out, &seen
        ):
            return False
    return out.uid != NONE and out.operation != NONE and seen & 7 == 7


cdef uint32_t slashes(Word w) noexcept nogil:
    cdef uint32_t i, n = 0
    if tag(w) == T_STR:
        for i in range(str_node(w).size):
            n += str_node(w).data[i] == c'/'
    return n


# Facts -----------------------------------------------------------------------

cdef inline object text_or_not(Word w):
    if w == NONE or w == W_NULL:
        return None
    return text(w) if is_text(w) else False


def read_facts(Doc obj not None):
    """Kind, apiVersion, name, generateName, namespace and labels of an object.

    kind and apiVersion are None if null or not there, False if they are no text; the
    others are blank then.  Labels of which one is no text are none at all; null
    stands for a blank.
    """
    cdef Word w = obj.word
    cdef Word metadata = field(w, b"metadata")
    cdef Word labels = field(metadata, b"labels")
    cdef Word kind = field(w, b"kind")
    cdef Word api_version = field(w, b"apiVersion")
    cdef Word value
    cdef uint32_t i
    cdef dict found = {}
    if tag(labels) == T_OBJ:
        for i in range(seq_len(labels)):
            value = value_at(labels, i)
            if value != W_NULL and not is_text(value):
                found = {}
                break
            found[text(key_at(labels, i))] = text(value)
    return (
        text_or_not(kind),
        text_or_not(api_version),
        text(field(metadata, b"name")),
        text(field(metadata, b"generateName")),
        text(field(metadata, b"namespace")),
        found,
    )
