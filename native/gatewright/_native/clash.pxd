# Conflicts of complete rules and functions.

from libc.stdint cimport int32_t

from gatewright._native.frame cimport Frame, Vm
from gatewright._native.value cimport Word

# A conflict: the frame goes on, to raise it when it returns.  False: no memory
cdef bint note_rival(
    Vm* vm, Frame* frame, Word first, Word value, Word message, int32_t location
) noexcept nogil
cdef void raise_clash(Vm* vm, Frame* frame) noexcept nogil
# After a failure: unwind to a frame that goes on after conflicts; false: none does
cdef bint rescue(Vm* vm) noexcept nogil
