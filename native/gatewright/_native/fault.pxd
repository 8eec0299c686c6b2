# Exceptions of Python where nothing may raise.
#
# A function that is `noexcept with gil` catches BaseException, hands it to one of
# these, and gives UNDEFINED: an exception that left it would be printed, and what it
# returned then be taken for a value.

from gatewright._native.value cimport ErrorKind, Heap

# The heap's error is `before` and the exception; memory and what interrupts (Ctrl-C, an
# exit) are told apart.  Never raises.
cdef void fail_raised(
    Heap* heap, ErrorKind kind, const char* before, object error
) noexcept
# An interrupt is raised again as soon as Python runs: True if it is one.
cdef bint put_off(object error) noexcept
