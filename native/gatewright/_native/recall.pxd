# Results of functions with parameters.

from libc.stdint cimport int32_t

from gatewright._native.frame cimport Recall, Vm
from gatewright._native.value cimport Word

# Where the result of a call is kept; `value` 0: nothing yet.  NULL on failure
cdef Recall* find_recall(Vm* vm, int32_t function, const Word* args) noexcept nogil
