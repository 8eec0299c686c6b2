"""AdmissionRequests where the reader put them: what matching asks, without copies.

`read_request` takes a review only if it is spelled as an API server spells it, so
that its request is `input.review` as it stands; anything else is left to the reader
in Python, which knows Go's word for every fault.
"""

from libc.stdint cimport uint32_t
from libc.string cimport memcmp, strlen

from gatewright._native.convert cimport to_str
from gatewright._native.document cimport Doc, new_doc
from gatewright._native.value cimport (
    T_ARR,
    T_OBJ,
    T_STR,
    UNDEFINED as NONE,
    W_FALSE,
    W_NULL,
    W_TRUE,
    Word,
    item,
    key_at,
    lookup_str,
    seq_len,
    str_node,
    tag,
    value_at,
)


cdef inline bint is_text(Word w) noexcept nogil:
    return tag(w) == T_STR


cdef inline bint is_some_text(Word w) noexcept nogil:
    return tag(w) == T_STR and str_node(w).size != 0


cdef inline bint named(Word key, const char* name) noexcept nogil:
    cdef size_t size = strlen(name)
    return str_node(key).size == size and memcmp(str_node(key).data, name, size) == 0


cdef inline Word field(Word obj, const char* name) noexcept nogil:
    return lookup_str(obj, name, strlen(name)) if tag(obj) == T_OBJ else <Word>NONE


cdef inline str text(Word w):
    return to_str(str_node(w).data, str_node(w).size) if tag(w) == T_STR else ""


cdef bint is_triple(Word w, const char* third) noexcept nogil:
    # group, version and a third, and nothing else
    return (
        tag(w) == T_OBJ
        and seq_len(w) == 3
        and is_text(field(w, b"group"))
        and is_text(field(w, b"version"))
        and is_text(field(w, third))
    )


cdef bint is_texts(Word w) noexcept nogil:
    cdef uint32_t i
    if tag(w) != T_ARR:
        return False
    for i in range(seq_len(w)):
        if not is_text(item(w, i)):
            return False
    return True


cdef bint is_user(Word w) noexcept nogil:
    # Go leaves out what is blank; so what is there must not be
    cdef Word key, value
    cdef uint32_t i, j
    if tag(w) != T_OBJ:
        return False
    for i in range(seq_len(w)):
        key, value = key_at(w, i), value_at(w, i)
        if named(key, b"username") or named(key, b"uid"):
            if not is_some_text(value):
                return False
        elif named(key, b"groups"):
            if not is_texts(value) or seq_len(value) == 0:
                return False
        elif named(key, b"extra"):
            if tag(value) != T_OBJ or seq_len(value) == 0:
                return False
            for j in range(seq_len(value)):
                if value_at(value, j) != W_NULL and not is_texts(value_at(value, j)):
                    return False
        else:
            return False
    return True


cdef bint is_request(Word w) noexcept nogil:
    cdef Word key, value
    cdef uint32_t i, needed = 0
    if tag(w) != T_OBJ:
        return False
    for i in range(seq_len(w)):
        key, value = key_at(w, i), value_at(w, i)
        if named(key, b"uid") or named(key, b"operation"):
            if not is_text(value):
                return False
            needed += 1
        elif named(key, b"kind"):
            if not is_triple(value, b"kind"):
                return False
            needed += 1
        elif named(key, b"resource"):
            if not is_triple(value, b"resource"):
                return False
            needed += 1
        elif named(key, b"userInfo"):
            if not is_user(value):
                return False
            needed += 1
        elif named(key, b"requestKind"):
            if not is_triple(value, b"kind"):
                return False
        elif named(key, b"requestResource"):
            if not is_triple(value, b"resource"):
                return False
        elif (
            named(key, b"name")
            or named(key, b"namespace")
            or named(key, b"subResource")
            or named(key, b"requestSubResource")
        ):
            if not is_some_text(value):
                return False
        elif named(key, b"dryRun"):
            if value != W_TRUE and value != W_FALSE:
                return False
        elif not (
            named(key, b"object") or named(key, b"oldObject") or named(key, b"options")
        ):
            return False
    return needed == 5


cdef inline object document(Doc doc, Word w):
    # None for null and for what is not there
    return None if w == NONE or w == W_NULL else new_doc(doc.owner, w)


def read_request(Doc review not None):
    """What an ordinary review says, or None if it is not ordinary.

    A tuple: apiVersion and kind of the review; the request; its uid, group, version,
    kind, name, namespace, operation, username, whether it is a dry run; its object
    and old object (None when null); whether object, oldObject and options are all
    there.
    """
    cdef Word w = review.word
    cdef Word request = field(w, b"request")
    cdef Word api_version = field(w, b"apiVersion")
    cdef Word kind = field(w, b"kind")
    cdef Word named_kind, obj, old
    if (
        not is_request(request)
        or field(w, b"response") != NONE
        or not (api_version == NONE or is_text(api_version))
        or not (kind == NONE or is_text(kind))
    ):
        return None
    named_kind = field(request, b"kind")
    obj, old = field(request, b"object"), field(request, b"oldObject")
    return (
        text(api_version),
        text(kind),
        new_doc(review.owner, request),
        text(field(request, b"uid")),
        text(field(named_kind, b"group")),
        text(field(named_kind, b"version")),
        text(field(named_kind, b"kind")),
        text(field(request, b"name")),
        text(field(request, b"namespace")),
        text(field(request, b"operation")),
        text(field(field(request, b"userInfo"), b"username")),
        field(request, b"dryRun") == W_TRUE,
        document(review, obj),
        document(review, old),
        obj != NONE and old != NONE and field(request, b"options") != NONE,
    )


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
