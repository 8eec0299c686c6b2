# cython: cdivision=True
"""What comparing and converting values cost: values share parts, so it can be far
more than the memory that they take."""

from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport free

from gatewright._native.stack cimport widened
from gatewright._native.value cimport (
    T_ARR, T_AUX, T_NUM, T_OBJ, T_STR, Heap, SeqNode, Word, load, num_node,
    seq_node, str_node, tag,
)

cdef extern from *:
    """
    static __thread struct {
        int64_t spent, limit, looked, deadline;
        void *heap;
        const volatile int32_t *cancelled;
    } gw_account;
    """
    Account gw_account

cdef extern from "<time.h>" nogil:
    ctypedef long time_t
    struct timespec:
        time_t tv_sec
        long tv_nsec
    int clock_gettime(int clock, timespec* out)
    int CLOCK_MONOTONIC

cdef enum:
    SHALLOW = 32        # frames on the C stack
    NODE = 32           # bytes of any node, at least
    LOOK = 20000        # steps between looks at the clock: some 100 us


cdef Account* account() noexcept nogil:
    return <Account*>&gw_account


cdef int64_t now() noexcept nogil:
    cdef timespec t
    clock_gettime(CLOCK_MONOTONIC, &t)
    return <int64_t>t.tv_sec * 1000000000 + t.tv_nsec


cdef bint afford(int64_t cost) noexcept nogil:
    # False beyond the limit: whatever is answered then is thrown away
    cdef Account* mine = account()
    mine.spent += cost
    return mine.limit == 0 or mine.spent <= mine.limit


# For builtins in Python ------------------------------------------------------

class OverBudget(Exception):
    """A builtin must stop: `reason` is steps, memory or cancelled."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def charge(int64_t steps) -> None:
    """Counts work that is about to be done; raises OverBudget when it must not be.

    A step is about 4 ns.  Without an evaluation there is no limit.
    """
    cdef Account* mine = account()
    if steps > 0:
        mine.spent += steps if steps < (<int64_t>1 << 56) else <int64_t>1 << 56
    if mine.limit and mine.spent > mine.limit:
        raise OverBudget("steps")
    if mine.spent - mine.looked >= LOOK:
        mine.looked = mine.spent
        if (mine.cancelled != NULL and mine.cancelled[0]) or (
            mine.deadline and now() >= mine.deadline
        ):
            raise OverBudget("cancelled")


def reserve(size) -> None:
    """Asks whether the evaluation has so much memory (bytes) left; it takes none.

    Raises OverBudget when it has not.
    """
    cdef Account* mine = account()
    cdef Heap* heap = <Heap*>mine.heap
    cdef size_t taken
    if heap == NULL:
        return
    taken = heap.used + (heap.chunk.used if heap.chunk != NULL else 0)
    if taken > heap.limit or size > heap.limit - taken:
        raise OverBudget("memory")


def older() -> bool:
    """Whether built-ins are to be those of OPA 1.17, which Gatekeeper has."""
    cdef Account* mine = account()
    return mine.heap != NULL and (<Heap*>mine.heap).older


def time_left():
    """Seconds until the evaluation's deadline (0 when it has passed), None without."""
    cdef Account* mine = account()
    cdef int64_t left
    if mine.deadline == 0:
        return None
    left = mine.deadline - now()
    return left / 1e9 if left > 0 else 0.0


def cancelled() -> bool:
    """Whether somebody asked for the evaluation's end, or its deadline has passed."""
    cdef Account* mine = account()
    return (mine.cancelled != NULL and mine.cancelled[0] != 0) or (
        mine.deadline != 0 and now() >= mine.deadline
    )


# Values ----------------------------------------------------------------------


ctypedef struct Frame:
    SeqNode* seq
    uint32_t at
    uint32_t end


cdef inline size_t leaf(Word w) noexcept nogil:
    if tag(w) == T_STR:
        return NODE + str_node(w).size
    if tag(w) == T_NUM:
        return NODE + num_node(w).size
    return NODE


cdef size_t unfolded(Word w, size_t limit) noexcept nogil:
    cdef Frame shallow[SHALLOW]
    cdef Frame* frames = shallow
    cdef void* more
    cdef size_t room = SHALLOW, depth = 0, total = 0
    while True:
        if tag(w) < T_ARR or tag(w) == T_AUX:
            total += leaf(w)
        else:
            if depth == room:
                more = widened(frames, shallow, &room, sizeof(Frame))
                if more == NULL:
                    total = limit + 1
                    break
                frames = <Frame*>more
            total += NODE
            frames[depth].seq = seq_node(w)
            frames[depth].at = 0
            frames[depth].end = frames[depth].seq.n * (2 if tag(w) == T_OBJ else 1)
            depth += 1
        while depth and frames[depth - 1].at == frames[depth - 1].end:
            depth -= 1
        if depth == 0 or total > limit:
            break
        w = load(&frames[depth - 1].seq.items[frames[depth - 1].at])
        frames[depth - 1].at += 1
    if frames != shallow:
        free(frames)
    return total
