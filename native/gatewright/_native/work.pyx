# cython: cdivision=True
"""What comparing and converting values cost: values share parts, so it can be far
more than the memory that they take."""

from libc.stdint cimport uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from gatewright._native.value cimport (
    T_ARR, T_AUX, T_NUM, T_OBJ, T_STR, SeqNode, Word, load, num_node,
    seq_node, str_node, tag,
)

cdef extern from *:
    """
    static __thread struct { long long spent, limit; } gw_account;
    """
    Account gw_account

cdef enum:
    SHALLOW = 32        # frames on the C stack
    NODE = 32           # bytes of any node, at least


cdef Account* account() noexcept nogil:
    return <Account*>&gw_account


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
    cdef Frame* more
    cdef size_t room = SHALLOW, depth = 0, total = 0
    while True:
        if tag(w) < T_ARR or tag(w) == T_AUX:
            total += leaf(w)
        else:
            if depth == room:
                more = <Frame*>malloc(2 * room * sizeof(Frame))
                if more == NULL:
                    total = limit + 1
                    break
                memcpy(more, frames, room * sizeof(Frame))
                if frames != shallow:
                    free(frames)
                frames = more
                room *= 2
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
