# cython: cdivision=True
"""Values: arena, strings, numbers, sequences; order, lookup, sorting, copying.

value.pxd has the layout.  Sequences are walked with explicit stacks, since a
review may nest 10,000 deep and may be read in a thread with a small stack.

This file is long because comparing, sorting and looking up call each other for every
item, and only within a module can the C compiler join them.
"""

from libc.stdint cimport UINT32_MAX, int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memchr, memcmp, memcpy, strlen

from gatewright._native.stack cimport widened
from gatewright._native.utf8 cimport count_runes
from gatewright._native.work cimport Account, account, afford

cdef enum:
    FIRST_CHUNK = 64 * 1024
    KEEP_CHUNK = 1024 * 1024    # heap_reset keeps no larger one
    SMALL = 16                  # pairs: up to here a scan beats sorting and bisection
    LONG = 4096                 # bytes: texts from here on are work to compare
    SHALLOW = 32                # frames of a walk that lie on the C stack


# Arena -----------------------------------------------------------------------

cdef void heap_init(Heap* heap, size_t limit) noexcept nogil:
    heap.chunk = NULL
    heap.used = 0
    heap.limit = limit
    heap.joins = NULL
    heap.quiet = False
    heap.older = False
    heap.error = E_NONE
    heap.error_at = 0
    heap.message[0] = 0


cdef void heap_reset(Heap* heap) noexcept nogil:
    # Keeps the largest chunk that is not huge: the next evaluation will be alike.
    cdef Chunk* chunk = heap.chunk
    cdef Chunk* kept = NULL
    cdef Chunk* following
    while chunk != NULL:
        following = chunk.next
        if chunk.size <= KEEP_CHUNK and (kept == NULL or chunk.size > kept.size):
            free(kept)
            kept = chunk
        else:
            free(chunk)
        chunk = following
    heap.chunk = kept
    if kept != NULL:
        kept.next = NULL
        kept.used = 0
        close_rest(kept)
    heap.used = 0
    heap.joins = NULL
    heap.error = E_NONE
    heap.error_at = 0
    heap.message[0] = 0


cdef void heap_free(Heap* heap) noexcept nogil:
    cdef Chunk* chunk = heap.chunk
    cdef Chunk* following
    while chunk != NULL:
        following = chunk.next
        free(chunk)
        chunk = following
    heap.chunk = NULL
    heap.joins = NULL
    heap.used = 0


cdef void* heap_grow(Heap* heap, size_t size) noexcept nogil:
    cdef Chunk* chunk = heap.chunk
    cdef size_t taken = heap.used
    cdef size_t want = FIRST_CHUNK
    cdef size_t asked = size
    if chunk != NULL:
        taken += chunk.size
        want = 2 * chunk.size
        if want > KEEP_CHUNK:
            want = KEEP_CHUNK
    size = ((size + 7) & ~<size_t>7) + FENCE
    if taken > heap.limit or size > heap.limit - taken:
        fail(heap, E_MEMORY, "memory limit exceeded")
        return NULL
    if want > heap.limit - taken:
        want = heap.limit - taken & ~<size_t>7
    if want < size:
        want = size
    chunk = <Chunk*>malloc(sizeof(Chunk) + want)
    if chunk == NULL:
        fail(heap, E_MEMORY, "out of memory")
        return NULL
    chunk.next = heap.chunk
    chunk.size = want
    chunk.used = size
    if heap.chunk != NULL:
        heap.used = taken
    heap.chunk = chunk
    close_rest(chunk)
    open_bytes(chunk + 1, asked)
    return chunk + 1


cdef void fail(Heap* heap, ErrorKind kind, const char* message) noexcept nogil:
    cdef size_t size = strlen(message)
    if size >= MESSAGE_SIZE:
        size = MESSAGE_SIZE - 1
    heap.error = kind
    memcpy(heap.message, message, size)
    heap.message[size] = 0


# Strings ---------------------------------------------------------------------

cdef uint32_t hash_bytes(const char* data, size_t size) noexcept nogil:
    cdef uint64_t h = HASH_START
    cdef uint64_t words[2]
    cdef size_t left = size
    while left >= 16:
        memcpy(words, data, 16)
        h = hash_block(h, words[0], words[1])
        data += 16
        left -= 16
    words[0] = words[1] = 0
    if left:
        memcpy(words, data, left)
    return hash_end(hash_block(h, words[0], words[1]), size)


