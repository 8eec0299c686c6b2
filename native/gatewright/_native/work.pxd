# Work that no instruction sees: what comparing and converting values take.
#
# Counted per thread, since comparing knows no evaluation.  Whoever runs an
# evaluation opens an account before each stretch and closes it after; whoever works
# adds to `spent` and stops, with whatever result, once it is beyond `limit`: the
# results of that call are thrown away.

#
# A builtin in Python does the same through `charge` and `reserve`, before it does
# the work: nothing else can stop it, and it holds the GIL.

from libc.stdint cimport int32_t, int64_t

from gatewright._native.value cimport Word

ctypedef struct Account:
    int64_t spent       # about a step each
    int64_t limit       # 0: none
    int64_t looked      # `spent` when the clock was last looked at
    int64_t deadline    # on the monotonic clock in ns, 0: none
    void* heap          # the Heap of results; NULL: no evaluation runs
    const volatile int32_t* cancelled

cdef Account* account() noexcept nogil      # that of this thread
cdef bint afford(int64_t cost) noexcept nogil   # False: stop, over the limit
cdef int64_t now() noexcept nogil           # the monotonic clock in ns
# Bytes of a value when each part is counted as often as it occurs, in an arena and
# about as Python objects; stops beyond `limit`
cdef size_t unfolded(Word w, size_t limit) noexcept nogil
