"""What the calls of `begin_reviews` came to, as Python has it."""

from libc.stdint cimport uint32_t

from gatewright._native.convert cimport to_python
from gatewright._native.evaluation cimport O_VALUE, Call, Evaluation
from gatewright._native.value cimport (
    T_STR, UNDEFINED as NONE, Word, item, seq_node, tag,
)


cdef object details_of(Word w):
    # What a violation shows must not decide whether there is one
    try:
        return to_python(w)
    except RecursionError:
        return "details are nested too deep to be shown"


def costs_of(Evaluation evaluation not None):
    """What each call of `begin_reviews` has taken: (ns, steps), in their order.

    Time is counted while `timed` is set; one clock reading a call, some 25 ns.
    """
    cdef uint32_t i
    cdef list out = []
    for i in range(evaluation.call_count):
        out.append(
            (evaluation.calls[i].ns, evaluation.budget - evaluation.calls[i].left)
        )
    return out


cdef int finished(Evaluation evaluation) except -1:
    if not evaluation.extracting or evaluation.at != evaluation.call_count:
        raise ValueError("calls are left to run")
    return 0


def violations_of(Evaluation evaluation not None, make_error):
    """The outcomes of `begin_reviews`, one per call.

    Each is a tuple of (message, details), mostly empty, where details that nest
    deeper than Python goes are a text that says so; or, if the call failed,
    what `make_error(kind, code, message, location, cause)` gives.  Its kind is
    as for `outcome`, or `message`: the message, a value, is no string.
    """
    cdef Call* call
    cdef uint32_t i, j
    cdef Word pair
    cdef list out = []
    finished(evaluation)
    for i in range(evaluation.call_count):
        call = &evaluation.calls[i]
        if call.outcome != O_VALUE:
            out.append(make_error(*evaluation.error_of(call)))
        elif call.result == NONE:
            out.append(())
        else:
            found = []
            for j in range(seq_node(call.result).n):
                pair = item(call.result, j)
                message = to_python(item(pair, 1))
                if tag(item(pair, 1)) != T_STR:
                    out.append(make_error("message", "", message, None, None))
                    break
                found.append((message, details_of(item(pair, 0))))
            else:
                out.append(tuple(found))
    return out
