"""The answer to a review, written without making objects of what it says.

As Go's encoding/json writes an AdmissionReview: members in the order of the struct,
`<`, `>` and `&` escaped, one line, a newline at the end.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memcmp, strlen

from gatewright._native.arrival cimport Arrival
from gatewright._native.evaluation cimport O_ERROR, O_VALUE, Call, Evaluation
from gatewright._native.lines cimport write_lines
from gatewright._native.request cimport is_some_text, is_text
from gatewright._native.roster cimport Roster
from gatewright._native.value cimport Word, str_node
from gatewright._native.writer cimport (
    WRITE_HTML, Out, out_free, out_init, put, write_escaped, write_string,
)

cdef enum:
    LIMIT = 1 << 30     # bytes of an answer

cdef const char* VERSION = b"admission.k8s.io/v1"
cdef const char* KIND = b"AdmissionReview"
cdef const char* USUAL = (
    b'{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":"'
)
cdef const char* DENIED = b'","allowed":false,"status":{"metadata":{},"message":"'
cdef const char* FORBIDDEN = b'","reason":"Forbidden","code":403}'
cdef const char* ALLOWED = b'","allowed":true,"status":{"metadata":{},"code":200}'
cdef const char* WARNED = b'","allowed":true,"status":{"metadata":{},"code":299}'


cdef inline void say(Out* out, const char* words) noexcept nogil:
    put(out, words, strlen(words))


cdef inline bint reads(Word w, const char* words) noexcept nogil:
    cdef size_t size = strlen(words)
    return (
        is_text(w)
        and str_node(w).size == size
        and memcmp(str_node(w).data, words, size) == 0
    )


cdef inline void escaped(Out* out, Word w) noexcept nogil:
    write_escaped(out, str_node(w).data, str_node(w).size, WRITE_HTML)


cdef void write_head(Out* out, Word version, Word kind) noexcept nogil:
    # The review's own kind and version come back, whatever they are; if it has neither,
    # the usual ones do
    cdef bint versioned = is_some_text(version)
    cdef bint kinded = is_some_text(kind)
    if (not versioned and not kinded) or (
        reads(version, VERSION) and reads(kind, KIND)
    ):
        say(out, USUAL)
        return
    put(out, "{", 1)
    if kinded:
        say(out, b'"kind":')
        write_string(out, str_node(kind).data, str_node(kind).size, WRITE_HTML)
        put(out, ",", 1)
    if versioned:
        say(out, b'"apiVersion":')
        write_string(out, str_node(version).data, str_node(version).size, WRITE_HTML)
        put(out, ",", 1)
    say(out, b'"response":{"uid":"')


cdef dict failures(Evaluation evaluation, words):
    # By program, what its first call that failed says; None: some call was stopped
    cdef Call* call
    cdef uint32_t i
    cdef dict found = {}
    for i in range(evaluation.call_count):
        call = &evaluation.calls[i]
        if call.outcome == O_VALUE:
            continue
        if call.outcome != O_ERROR:
            return None     # stopped
        if call.program not in found:
            _, code, message, location, _ = evaluation.error_of(call)
            found[call.program] = words(code, message, location)
    return found


cdef bint has_failed(Evaluation evaluation) noexcept:
    cdef uint32_t i
    for i in range(evaluation.call_count):
        if evaluation.calls[i].outcome != O_VALUE:
            return True
    return False


def answer_of(Arrival arrival not None, Roster roster not None, words):
    """The answer to a review whose calls have run: (bytes, allowed, lines).

    `roster` has the calls.  A program that fails does so for all its calls, each of
    which counts as one violation: its message (bytes) is what `words(code, message,
    location)` gives for the first that failed.  `lines` is the number of violations,
    those that nobody is told of included.

    None if some call was stopped, some message is no string, or the violations of some
    call have no lines.
    """
    cdef Out out, denials, warnings
    cdef int64_t n = 0
    cdef bint allowed
    cdef dict failed = None
    if roster.count and roster.spoken and has_failed(arrival.evaluation):
        failed = failures(arrival.evaluation, words)
        if failed is None:
            return None
    out_init(&out, LIMIT)
    out_init(&denials, LIMIT)
    out_init(&warnings, LIMIT)
    try:
        if roster.count:
            n = write_lines(
                arrival.evaluation, roster, failed, &denials, &warnings
            )
            if n < 0:
                return None
        allowed = denials.size == 0
        write_head(&out, arrival.frame.api_version, arrival.frame.kind)
        escaped(&out, arrival.frame.uid)
        if allowed:
            say(&out, WARNED if warnings.size else ALLOWED)
        else:
            say(&out, DENIED)
            put(&out, denials.data, denials.size)
            say(&out, FORBIDDEN)
        if warnings.size:
            say(&out, b',"warnings":[')
            put(&out, warnings.data, warnings.size)
            put(&out, "]", 1)
        say(&out, b"}}\n")
        if out.failed:
            raise MemoryError
        return (PyBytes_FromStringAndSize(out.data, out.size), allowed, n)
    finally:
        out_free(&out)
        out_free(&denials)
        out_free(&warnings)
