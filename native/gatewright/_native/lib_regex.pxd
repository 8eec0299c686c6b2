# `regex.match` without Python: patterns as tables, kept for the process's life.

from gatewright._native.value cimport Heap, Word

cdef Word lib_regex_match(Heap* heap, const Word* args, int n) noexcept nogil
