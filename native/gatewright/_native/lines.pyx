"""The messages of all violations as the lines of an answer, already JSON text.

A review with forty violations would otherwise make some three hundred Python objects
only to join them into one string: 2 us a violation, against 0.1 us here.
"""

from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport free, malloc, qsort
from libc.string cimport memcmp

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE

from gatewright._native.evaluation cimport O_VALUE, Call, Evaluation
from gatewright._native.gosort cimport go_sort
from gatewright._native.roster cimport Entry, Roster
from gatewright._native.value cimport (
    T_STR, UNDEFINED as NONE, StrNode, Word, item, seq_node, str_node, tag,
)
from gatewright._native.writer cimport (
    WRITE_HTML, Out, out_grow, put, put_char, write_escaped,
)

cdef enum:
    FEW = 64            # lines on the C stack
    STABLE = 12         # up to so many Go's sort keeps equal elements in order
    ROOMY = 1 << 16     # bytes up to which room is made for all lines at once

ctypedef struct Line:
    const char* data    # the message
    uint32_t size
    uint32_t rank       # comes before the message in the order
    uint32_t parts
    uint32_t at         # place before sorting
    uint32_t head_size
    const char* head    # before the message


cdef int by_key(const void* a, const void* b) noexcept nogil:
    cdef const Line* x = <const Line*>a
    cdef const Line* y = <const Line*>b
    cdef int order = compare_lines(x, y)
    return order if order else (x.at > y.at) - (x.at < y.at)


cdef inline int compare_lines(const Line* x, const Line* y) noexcept nogil:
    cdef int order
    if x.rank != y.rank:
        return -1 if x.rank < y.rank else 1
    order = memcmp(x.data, y.data, x.size if x.size < y.size else y.size)
    if order:
        return order
    return (x.size > y.size) - (x.size < y.size)


cdef Line* sort_lines(Line* lines, uint32_t n) noexcept nogil:
    # As Go's sort.Slice does: equal lines of different calls may change places.
    # `lines` has room for 2 * n; gives the half that is sorted, NULL for no memory.
    cdef uint32_t i, rank = 0
    cdef bint twins = False
    cdef uint32_t* ranks
    qsort(lines, n, sizeof(Line), by_key)
    if n <= STABLE:
        return lines
    for i in range(1, n):
        if compare_lines(&lines[i - 1], &lines[i]) == 0:
            twins = True
            break
    if not twins:
        return lines
    ranks = <uint32_t*>malloc(2 * n * sizeof(uint32_t))
    if ranks == NULL:
        return NULL
    for i in range(n):
        if i and compare_lines(&lines[i - 1], &lines[i]) != 0:
            rank += 1
        ranks[lines[i].at] = rank
        lines[n + lines[i].at] = lines[i]
    for i in range(n):
        ranks[n + i] = i
    go_sort(ranks, ranks + n, n)
    for i in range(n):
        lines[i] = lines[n + ranks[n + i]]
    free(ranks)
    return lines


cdef int64_t write_lines(
    Evaluation evaluation, Roster roster, dict failed, Out* first, Out* second
) except -2:
    # See lines.pxd
    cdef Line few[2 * FEW]
    cdef Line* lines = few
    cdef Line* line
    cdef const Entry* entry
    cdef Call* call
    cdef uint32_t i, j, n = 0
    cdef uint32_t count = evaluation.call_count
    cdef Word message
    cdef StrNode* text
    cdef size_t room = 0
    cdef bytes given
    if not evaluation.extracting or evaluation.at != count:
        raise ValueError("calls are left to run")
    if roster.count != count:
        raise ValueError("another roster's calls have run")
    if not roster.spoken:
        return -1
    for i in range(count):
        call = &evaluation.calls[i]
        if failed is not None and call.program in failed:
            n += 1
        elif call.outcome != O_VALUE:
            return -1
        elif call.result != NONE:
            n += seq_node(call.result).n
    if n == 0:
        return 0
    if n > FEW:
        lines = <Line*>malloc(2 * n * sizeof(Line))
        if lines == NULL:
            raise MemoryError
    try:
        n = 0
        for i in range(count):
            call = &evaluation.calls[i]
            given = failed.get(call.program) if failed is not None else None
            if given is None and call.result == NONE:
                continue
            entry = &roster.entries[i]
            line = &lines[n]
            line.rank = entry.rank
            line.parts = entry.parts
            line.head = entry.head
            line.head_size = entry.head_size
            if given is not None:
                line.data = PyBytes_AS_STRING(given)
                line.size = <uint32_t>PyBytes_GET_SIZE(given)
                line.at = n
                room += line.head_size + line.size
                n += 1
                continue
            for j in range(seq_node(call.result).n):
                message = item(item(call.result, j), 1)
                if tag(message) != T_STR:
                    return -1
                text = str_node(message)
                lines[n] = line[0]
                line = &lines[n]
                line.data = text.data
                line.size = text.size
                line.at = n
                room += line.head_size + line.size
                n += 1
        if sort_lines(lines, n) == NULL:
            raise MemoryError
        if room <= ROOMY:
            # All of it is nearly always a denial, and some signs take six bytes
            out_grow(first, room + room // 2)
        for i in range(n):
            line = &lines[i]
            if line.parts & 1:
                if first.size:
                    put(first, "\\n", 2)
                put_line(first, line)
            if line.parts & 2:
                if second.size:
                    put_char(second, c',')
                put_char(second, c'"')
                put_line(second, line)
                put_char(second, c'"')
        if first.failed or second.failed:
            raise MemoryError
        return n
    finally:
        if lines != few:
            free(lines)


cdef inline void put_line(Out* out, const Line* line) noexcept:
    write_escaped(out, line.head, line.head_size, WRITE_HTML)
    write_escaped(out, line.data, line.size, WRITE_HTML)
