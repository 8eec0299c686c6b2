# Values: tagged 64-bit words over nodes in an arena or in a mapped image.
#
# A Word in a register is absolute: low 3 bits the tag, the rest an immediate or
# the address of an 8-aligned node.  A Word in a *slot* (inside a node) is
# relative: immediates as they are, node references as `word - address of the
# slot`, which keeps the tag bits.  So one form serves the arena, the compiled
# image and referential data: an image can be mapped anywhere, at any address,
# in any number of processes, and values in an arena may point into it.
#
# Values are immutable once made, with one exception: an object in an arena may
# be sorted in place on first need (image objects are stored sorted).
#
# Nothing here takes the GIL, allocates outside the arena or recurses without
# a depth budget.  Functions that can fail set `heap.error` and return UNDEFINED.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

ctypedef uint64_t Word

cdef enum Tag:
    T_SPECIAL = 0       # undefined, null, false, true
    T_INT = 1           # 61-bit signed integer, spelled canonically
    T_NUM = 2           # NumNode: any other number
    T_STR = 3           # StrNode
    T_ARR = 4           # SeqNode
    T_OBJ = 5           # SeqNode of key, value pairs
    T_SET = 6           # SeqNode, sorted, without duplicates
    T_AUX = 7           # evaluator's own (builders); never inside a value

cdef enum:
    UNDEFINED = 0
    W_NULL = 8
    W_FALSE = 16
    W_TRUE = 24

cdef enum ErrorKind:
    E_NONE = 0
    E_MEMORY = 1        # the arena's byte limit
    E_DEPTH = 2         # nested deeper than MAX_DEPTH
    E_SYNTAX = 3        # reader: not JSON
    E_TYPE = 4          # eval_type_error of a builtin (collected)
    E_BUILTIN = 5       # eval_builtin_error (collected)
    E_CONFLICT = 6      # eval_conflict_error (stops)
    E_INTERNAL = 7      # eval_internal_error (stops)
    E_CANCEL = 8        # budget or deadline (stops)

cdef enum:
    MAX_DEPTH = 10000   # Go's encoding/json has the same limit
    MESSAGE_SIZE = 1024

cdef enum SeqFlag:
    F_SORTED = 1        # keys in order, no duplicates (always so for sets)

ctypedef struct StrNode:
    uint32_t size       # bytes
    uint32_t hash       # FNV-1a or better of the bytes, never 0
    uint32_t runes      # code points; == size when ASCII
    uint32_t flags
    char data[1]        # UTF-8 (may hold invalid bytes), then NUL

ctypedef struct SeqNode:
    uint32_t n          # items, or pairs
    uint32_t flags      # SeqFlag
    Word items[1]       # slots (relative)

# Any number that is not a canonical 61-bit integer: text as spelled, and the
# canonical form for comparing: 0.d1d2d3... x 10^exp, digits without leading or
# trailing zeros (none: zero).
ctypedef struct NumNode:
    uint32_t size       # bytes of text
    uint32_t digits     # bytes of digits, which follow the text's NUL
    int64_t exp
    int32_t sign        # -1, 0, 1
    uint32_t hash
    char text[1]

ctypedef struct Chunk:
    Chunk* next
    size_t size
    size_t used

# An arena with a byte limit, and the last error of whoever works in it.
ctypedef struct Heap:
    Chunk* chunk        # current; the first one is kept by heap_reset
    size_t used         # bytes handed out by full chunks
    size_t limit
    ErrorKind error
    size_t error_at     # reader: byte offset
    void* joins         # tables of lib_join in the arena, or NULL
    bint quiet          # nobody reads the errors of builtins: they need no words
    bint older          # built-ins are those of OPA 1.17, which Gatekeeper has
    char message[1024]  # MESSAGE_SIZE, NUL-terminated

cdef inline Tag tag(Word w) noexcept nogil:
    return <Tag>(w & 7)

cdef inline void* node(Word w) noexcept nogil:
    return <void*>(w & ~<Word>7)

cdef inline StrNode* str_node(Word w) noexcept nogil:
    return <StrNode*>(w - T_STR)

cdef inline SeqNode* seq_node(Word w) noexcept nogil:
    return <SeqNode*>(w & ~<Word>7)

cdef inline NumNode* num_node(Word w) noexcept nogil:
    return <NumNode*>(w - T_NUM)

cdef inline Word from_int(int64_t i) noexcept nogil:  # |i| < 2^60
    return (<Word>i << 3) | T_INT

cdef inline int64_t as_int(Word w) noexcept nogil:
    return (<int64_t>w) >> 3

cdef inline Word from_bool(bint b) noexcept nogil:
    return W_TRUE if b else W_FALSE

cdef inline Word load(const Word* slot) noexcept nogil:
    cdef Word w = slot[0]
    return w + <Word>slot if (w & 7) >= 2 else w

cdef inline void store(Word* slot, Word w) noexcept nogil:
    slot[0] = w - <Word>slot if (w & 7) >= 2 else w

# Arena ---------------------------------------------------------------------
cdef extern from "fence.h" nogil:
    const size_t FENCE "GW_FENCE"   # bytes behind a node; 0 but in a sanitized build
    void open_bytes "gw_open"(void* p, size_t size)
    void close_bytes "gw_close"(void* p, size_t size)

