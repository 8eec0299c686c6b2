# Values to text: Go's JSON, Rego's own form, and the terms of plans.

from gatewright._native.value cimport Heap, Word

cdef enum WriteMode:
    WRITE_JSON = 0      # encoding/json without HTML escapes
    WRITE_HTML = 1      # encoding/json as it is by default: < > & escaped
    WRITE_REGO = 2      # [1, "x"]  {1, 2}  set()  {"a": 1}; strings by strconv.Quote
    WRITE_TERM = 3      # JSON with any keys and <sets>: what READ_TERM reads

cdef enum:
    FEW_BYTES = 512     # most texts are shorter, and need no memory of their own

# A growing text, which stays where it is; `failed` once memory or `limit` gave out;
# `odd`: the first number whose spelling JSON does not have (`+1`, `.5`; only Rego and
# `to_number` make them)
ctypedef struct Out:
    char* data
    size_t size
    size_t room
    size_t limit
    bint failed
    Word odd
    char few[512]       # FEW_BYTES

cdef void out_init(Out* out, size_t limit) noexcept nogil
cdef void out_free(Out* out) noexcept nogil
cdef bint out_grow(Out* out, size_t more) noexcept nogil
cdef void put(Out* out, const char* data, size_t size) noexcept nogil
cdef inline void put_char(Out* out, char c) noexcept nogil:
    if out.size < out.room or out_grow(out, 1):
        out.data[out.size] = c
        out.size += 1

# False with `heap.error` set: memory.  The heap also lends room for keys of
# objects that JSON must spell as strings.
cdef bint write_value(Heap* heap, Out* out, Word w, WriteMode mode) noexcept nogil
cdef void write_string(
    Out* out, const char* data, size_t size, WriteMode mode
) noexcept nogil
# Likewise, without the quotes
cdef void write_escaped(
    Out* out, const char* data, size_t size, WriteMode mode
) noexcept nogil
cdef Word to_text(Heap* heap, Word w, WriteMode mode) noexcept nogil  # a T_STR
# Its own text for a string, Rego's form for all else: concat, templates, %v
cdef void write_plain(Heap* heap, Out* out, Word w) noexcept nogil
# What was written as a T_STR; frees `out`
cdef Word out_string(Heap* heap, Out* out) noexcept nogil
