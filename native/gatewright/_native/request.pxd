# An AdmissionReview where the reader put it: its frame, without copies.

from gatewright._native.value cimport (
    T_STR, UNDEFINED as NONE, Word, lookup_str, str_node, tag,
)
from gatewright._native.convert cimport to_str
from libc.string cimport strlen

# Words are UNDEFINED for what is not there
ctypedef struct Frame:
    Word api_version        # of the review
    Word kind
    Word request
    Word uid
    Word group              # of what is asked for
    Word version
    Word named
    Word name
    Word namespace
    Word operation
    Word username
    Word dry_run
    Word object
    Word old_object
    Word options

# True for a review spelled as an API server spells it; nothing is sorted
cdef bint read_frame(Word review, Frame* out) noexcept nogil
# A member of an object, the last of its name; UNDEFINED for anything else
cdef Word field(Word obj, const char* name) noexcept nogil

cdef inline bint is_text(Word w) noexcept nogil:
    return tag(w) == T_STR

cdef inline bint is_some_text(Word w) noexcept nogil:
    return tag(w) == T_STR and str_node(w).size != 0

cdef inline str text(Word w):
    return to_str(str_node(w).data, str_node(w).size) if tag(w) == T_STR else ""
