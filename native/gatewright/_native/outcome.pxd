# What a call came to, as values of its arena.

from gatewright._native.frame cimport Vm
from gatewright._native.program cimport Program
from gatewright._native.value cimport Heap, Word

cdef Word violations_of(Heap* heap, Word found, Word empty) noexcept nogil
cdef Word collected_of(Heap* heap, const Vm* vm) noexcept nogil
cdef str word_text(Word w)
cdef object message_of(const Program* program, Word message, object owner)
