# Jumps.

from gatewright._native.pass_code cimport Code

# One round; whether another may find more.  `constant` gives the constant `false`
cdef bint straighten(Code table, constant) except -1