cdef StrNode* alloc_str(Heap* heap, size_t size) noexcept nogil:
    # The caller fills `data` and calls seal_str
    cdef StrNode* out
    if size >= UINT32_MAX - 64:
        fail(heap, E_MEMORY, "string too long")
        return NULL
    out = <StrNode*>heap_alloc(heap, STR_HEADER + size + 1)
    if out == NULL:
        return NULL
    out.size = <uint32_t>size
    return out


cdef Word seal_str(StrNode* out) noexcept nogil:
    out.data[out.size] = 0
    out.hash = hash_bytes(out.data, out.size)
    out.runes = <uint32_t>count_runes(out.data, out.size)
    out.flags = 0
    return <Word>out | T_STR


cdef Word new_str(Heap* heap, const char* data, size_t size) noexcept nogil:
    cdef StrNode* out = alloc_str(heap, size)
    if out == NULL:
        return UNDEFINED
    if size:
        memcpy(out.data, data, size)
    return seal_str(out)


cdef inline int compare_str(Word a, Word b) noexcept nogil:
    cdef StrNode* x = str_node(a)
    cdef StrNode* y = str_node(b)
    cdef uint32_t size = x.size if x.size < y.size else y.size
    cdef int order
    if size >= LONG and not afford(size >> 6):
        return -1
    order = memcmp(x.data, y.data, size)
    if order:
        return -1 if order < 0 else 1
    return (x.size > y.size) - (x.size < y.size)


cdef inline bint equal_str(Word a, Word b) noexcept nogil:
    cdef StrNode* x = str_node(a)
    cdef StrNode* y = str_node(b)
    return (
        x.hash == y.hash
        and x.size == y.size
        and (x.size < LONG or afford(x.size >> 6))
        and memcmp(x.data, y.data, x.size) == 0
    )


# Numbers ---------------------------------------------------------------------

cdef Word new_int(Heap* heap, int64_t value) noexcept nogil:
    cdef char text[24]
    cdef char* p = text + 24
    cdef uint64_t rest
    if -(<int64_t>1 << 60) < value < <int64_t>1 << 60:
        return from_int(value)
    rest = <uint64_t>value if value > 0 else 0 - <uint64_t>value
    while rest:
        p -= 1
        p[0] = <char>(c'0' + <int>(rest % 10))
        rest //= 10
    if value < 0:
        p -= 1
        p[0] = c'-'
    return new_number(heap, p, text + 24 - p)


cdef Word new_number(Heap* heap, const char* text, size_t size) noexcept nogil:
    cdef size_t at = 0, digits
    cdef bint minus = size > 0 and text[0] == c'-'
    cdef int64_t value = 0
    cdef size_t first = 1 if minus else 0
    digits = size - first
    if 0 < digits <= 18 and (text[first] != c'0' or (digits == 1 and not minus)):
        for at in range(first, size):
            if not (c'0' <= text[at] <= c'9'):
                break
            value = value * 10 + (text[at] - c'0')
        else:
            return from_int(-value if minus else value)
    return new_num_node(heap, text, size)


cdef Word new_num_node(Heap* heap, const char* text, size_t size) noexcept nogil:
    cdef NumNode* out
    cdef char* digits
    cdef size_t at = 0, n = 0
    cdef int64_t exp = 0, power = 0
    cdef bint minus = False, point = False, down = False
    cdef char c
    if size >= UINT32_MAX // 2 - 64:
        fail(heap, E_MEMORY, "number too long")
        return UNDEFINED
    out = <NumNode*>heap_alloc(heap, NUM_HEADER + 2 * size + 1)
    if out == NULL:
        return UNDEFINED
    memcpy(out.text, text, size)
    out.text[size] = 0
    out.size = <uint32_t>size
    digits = out.text + size + 1
    if at < size and (text[at] == c'-' or text[at] == c'+'):
        minus = text[at] == c'-'
        at += 1
    while at < size:
        c = text[at]
        if c == c'.':
            point = True
        elif c == c'e' or c == c'E':
            break
        elif c != c'_':         # to_number takes Go's digit separators
            if n or c != c'0':
                digits[n] = c
                n += 1
                if not point:
                    exp += 1
            elif point:
                exp -= 1
        at += 1
    if at < size:
        at += 1
        if at < size and (text[at] == c'-' or text[at] == c'+'):
            down = text[at] == c'-'
            at += 1
        while at < size:
            if power < <int64_t>1 << 56 and text[at] != c'_':
                power = power * 10 + (text[at] - c'0')
            at += 1
        exp += -power if down else power
    while n and digits[n - 1] == c'0':
        n -= 1
    out.digits = <uint32_t>n
    if n == 0:
        out.exp = 0
        out.sign = 0
    else:
        out.exp = exp
        out.sign = -1 if minus else 1
    out.hash = hash_bytes(digits, n) ^ <uint32_t>out.exp
    return <Word>out | T_NUM


