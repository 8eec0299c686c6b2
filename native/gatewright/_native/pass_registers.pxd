# Registers.

from gatewright._native.pass_code cimport Code

cdef int pack(Code table) except -1
