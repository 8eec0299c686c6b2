# The register machine.

from libc.stdint cimport int32_t

from gatewright._native.frame cimport Status, Vm
from gatewright._native.value cimport Word

# Calls a Python builtin: UNDEFINED with heap.error as a native one would
ctypedef Word (*PythonCall)(
    Vm* vm, int32_t builtin, const Word* args, int n
) noexcept nogil

# Who does; set once, by the module that knows Python values
cdef void vm_set_python_call(PythonCall call) noexcept nogil

# Goes on for at most vm.left steps.  A step is one instruction; a builtin and the
# end of a builder cost more by the memory that they took.
cdef Status vm_run(Vm* vm) noexcept nogil

# Where evaluation stands: a location of the program, -1 when unknown
cdef int32_t vm_location(const Vm* vm) noexcept nogil