cdef void decimal_of(Word w, Decimal* out) noexcept nogil:
    cdef NumNode* num
    cdef char* p = out.buffer + 24
    cdef int64_t value
    cdef uint64_t rest
    if tag(w) == T_NUM:
        num = num_node(w)
        out.sign = num.sign
        out.exp = num.exp
        out.n = num.digits
        out.digits = num.text + num.size + 1
        return
    value = as_int(w)
    out.sign = (value > 0) - (value < 0)
    rest = <uint64_t>value if value > 0 else 0 - <uint64_t>value
    while rest:
        p -= 1
        p[0] = <char>(c'0' + <int>(rest % 10))
        rest //= 10
    out.digits = p
    out.exp = out.buffer + 24 - p
    out.n = <uint32_t>out.exp
    while out.n and p[out.n - 1] == c'0':
        out.n -= 1


cdef int compare_numbers(Word a, Word b) noexcept nogil:
    cdef Decimal x
    cdef Decimal y
    cdef int order
    cdef int64_t i, j
    if tag(a) == T_INT and tag(b) == T_INT:
        i = as_int(a)
        j = as_int(b)
        return (i > j) - (i < j)
    if a == b:
        return 0
    decimal_of(a, &x)
    decimal_of(b, &y)
    if x.sign != y.sign:
        return -1 if x.sign < y.sign else 1
    if x.sign == 0:
        return 0
    if x.exp != y.exp:
        order = -1 if x.exp < y.exp else 1
    else:
        order = memcmp(x.digits, y.digits, x.n if x.n < y.n else y.n)
        if order == 0:
            order = (x.n > y.n) - (x.n < y.n)
        else:
            order = -1 if order < 0 else 1
    return order * x.sign


cdef bint index_of_number(Word w, int64_t* out) noexcept nogil:
    # OPA takes 1.0 and -0 as an int, but no spelling with an exponent, with separators,
    # or of more than 19 characters (util.Atoi64).
    cdef NumNode* num
    cdef uint32_t i
    cdef uint64_t value = 0
    if tag(w) == T_INT:
        out[0] = as_int(w)
        return True
    num = num_node(w)
    if num.exp > 19 or (num.sign and num.exp < <int64_t>num.digits):
        return False
    for i in range(num.size):
        if num.text[i] == c'e' or num.text[i] == c'E' or num.text[i] == c'_':
            return False
    if num.size - (num.text[0] == c'-' or num.text[0] == c'+') > 19:
        return False
    for i in range(<uint32_t>num.exp):
        value *= 10
        if i < num.digits:
            value += num.text[num.size + 1 + i] - c'0'
    if value > <uint64_t>0x7FFFFFFFFFFFFFFF + (num.sign < 0):
        return False
    out[0] = <int64_t>(0 - value if num.sign < 0 else value)
    return True


# Sequences -------------------------------------------------------------------

cdef SeqNode* new_seq(Heap* heap, uint32_t slots) noexcept nogil:
    # n is set to `slots`, flags to 0
    cdef SeqNode* out = <SeqNode*>heap_alloc(
        heap, SEQ_HEADER + <size_t>slots * sizeof(Word)
    )
    if out != NULL:
        out.n = slots
        out.flags = 0
    return out


