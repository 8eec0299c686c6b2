# cython: cdivision=True
"""Go's sort.Slice, whose order of equal elements is visible in answers.

Up to 12 elements it is an insertion sort and so stable.  Above that it is
pattern-defeating quicksort, which permutes equal elements in a way that depends
on their number and places only.  Denials of many constraints with one message
come out in that order, so the algorithm is followed step by step.  Source of
behaviour: Go's package sort (Orson Peters' pdqsort).
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc

cdef enum:
    INSERTION_MAX = 12
    NINTHER_MIN = 50
    MAX_SWAPS = 12
    UNKNOWN = 0
    INCREASING = 1
    DECREASING = 2

# Ranks and where they came from; `swaps` are those of choosing a pivot
ctypedef struct Sorting:
    uint32_t* ranks
    uint32_t* places
    int swaps


cdef inline bint less(Sorting* s, int64_t i, int64_t j) noexcept nogil:
    return s.ranks[i] < s.ranks[j]


cdef inline void swap(Sorting* s, int64_t i, int64_t j) noexcept nogil:
    s.ranks[i], s.ranks[j] = s.ranks[j], s.ranks[i]
    s.places[i], s.places[j] = s.places[j], s.places[i]


cdef void insertion(Sorting* s, int64_t a, int64_t b) noexcept nogil:
    cdef int64_t i, j
    for i in range(a + 1, b):
        j = i
        while j > a and less(s, j, j - 1):
            swap(s, j, j - 1)
            j -= 1


cdef void sift(Sorting* s, int64_t low, int64_t high, int64_t first) noexcept nogil:
    cdef int64_t root = low, child
    while True:
        child = 2 * root + 1
        if child >= high:
            return
        if child + 1 < high and less(s, first + child, first + child + 1):
            child += 1
        if not less(s, first + root, first + child):
            return
        swap(s, first + root, first + child)
        root = child


cdef void heap(Sorting* s, int64_t a, int64_t b) noexcept nogil:
    cdef int64_t high = b - a, i
    i = (high - 1) // 2
    while i >= 0:
        sift(s, i, high, a)
        i -= 1
    i = high - 1
    while i >= 0:
        swap(s, a, a + i)
        sift(s, 0, i, a)
        i -= 1


cdef int bit_length(uint64_t n) noexcept nogil:
    cdef int out = 0
    while n:
        out += 1
        n >>= 1
    return out


cdef void quick(Sorting* s, int64_t a, int64_t b, int limit) noexcept nogil:
    cdef bint balanced = True, partitioned = True
    cdef int64_t length, pivot, middle, left, right, threshold
    cdef int hint
    while True:
        length = b - a
        if length <= INSERTION_MAX:
            insertion(s, a, b)
            return
        if limit == 0:
            heap(s, a, b)
            return
        if not balanced:
            break_patterns(s, a, b)
            limit -= 1
        pivot = choose_pivot(s, a, b, &hint)
        if hint == DECREASING:
            reverse(s, a, b)
            pivot = (b - 1) - (pivot - a)
            hint = INCREASING
        if balanced and partitioned and hint == INCREASING and almost(s, a, b):
            return
        if a > 0 and not less(s, a - 1, pivot):
            a = partition_equal(s, a, b, pivot)
            continue
        middle = partition(s, a, b, pivot, &partitioned)
        left = middle - a
        right = b - middle
        threshold = length // 8
        if left < right:
            balanced = left >= threshold
            quick(s, a, middle, limit)
            a = middle + 1
        else:
            balanced = right >= threshold
            quick(s, middle + 1, b, limit)
            b = middle


cdef int64_t partition(
    Sorting* s, int64_t a, int64_t b, int64_t pivot, bint* partitioned
) noexcept nogil:
    cdef int64_t i = a + 1, j = b - 1
    swap(s, a, pivot)
    partitioned[0] = True
    while True:
        while i <= j and less(s, i, a):
            i += 1
        while i <= j and not less(s, j, a):
            j -= 1
        if i > j:
            break
        swap(s, i, j)
        partitioned[0] = False
        i += 1
        j -= 1
    swap(s, j, a)
    return j


cdef int64_t partition_equal(
    Sorting* s, int64_t a, int64_t b, int64_t pivot
) noexcept nogil:
    cdef int64_t i = a + 1, j = b - 1
    swap(s, a, pivot)
    while True:
        while i <= j and not less(s, a, i):
            i += 1
        while i <= j and less(s, a, j):
            j -= 1
        if i > j:
            return i
        swap(s, i, j)
        i += 1
        j -= 1


cdef bint almost(Sorting* s, int64_t a, int64_t b) noexcept nogil:
    # Sorts what is nearly sorted with a few moves; tells whether it is done.
    cdef int64_t i = a + 1, j
    cdef int _turn
    for _turn in range(5):
        while i < b and not less(s, i, i - 1):
            i += 1
        if i == b:
            return True
        if b - a < 50:
            return False
        swap(s, i, i - 1)
        if i - a >= 2:
            j = i - 1
            while j >= 1 and less(s, j, j - 1):
                swap(s, j, j - 1)
                j -= 1
        if b - i >= 2:
            j = i + 1
            while j < b and less(s, j, j - 1):
                swap(s, j, j - 1)
                j += 1
    return False


cdef void break_patterns(Sorting* s, int64_t a, int64_t b) noexcept nogil:
    cdef int64_t length = b - a, index, other
    cdef uint64_t random = <uint64_t>length
    cdef uint64_t modulus
    cdef int i
    if length < 8:
        return
    modulus = <uint64_t>1 << bit_length(<uint64_t>length)
    index = a + (length // 4) * 2 - 1
    for i in range(3):
        random ^= random << 13
        random ^= random >> 7
        random ^= random << 17
        other = <int64_t>(random & (modulus - 1))
        if other >= length:
            other -= length
        swap(s, index + i, a + other)


cdef int64_t choose_pivot(
    Sorting* s, int64_t a, int64_t b, int* hint
) noexcept nogil:
    cdef int64_t length = b - a
    cdef int64_t i = a + length // 4
    cdef int64_t j = a + length // 4 * 2
    cdef int64_t k = a + length // 4 * 3
    s.swaps = 0
    if length >= NINTHER_MIN:
        i = median(s, i - 1, i, i + 1)
        j = median(s, j - 1, j, j + 1)
        k = median(s, k - 1, k, k + 1)
    if length >= 8:
        j = median(s, i, j, k)
    if s.swaps == 0:
        hint[0] = INCREASING
    else:
        hint[0] = DECREASING if s.swaps == MAX_SWAPS else UNKNOWN
    return j


cdef int64_t median(Sorting* s, int64_t a, int64_t b, int64_t c) noexcept nogil:
    order(s, &a, &b)
    order(s, &b, &c)
    order(s, &a, &b)
    return b


cdef inline void order(Sorting* s, int64_t* a, int64_t* b) noexcept nogil:
    if less(s, b[0], a[0]):
        s.swaps += 1
        a[0], b[0] = b[0], a[0]


cdef void reverse(Sorting* s, int64_t a, int64_t b) noexcept nogil:
    cdef int64_t i = a, j = b - 1
    while i < j:
        swap(s, i, j)
        i += 1
        j -= 1


cdef void go_sort(uint32_t* ranks, uint32_t* places, size_t n) noexcept nogil:
    cdef Sorting s
    s.ranks = ranks
    s.places = places
    s.swaps = 0
    quick(&s, 0, <int64_t>n, bit_length(n))


def sorted_places(list ranks):
    """Where the elements of these ranks (small integers) come from, once sorted."""
    cdef size_t n = len(ranks)
    cdef size_t i
    cdef uint32_t* room = <uint32_t*>malloc((2 * n + 1) * sizeof(uint32_t))
    if room == NULL:
        raise MemoryError
    try:
        for i in range(n):
            room[i] = ranks[i]
            room[n + i] = <uint32_t>i
        with nogil:
            go_sort(room, room + n, n)
        return [room[n + i] for i in range(n)]
    finally:
        free(room)
