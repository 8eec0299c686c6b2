# Evaluations: what runs the programs of an image, again and again.

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from gatewright._native.catalog cimport View
from gatewright._native.document cimport Arena, Doc
from gatewright._native.frame cimport Vm
from gatewright._native.host cimport Host
from gatewright._native.image cimport Image
from gatewright._native.index cimport IndexSet
from gatewright._native.reader cimport ReadMode
from gatewright._native.roster cimport Entry
from gatewright._native.value cimport Chunk, ErrorKind, Heap, Word

# How a call ended
cdef enum Outcome:
    O_WAITING = 0
    O_VALUE = 1             # result: a value, or undefined
    O_ERROR = 2
    O_STEPS = 3             # over its budget of steps
    O_MEMORY = 4            # over the memory limit
    O_CANCELLED = 5

# One call of a batch
ctypedef struct Call:
    uint32_t program
    uint32_t function
    Word input              # UNDEFINED: {"parameters": .., "review": ..} as it starts
    uint32_t parameters     # document
    Outcome outcome
    int64_t left            # steps that it may still take
    int64_t ns              # that it took while the evaluation was timed
    Word result
    ErrorKind kind
    Word code               # text, or 0: by kind
    Word message            # text
    int32_t location
    uint32_t collected_count
    Word collected          # array of [kind, message, location]; or 0

# A state of the heap to go back to
ctypedef struct Mark:
    Chunk* chunk
    size_t chunk_used
    size_t used

cdef class Batch:
    cdef Image image
    cdef Arena arena
    cdef list kept              # documents of others that it uses

cdef class Evaluation(Host):
    cdef Batch batch
    cdef Heap* heap             # the batch's
    cdef size_t limit
    cdef Vm vm
    cdef Call* calls
    cdef uint32_t call_room
    cdef uint32_t call_count
    cdef uint32_t at            # the call that runs or comes next
    cdef bint running           # it has begun
    cdef bint extracting        # results are sets of violations
    cdef bint older             # built-ins are those of OPA 1.17
    cdef bint quiet             # errors of builtins are not read
    cdef bint wordless          # and then have no words
    cdef bint paths             # paths of the input are remembered
    cdef public bint timed      # the time of each call is counted
    cdef int64_t budget         # of each call of `begin_reviews`, in steps
    cdef Mark mark              # before the call that runs
    cdef Word review_word
    cdef Word data_word
    cdef Word key_parameters    # the keys of the input of reviews
    cdef Word key_review
    cdef View view              # of the base data; None: the image's
    cdef IndexSet indexes       # of the view's catalog, for the image; or None
    cdef volatile int32_t cancelled
    cdef int new_batch(self) except -1
    cdef int keep(self, Doc doc) except -1
    cdef int begin_one(
        self, uint32_t program, uint32_t function, Word input, int64_t steps
    ) except -1
    cdef int stopped(self) except -1
    cdef int clear(self) except -1
    cdef Word read_review(self, body, ReadMode mode) except 0
    cdef int begin_batch(self, int64_t steps) except -1
    cdef int begin_roster(
        self, const Entry* entries, uint32_t count, int64_t steps
    ) except -1
    cdef int add_review(self, uint32_t program, uint32_t parameters) except -1
    cdef void forget_review(self) noexcept
    cdef Call* add(self, uint32_t program, uint32_t function, int64_t steps) except NULL
    cdef Word known_text(self, const char* text) noexcept
    cdef void mark_here(self) noexcept nogil
    cdef object location_of(self, const Call* call, int64_t location)
    cdef object error_of(self, const Call* call)
    cdef void next_call(self) noexcept nogil
    cdef void end_call(self, Outcome outcome) noexcept nogil
    cdef bint work(self, int64_t steps, int64_t deadline) noexcept nogil
