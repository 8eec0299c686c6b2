# Strings by Go's %q and %x.

from libc.stdint cimport uint32_t

from gatewright._native.verb cimport Print
from gatewright._native.writer cimport Out

cdef void print_quoted(Print* p, const char* text, size_t size) noexcept nogil
cdef void print_hex_text(
    Print* p, const char* text, size_t size, bint upper
) noexcept nogil
cdef void quote_rune(Out* out, uint32_t code, bint ascii) noexcept nogil