cdef Word new_array(Heap* heap, const Word* items, uint32_t n) noexcept nogil:
    cdef SeqNode* out = new_seq(heap, n)
    cdef uint32_t i
    if out == NULL:
        return UNDEFINED
    for i in range(n):
        store(&out.items[i], items[i])
    return <Word>out | T_ARR


cdef Word new_set(Heap* heap, Word* items, uint32_t n) noexcept nogil:
    cdef SeqNode* out
    cdef uint32_t i
    n = sort_words(items, n, 1)
    out = new_seq(heap, n)
    if out == NULL:
        return UNDEFINED
    for i in range(n):
        store(&out.items[i], items[i])
    out.flags = F_SORTED
    return <Word>out | T_SET


cdef Word new_object(Heap* heap, Word* pairs, uint32_t n) noexcept nogil:
    cdef SeqNode* out
    cdef uint32_t i
    n = sort_words(pairs, n, 2)
    out = new_seq(heap, 2 * n)
    if out == NULL:
        return UNDEFINED
    for i in range(2 * n):
        store(&out.items[i], pairs[i])
    out.n = n
    out.flags = F_SORTED
    return <Word>out | T_OBJ


cdef uint32_t sort_words(Word* items, uint32_t n, uint32_t width) noexcept nogil:
    # Stable merge sort of `n` units of 1 word (items) or 2 (pairs) by the first,
    # then dedupes; returns the new n.  Input in order costs n - 1 comparisons.
    cdef uint32_t i, j, k, w, middle, end, kept
    cdef int order
    cdef bint strict = True
    cdef Word small[128]
    cdef Word* spare = small
    cdef Word* source
    cdef Word* target
    cdef Word key, value = 0
    if n < 2:
        return n
    i = 1
    while i < n:
        order = compare(items[(i - 1) * width], items[i * width])
        if order > 0:
            break
        if order == 0:
            strict = False
        i += 1
    if i == n and strict:
        return n
    if i < n:
        if n * <size_t>width > 128:
            spare = <Word*>malloc(<size_t>n * width * sizeof(Word))
        if n <= 12 or spare == NULL:
            # Insertion from the first unit out of order; also what is left to do
            # when there is no memory for a merge.
            while i < n:
                key = items[i * width]
                if width == 2:
                    value = items[i * 2 + 1]
                j = i
                while j > 0 and compare(items[(j - 1) * width], key) > 0:
                    items[j * width] = items[(j - 1) * width]
                    if width == 2:
                        items[j * 2 + 1] = items[(j - 1) * 2 + 1]
                    j -= 1
                items[j * width] = key
                if width == 2:
                    items[j * 2 + 1] = value
                i += 1
        else:
            source = items
            target = spare
            w = 1
            while w < n:
                i = 0
                while i < n:
                    middle = i + w if n - i > w else n
                    end = middle + w if n - middle > w else n
                    j = i
                    k = middle
                    while i < end:
                        if j < middle and (
                            k >= end
                            or compare(source[j * width], source[k * width]) <= 0
                        ):
                            target[i * width] = source[j * width]
                            if width == 2:
                                target[i * 2 + 1] = source[j * 2 + 1]
                            j += 1
                        else:
                            target[i * width] = source[k * width]
                            if width == 2:
                                target[i * 2 + 1] = source[k * 2 + 1]
                            k += 1
                        i += 1
                source, target = target, source
                w = 2 * w if w < n // 2 + 1 else n
            if source != items:
                memcpy(items, source, <size_t>n * width * sizeof(Word))
        if spare != small:
            free(spare)
    kept = 0
    for i in range(1, n):
        if compare(items[kept * width], items[i * width]) == 0:
            if width == 2:
                items[kept * 2 + 1] = items[i * 2 + 1]
        else:
            kept += 1
            if kept != i:
                items[kept * width] = items[i * width]
                if width == 2:
                    items[kept * 2 + 1] = items[i * 2 + 1]
    return kept + 1


cdef void sort_object(Word w) noexcept nogil:
    cdef SeqNode* seq = seq_node(w)
    cdef Word small[2 * 64]
    cdef Word* pairs = small
    cdef uint32_t i, n
    if seq.flags & F_SORTED:
        return
    n = seq.n
    if n > 64:
        pairs = <Word*>malloc(<size_t>n * 2 * sizeof(Word))
        if pairs == NULL:
            sort_in_place(seq)
            return
    for i in range(2 * n):
        pairs[i] = load(&seq.items[i])
    n = sort_words(pairs, n, 2)
    for i in range(2 * n):
        store(&seq.items[i], pairs[i])
    seq.n = n
    seq.flags |= F_SORTED
    if pairs != small:
        free(pairs)


