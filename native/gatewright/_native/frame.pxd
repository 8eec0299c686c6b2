# The evaluator's working state: frames, contexts, builders, what went wrong.
#
# All of it lies in the evaluation's arena, save the block of registers and the
# stack of frames, which the evaluation keeps from run to run.  So an evaluation
# can stop before any instruction and go on later, in another thread too.

from cpython.object cimport PyObject
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from gatewright._native.program cimport Function, Program
from gatewright._native.value cimport ErrorKind, Heap, Word

cdef enum:
    MAX_FRAMES = 10000          # calls within calls
    MAX_WINDOW = 1 << 22        # registers of all frames together
    MAX_COLLECTED = 100         # builtin errors kept; all are counted
    MEMO_UNDEFINED = 32         # in place of a value: evaluated to undefined
    MEMO_RUNNING = 40           # being evaluated
    MEMO_CONFLICT = 48          # ended in a conflict, which TRY took
    RECALLED = 64               # results kept of each function with parameters
    MAX_LISTED = 10             # values that a conflict names

cdef enum BuilderKind:
    B_ARRAY = 0
    B_SET = 1
    B_OBJECT = 2

# A collection being made.  `items` are absolute words; in an object builder a
# value may be another builder (tag T_AUX), the rest of a path.
ctypedef struct Builder:
    BuilderKind kind
    uint32_t n                  # items or pairs
    uint32_t room               # items or pairs
    uint32_t mask               # slots of `index` - 1; 0: no index yet
    Word* items
    uint32_t* index             # open addressing: 0 or position + 1

# A path of the data document that `with` replaced
ctypedef struct Override:
    Word path                   # array
    Word value
    Override* next

cdef enum MockKind:
    MOCK_NONE = 0
    MOCK_VALUE = 1
    MOCK_FUNCTION = 2
    MOCK_BUILTIN = 3

ctypedef struct Mock:
    MockKind kind
    int32_t target              # function or builtin
    Word value

# What `with` changes; the first one is the query's own
ctypedef struct Context:
    Context* parent
    Word input
    Word data
    Override* overrides
    Mock* mocks                 # NULL: none; else one per slot
    Word* memo                  # NULL: none yet; else one per function, 0: unknown
    uint64_t serial             # no other context has it

# An error of a builtin: its call is undefined, evaluation goes on
ctypedef struct Collected:
    Collected* next
    ErrorKind kind
    int32_t location
    Word message

# A value that a rule has beside its first one
ctypedef struct Rival:
    Rival* next
    Word value
    int32_t location

# Of a frame that goes on after a conflict, to list it
ctypedef struct Clash:
    Word message
    Word first                  # the first value, and where it is from
    int32_t location
    uint32_t n                  # rivals
    Rival* rivals
    Rival** end
    uint32_t collected_count    # builtin errors before it
    Collected** collected_end

# A result of a function with parameters
ctypedef struct Recall:
    uint64_t context            # serial, 0: empty
    uint64_t owner              # the call that fills it
    Word value                  # or MEMO_UNDEFINED, MEMO_RUNNING
    Word operands[1]

ctypedef struct Frame:
    const Function* function
    uint32_t base               # its window's first register
    int32_t memo                # function whose result to keep, or -1
    Context* entered            # the context it runs in
    Context* leave              # the context to go back to
    const int32_t* ret          # in the caller: where to go on,
    const int32_t* fail         # and where if undefined
    int32_t dest                # register of the caller
    int32_t first               # where the first value is from, or -1
    const int32_t* rescue       # in the caller: where to go on after a conflict
    Clash* clash                # NULL: none so far
    Recall* recall              # where to keep the result, or NULL
    uint64_t owner

# What a builtin gave that need not give the same twice
ctypedef struct Remembered:
    Remembered* next
    Word value                  # UNDEFINED too
    uint32_t builtin
    uint32_t n
    Word operands[1]

cdef enum Status:
    S_DONE = 0
    S_SUSPENDED = 1
    S_FAILED = 2                # heap.error says what kind

