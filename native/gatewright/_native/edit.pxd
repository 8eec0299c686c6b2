# Edits of documents, copying on write; what tells documents apart.

from gatewright._native.value cimport Word

cdef enum:
    NEST = 200              # levels of two values that are compared

# Deep equality as Go has it of JSON in an unstructured object: an integer is no float.
# `stuck` when it cannot be said: of numbers that are neither.
cdef bint same(Word a, Word b, int depth, bint* stuck) noexcept nogil
