"""One call from start to outcome: what asking a prepared query comes to.

Step by step from Python the same takes 3 us more, several times what a small query
takes itself.
"""

from libc.stdint cimport int64_t, uint32_t

from gatewright._native.convert cimport to_python
from gatewright._native.evaluation cimport O_VALUE, Evaluation


def run_query(
    Evaluation evaluation not None,
    uint32_t function,
    value,
    int64_t steps,
    int64_t stretch,
    int64_t deadline,
):
    """Evaluates a function of the first program to its end, and frees what it took.

    `value` and `steps` as for `Evaluation.begin`; `deadline` as for `advance`, which
    goes on for `stretch` steps at a time.  Gives what `Evaluation.outcome` gives.
    """
    evaluation.begin(0, function, value, steps=steps)
    while not evaluation.advance(stretch, deadline):
        pass
    if evaluation.calls.outcome == O_VALUE and evaluation.calls.collected == 0:
        out = (to_python(evaluation.calls.result), None, ())
    else:
        out = evaluation.outcome()
    evaluation.clear()
    return out
