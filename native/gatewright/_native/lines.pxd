# The messages of all violations, sorted, as JSON text.

from libc.stdint cimport int64_t

from gatewright._native.evaluation cimport Evaluation
from gatewright._native.roster cimport Roster
from gatewright._native.writer cimport Out

# Of the calls of a roster that have run.  `first` takes the lines of the first part,
# joined by newlines; `second` the second part's, each in quotes, joined by commas.
# `failed` (or None) has the message (bytes) of programs whose calls count as one
# violation each whatever they came to.  Gives the number of all lines; -1 if some other
# call failed, or some message is no string, or the roster's violations have no lines.
cdef int64_t write_lines(
    Evaluation evaluation, Roster roster, dict failed, Out* first, Out* second
) except -2