# Finds the records of an index that may have a key, as an array in order; undefined
# if there is no such index, or (the heap has the error) no memory
ctypedef Word (*FindFn)(
    void* finder,
    Heap* heap,
    const Program* program,
    int32_t number,
    Word key,
    uint64_t epoch,
) noexcept nogil

cdef enum:
    FOUND_PATHS = 128

# Where a path of the input led: `stamp` says in which call, or in which batch
ctypedef struct Found:
    Word path                   # constant; 0: nothing yet
    Word value                  # UNDEFINED too
    uint64_t stamp

ctypedef struct Vm:
    Heap* heap
    const Program* program
    Context* context
    Context root
    Word* registers
    Frame* frames
    size_t register_room
    uint32_t frame_room
    uint32_t depth              # frames in use
    const int32_t* pc           # of the top frame
    Word result
    int64_t left                # steps of this slice
    Word error_code             # a text of the plan, or 0: by heap.error
    Word error_message          # likewise, or 0: heap.message
    int32_t error_location
    uint32_t collected_count
    Collected* collected
    Collected** collected_end
    Remembered* remembered
    Recall** recalls            # NULL: none yet; else for each function, NULL: none
    uint64_t serials            # contexts and calls so far
    Context* spare_contexts
    Word* spare_memos           # first word: the next one
    FindFn find                 # NULL: no indexes
    void* finder
    uint64_t epoch              # of the base data
    Word steady                 # input of the call, if paths are remembered; or 0
    Word lasting                # key below which inputs of a batch are the same; or 0
    uint64_t stamps             # calls and batches so far
    uint64_t call_stamp
    uint64_t batch_stamp
    Found found[128]            # FOUND_PATHS
    PyObject* owner             # takes exceptions of Python builtins
    PyObject* raised

cdef void vm_init(Vm* vm, Heap* heap) noexcept nogil
cdef void vm_free(Vm* vm) noexcept nogil
# Sets out to evaluate a function without parameters; S_SUSPENDED or S_FAILED
cdef Status vm_start(
    Vm* vm, const Program* program, uint32_t function, Word input, Word data
) noexcept nogil

# Frames: false on failure
cdef bint push_frame(Vm* vm, uint32_t function) noexcept nogil
cdef bint grow_registers(Vm* vm, size_t need) noexcept nogil

# Contexts
cdef bint push_context(Vm* vm) noexcept nogil
cdef void pop_context(Vm* vm) noexcept nogil
cdef bint set_mock(
    Vm* vm, int32_t slot, MockKind kind, int32_t target, Word value
) noexcept nogil
cdef bint set_override(Vm* vm, Word path, Word value) noexcept nogil
cdef Override* find_override(Vm* vm, Word path) noexcept nogil
cdef Word walk_path(Word w, Word path, uint32_t first) noexcept nogil
# `w` with `value` at a path; UNDEFINED on failure
cdef Word put_path(
    Heap* heap, Word w, Word path, uint32_t first, Word value
) noexcept nogil
cdef Word with_key(Heap* heap, Word w, Word key, Word value) noexcept nogil
cdef bint make_memo(Vm* vm) noexcept nogil

# Builders
cdef Word new_builder(Heap* heap, BuilderKind kind) noexcept nogil
cdef bint builder_append(Heap* heap, Builder* builder, Word w) noexcept nogil
cdef bint builder_add(Heap* heap, Builder* builder, Word w) noexcept nogil
cdef bint builder_set(Heap* heap, Builder* builder, Word key, Word value) noexcept nogil
cdef bint builder_put(
    Heap* heap, Builder* builder, const Word* path, int32_t n, Word value, bint member
) noexcept nogil
cdef Word builder_done(Heap* heap, Builder* builder) noexcept nogil

# Errors
cdef void collect_error(Vm* vm, int32_t location) noexcept nogil
cdef void set_failure(
    Vm* vm, ErrorKind kind, const char* message, int32_t location
) noexcept nogil

# Numeric-aware: equal values have equal hashes
cdef uint32_t hash_value(Word w) noexcept nogil