cdef void heap_init(Heap* heap, size_t limit) noexcept nogil
cdef void heap_reset(Heap* heap) noexcept nogil          # frees all but one chunk
cdef void heap_free(Heap* heap) noexcept nogil
cdef void* heap_grow(Heap* heap, size_t size) noexcept nogil  # slow path
cdef inline void* heap_alloc(Heap* heap, size_t size) noexcept nogil:
    # 8-aligned, not cleared; NULL and E_MEMORY beyond the limit
    cdef Chunk* chunk = heap.chunk
    cdef size_t need = ((size + 7) & ~<size_t>7) + FENCE
    cdef void* out
    if chunk != NULL and need <= chunk.size - chunk.used:
        out = <char*>(chunk + 1) + chunk.used
        chunk.used += need
        open_bytes(out, size)
        return out
    return heap_grow(heap, size)
cdef inline void close_rest(Chunk* chunk) noexcept nogil:
    # What a chunk has not handed out, or has taken back
    close_bytes(<char*>(chunk + 1) + chunk.used, chunk.size - chunk.used)

cdef void fail(Heap* heap, ErrorKind kind, const char* message) noexcept nogil

# Making values ---------------------------------------------------------------
cdef Word new_str(Heap* heap, const char* data, size_t size) noexcept nogil
# T_INT if it can
cdef Word new_number(Heap* heap, const char* text, size_t size) noexcept nogil
cdef Word new_int(Heap* heap, int64_t value) noexcept nogil
cdef SeqNode* new_seq(Heap* heap, uint32_t slots) noexcept nogil      # room for n words


# The value of a sequence whose first n slots are in order, without doubles
cdef inline Word sorted_seq(SeqNode* seq, uint32_t n, Tag t) noexcept nogil:
    seq.n = n
    seq.flags = F_SORTED
    return <Word>seq | t


# Words for a computation, not zeroed; they end with the heap
cdef inline Word* scratch(Heap* heap, size_t words) noexcept nogil:
    return <Word*>heap_alloc(heap, (words + 1) * sizeof(Word))


cdef Word new_array(Heap* heap, const Word* items, uint32_t n) noexcept nogil
# Sorts `items` in place and dedupes
cdef Word new_set(Heap* heap, Word* items, uint32_t n) noexcept nogil
# Likewise; of equal keys the last value wins, and the first spelling stays
cdef Word new_object(Heap* heap, Word* pairs, uint32_t n) noexcept nogil

# Reading values --------------------------------------------------------------
cdef int compare(Word a, Word b) noexcept nogil      # OPA's total order: -1, 0, 1
cdef bint equal(Word a, Word b) noexcept nogil
cdef uint32_t seq_len(Word w) noexcept nogil
cdef void sort_object(Word w) noexcept nogil         # no-op when sorted
cdef Word lookup(Word container, Word key) noexcept nogil   # UNDEFINED when absent
# The same as the release that evaluates has it
cdef Word lookup_as(Heap* heap, Word container, Word key) noexcept nogil
cdef bint has_point(Word w) noexcept nogil      # a number that is written with a point
cdef Word lookup_str(Word obj, const char* key, size_t size) noexcept nogil
cdef inline Word item(Word w, uint32_t i) noexcept nogil:   # array or sorted set
    return load(&seq_node(w).items[i])
cdef inline Word key_at(Word w, uint32_t i) noexcept nogil:  # sorted object
    return load(&seq_node(w).items[2 * i])
cdef inline Word value_at(Word w, uint32_t i) noexcept nogil:
    return load(&seq_node(w).items[2 * i + 1])

# Deep copy into another heap (or an image under construction); keeps spelling
cdef Word copy(Heap* heap, Word w) noexcept nogil

# For the modules that make values from text --------------------------------------
cdef enum:
    STR_HEADER = 16     # bytes before the data of each node
    NUM_HEADER = 24
    SEQ_HEADER = 8

# A number's canonical form: 0.d1d2d3... x 10^exp
ctypedef struct Decimal:
    int sign            # -1, 0, 1
    int64_t exp
    uint32_t n          # digits
    const char* digits  # in `buffer`, or in the node
    char buffer[24]

# Hash of a string: its blocks of 16 bytes (two little-endian words), then the rest
# zero-extended (even if there is none), then the size.  In steps, so that the reader
# hashes as it scans: nearly all strings of a review are one block.
cdef enum:
    HASH_START = 0x6A09E667
cdef inline uint64_t hash_block(uint64_t h, uint64_t a, uint64_t b) noexcept nogil:
    a = (a ^ h) * <uint64_t>0xD6E8FEB86659FD93
    b = (b + h) * <uint64_t>0xA0761D6478BD642F
    return (a ^ (a >> 32)) + (b ^ (b >> 29))
cdef inline uint32_t hash_end(uint64_t h, size_t size) noexcept nogil:
    h = (h ^ <uint64_t>size) * <uint64_t>0x9E3779B97F4A7C15 >> 32
    return <uint32_t>h if h != 0 else 1
cdef uint32_t hash_bytes(const char* data, size_t size) noexcept nogil
cdef StrNode* alloc_str(Heap* heap, size_t size) noexcept nogil  # fill, then seal
cdef Word seal_str(StrNode* out) noexcept nogil      # hash, runes, NUL
cdef Word new_num_node(Heap* heap, const char* text, size_t size) noexcept nogil
cdef void decimal_of(Word w, Decimal* out) noexcept nogil    # T_INT or T_NUM
cdef int compare_numbers(Word a, Word b) noexcept nogil
cdef bint index_of_number(Word w, int64_t* out) noexcept nogil  # as an array index
# `n` units of 1 word (items) or 2 (pairs): stable sort, dedupe; the new n
cdef uint32_t sort_words(Word* items, uint32_t n, uint32_t width) noexcept nogil