cdef void sort_in_place(SeqNode* seq) noexcept nogil:
    # Without any memory to spare: slow, but a value must never look unsorted.
    cdef uint32_t i, j, kept
    cdef Word key, value
    for i in range(1, seq.n):
        key = load(&seq.items[2 * i])
        value = load(&seq.items[2 * i + 1])
        j = i
        while j > 0 and compare(load(&seq.items[2 * (j - 1)]), key) > 0:
            store(&seq.items[2 * j], load(&seq.items[2 * (j - 1)]))
            store(&seq.items[2 * j + 1], load(&seq.items[2 * (j - 1) + 1]))
            j -= 1
        store(&seq.items[2 * j], key)
        store(&seq.items[2 * j + 1], value)
    kept = 0
    for i in range(1, seq.n):
        key = load(&seq.items[2 * i])
        value = load(&seq.items[2 * i + 1])
        if compare(load(&seq.items[2 * kept]), key) != 0:
            kept += 1
            store(&seq.items[2 * kept], key)
        store(&seq.items[2 * kept + 1], value)
    seq.n = kept + 1
    seq.flags |= F_SORTED


cdef uint32_t seq_len(Word w) noexcept nogil:
    if tag(w) == T_OBJ:
        sort_object(w)      # may drop duplicate keys
    return seq_node(w).n


# Order -----------------------------------------------------------------------

cdef inline int rank(Word w) noexcept nogil:
    # null, boolean, number, string, array, object, set
    cdef int t = <int>tag(w)
    if t >= T_STR:
        return t
    if t != T_SPECIAL:
        return T_INT
    if w == W_NULL:
        return -1
    return 0 if w != UNDEFINED else -2


ctypedef struct Frame:
    SeqNode* a
    SeqNode* b
    uint32_t at         # next slot
    uint32_t end        # slots to compare
    int32_t tail        # the order when all those are equal
    int32_t pad


cdef inline void open_frame(Frame* frame, Word a, Word b) noexcept nogil:
    cdef uint32_t n
    frame.a = seq_node(a)
    frame.b = seq_node(b)
    if tag(a) == T_OBJ:
        sort_object(a)
        sort_object(b)
    n = frame.a.n if frame.a.n < frame.b.n else frame.b.n
    frame.at = 0
    frame.end = 2 * n if tag(a) == T_OBJ else n
    frame.tail = (frame.a.n > frame.b.n) - (frame.a.n < frame.b.n)


cdef inline int compare_leaves(Word a, Word b, bint* nested) noexcept nogil:
    cdef int ra, rb
    if a == b:
        return 0
    if tag(a) == T_STR and tag(b) == T_STR:
        return compare_str(a, b)
    ra = rank(a)
    rb = rank(b)
    if ra != rb:
        return -1 if ra < rb else 1
    if ra == T_INT:
        return compare_numbers(a, b)
    if ra >= T_ARR:
        nested[0] = True
        return 0
    return (a > b) - (a < b)    # false, true


cdef int compare(Word a, Word b) noexcept nogil:
    cdef bint nested = False
    cdef int order = compare_leaves(a, b, &nested)
    if not nested:
        return order
    return compare_nested(a, b)


