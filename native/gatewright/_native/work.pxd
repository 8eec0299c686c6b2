# Work that no instruction sees: what comparing and converting values take.
#
# Counted per thread, since comparing knows no evaluation.  Whoever runs an
# evaluation opens an account before each stretch and closes it after; whoever works
# adds to `spent` and stops, with whatever result, once it is beyond `limit`: the
# results of that call are thrown away.

from libc.stdint cimport int64_t

from gatewright._native.value cimport Word

ctypedef struct Account:
    int64_t spent       # about a step each
    int64_t limit       # 0: none

cdef Account* account() noexcept nogil      # that of this thread
# Bytes of a value when each part is counted as often as it occurs, in an arena and
# about as Python objects; stops beyond `limit`
cdef size_t unfolded(Word w, size_t limit) noexcept nogil
