# Who runs builtins in Python: what an evaluation is to them.

from gatewright._native.image cimport Image

cdef class Host:
    cdef readonly Image image
    cdef object raised          # by a Python builtin
    cdef public object context  # for builtins that want one
    cdef public object make_context

cdef tuple too_deep(error)