cdef int compare_nested(Word a, Word b) noexcept nogil:
    cdef Frame shallow[SHALLOW]
    cdef Frame* frames = shallow
    cdef Frame* frame
    cdef void* more
    cdef size_t room = SHALLOW, depth = 0
    cdef int order = 0
    cdef bint nested
    cdef Account* mine = account()
    cdef int64_t spent = mine.spent
    cdef int64_t limit = mine.limit if mine.limit else <int64_t>0x7FFFFFFFFFFFFFFF
    if spent > limit:
        return -1
    open_frame(&frames[0], a, b)
    while True:
        spent += 1
        if spent > limit:
            order = -1      # thrown away: see work.pxd
            break
        frame = &frames[depth]
        if frame.at == frame.end:
            order = frame.tail
            if order or depth == 0:
                break
            depth -= 1
            continue
        a = load(&frame.a.items[frame.at])
        b = load(&frame.b.items[frame.at])
        frame.at += 1
        nested = False
        order = compare_leaves(a, b, &nested)
        if order:
            break
        if not nested:
            continue
        depth += 1
        if depth == room:
            more = widened(frames, shallow, &room, sizeof(Frame))
            if more == NULL:
                order = -1 if a < b else 1      # unequal, at least
                break
            frames = <Frame*>more
        open_frame(&frames[depth], a, b)
    mine.spent = spent
    if frames != shallow:
        free(frames)
    return order


cdef bint equal(Word a, Word b) noexcept nogil:
    cdef Tag t
    if a == b:
        return True
    t = tag(a)
    if t != tag(b):
        return (t == T_INT or t == T_NUM) and (
            tag(b) == T_INT or tag(b) == T_NUM
        ) and compare_numbers(a, b) == 0
    if t == T_STR:
        return equal_str(a, b)
    if t == T_NUM:
        return num_node(a).hash == num_node(b).hash and compare_numbers(a, b) == 0
    if t < T_ARR or t == T_AUX:
        return False
    if seq_len(a) != seq_len(b):
        return False
    return compare_nested(a, b) == 0


# Lookup ----------------------------------------------------------------------

cdef Word lookup(Word container, Word key) noexcept nogil:
    cdef Tag t = tag(container)
    cdef SeqNode* seq
    cdef int64_t index
    if t == T_OBJ:
        seq = seq_node(container)
        if tag(key) == T_STR:
            return lookup_key(seq, key)
        sort_object(container)
        index = bisect(seq, key, 2)
        return load(&seq.items[2 * index + 1]) if index >= 0 else UNDEFINED
    if t == T_ARR:
        seq = seq_node(container)
        if tag(key) == T_INT:
            index = as_int(key)
        elif tag(key) != T_NUM or not index_of_number(key, &index):
            return UNDEFINED
        if <uint64_t>index >= seq.n:
            return UNDEFINED
        return load(&seq.items[index])
    if t == T_SET:
        # The spelling asked for, as OPA gives it
        return key if bisect(seq_node(container), key, 1) >= 0 else UNDEFINED
    return UNDEFINED


cdef bint has_point(Word w) noexcept nogil:
    return tag(w) == T_NUM and (
        memchr(num_node(w).text, c'.', num_node(w).size) != NULL
    )


cdef Word lookup_as(Heap* heap, Word container, Word key) noexcept nogil:
    # To OPA 1.17, 1.0 is no index
    if tag(container) == T_ARR and heap.older and has_point(key):
        return UNDEFINED
    return lookup(container, key)


cdef inline Word lookup_key(SeqNode* seq, Word key) noexcept nogil:
    # Backwards: in an object not yet sorted the last of equal keys counts.
    cdef uint32_t n = seq.n
    cdef uint32_t i = n
    cdef int64_t index
    cdef Word other
    cdef StrNode* x = str_node(key)
    cdef StrNode* y
    if n > SMALL:
        sort_object(<Word>seq | T_OBJ)
        index = bisect_str(seq, x.data, x.size)
        return load(&seq.items[2 * index + 1]) if index >= 0 else UNDEFINED
    while i:
        i -= 1
        if seq.items[2 * i] + <Word>&seq.items[2 * i] == key:
            return load(&seq.items[2 * i + 1])
    i = n
    while i:
        i -= 1
        other = load(&seq.items[2 * i])
        if tag(other) == T_STR:
            y = str_node(other)
            if (
                x.hash == y.hash
                and x.size == y.size
                and memcmp(x.data, y.data, x.size) == 0
            ):
                return load(&seq.items[2 * i + 1])
    return UNDEFINED


