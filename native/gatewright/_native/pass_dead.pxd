# Dead code.

from gatewright._native.pass_code cimport Code

cdef int bury(Code table) except -1
