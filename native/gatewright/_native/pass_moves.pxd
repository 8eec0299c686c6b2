# Moves.

from gatewright._native.pass_code cimport Code

cdef int coalesce(Code table) except -1