cdef Word lookup_str(Word obj, const char* key, size_t size) noexcept nogil:
    cdef SeqNode* seq
    cdef uint32_t i
    cdef int64_t index
    cdef Word other
    cdef StrNode* y
    if tag(obj) != T_OBJ:
        return UNDEFINED
    seq = seq_node(obj)
    i = seq.n
    if i > SMALL:
        sort_object(obj)
        index = bisect_str(seq, key, size)
        return load(&seq.items[2 * index + 1]) if index >= 0 else UNDEFINED
    while i:
        i -= 1
        other = load(&seq.items[2 * i])
        if tag(other) == T_STR:
            y = str_node(other)
            if y.size == size and memcmp(y.data, key, size) == 0:
                return load(&seq.items[2 * i + 1])
    return UNDEFINED


cdef int64_t bisect(SeqNode* seq, Word key, uint32_t width) noexcept nogil:
    # The position of `key` in a sorted sequence, -1 when absent
    cdef int64_t low = 0, high = seq.n, middle
    cdef int order
    while low < high:
        middle = (low + high) >> 1
        order = compare(load(&seq.items[middle * width]), key)
        if order == 0:
            return middle
        if order < 0:
            low = middle + 1
        else:
            high = middle
    return -1


cdef int64_t bisect_str(SeqNode* seq, const char* key, size_t size) noexcept nogil:
    cdef int64_t low = 0, high = seq.n, middle
    cdef int order
    cdef Word other
    cdef StrNode* y
    while low < high:
        middle = (low + high) >> 1
        other = load(&seq.items[2 * middle])
        if tag(other) == T_STR:
            y = str_node(other)
            order = memcmp(y.data, key, y.size if y.size < size else size)
            if order == 0:
                if y.size == size:
                    return middle
                order = -1 if y.size < size else 1
        else:
            order = -1 if rank(other) < <int>T_STR else 1
        if order < 0:
            low = middle + 1
        else:
            high = middle
    return -1


# Copy ------------------------------------------------------------------------

ctypedef struct CopyFrame:
    SeqNode* source
    SeqNode* target
    uint32_t at
    uint32_t end


cdef Word copy_leaf(Heap* heap, Word w) noexcept nogil:
    cdef Tag t = tag(w)
    cdef size_t size
    cdef void* out
    if t == T_STR:
        size = STR_HEADER + str_node(w).size + 1
    elif t == T_NUM:
        size = NUM_HEADER + num_node(w).size + 1 + num_node(w).digits
    else:
        return w
    out = heap_alloc(heap, size)
    if out == NULL:
        return UNDEFINED
    memcpy(out, node(w), size)
    return <Word>out | t


cdef inline Word open_copy(Heap* heap, CopyFrame* frame, Word w) noexcept nogil:
    cdef uint32_t slots
    if tag(w) == T_OBJ:
        sort_object(w)
    frame.source = seq_node(w)
    slots = frame.source.n
    if tag(w) == T_OBJ:
        slots *= 2
    frame.target = new_seq(heap, slots)
    if frame.target == NULL:
        return UNDEFINED
    frame.target.n = frame.source.n
    frame.target.flags = frame.source.flags
    frame.at = 0
    frame.end = slots
    return <Word>frame.target | tag(w)


cdef Word copy(Heap* heap, Word w) noexcept nogil:
    cdef CopyFrame shallow[SHALLOW]
    cdef CopyFrame* frames = shallow
    cdef CopyFrame* frame
    cdef void* more
    cdef size_t room = SHALLOW, depth = 0
    cdef Word root, child, made
    if tag(w) < T_ARR or tag(w) == T_AUX:
        return copy_leaf(heap, w)
    root = open_copy(heap, &frames[0], w)
    while root != UNDEFINED:
        frame = &frames[depth]
        if frame.at == frame.end:
            if depth == 0:
                break
            depth -= 1
            continue
        child = load(&frame.source.items[frame.at])
        if tag(child) < T_ARR:
            made = copy_leaf(heap, child)
        else:
            if depth + 1 == room:
                more = widened(frames, shallow, &room, sizeof(CopyFrame))
                if more == NULL:
                    fail(heap, E_MEMORY, "out of memory")
                    root = UNDEFINED
                    break
                frames = <CopyFrame*>more
                frame = &frames[depth]
            depth += 1
            made = open_copy(heap, &frames[depth], child)
        if made == UNDEFINED:
            root = UNDEFINED
            break
        store(&frame.target.items[frame.at], made)
        frame.at += 1
    if frames != shallow:
        free(frames)
    return root
