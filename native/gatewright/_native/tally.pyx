"""What calls cost, added up where other processes read it.

Done in Python it took a microsecond a call: two tuples, two numbers, four look-ups.
"""

from libc.stdint cimport uint32_t

from gatewright._native.evaluation cimport Call, Evaluation


def tally(
    Evaluation evaluation not None,
    names,
    places,
    double[::1] numbers,
    *,
    bint counted,
    double slow,
):
    """Adds the calls of `begin_reviews` that were timed to sums: count, seconds,
    steps, most seconds.

    `places[names[i]]` is where in `numbers` the four of call i begin.  Those that are
    not `counted` only show in the most.  Gives (call, seconds, steps) of each that took
    `slow` seconds or more.
    """
    cdef const Call* call
    cdef uint32_t i
    cdef Py_ssize_t at
    cdef double seconds
    cdef list found = []
    if len(names) != evaluation.call_count:
        raise ValueError("a name for each call")
    for i in range(evaluation.call_count):
        call = &evaluation.calls[i]
        if call.ns == 0:
            continue        # it was over before the clock ran, or never began
        seconds = call.ns / 1e9
        at = places[names[i]]
        if at < 0 or at + 4 > numbers.shape[0]:
            raise IndexError(at)
        if counted:
            numbers[at] += 1.0
            numbers[at + 1] += seconds
            numbers[at + 2] += evaluation.budget - call.left
        if seconds > numbers[at + 3]:
            numbers[at + 3] = seconds
        if seconds >= slow:
            found.append((i, seconds, evaluation.budget - call.left))
    return found
