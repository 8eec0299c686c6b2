# Native built-ins: one C signature, found by OPA's name.
#
# A native built-in reads `n` defined operands and returns a value.  On failure
# it returns UNDEFINED with heap.error set to E_TYPE or E_BUILTIN (OPA's text in
# heap.message), or to E_MEMORY, E_DEPTH; UNDEFINED with E_NONE is plain
# undefined.  It may keep operands inside its result: they outlive the heap.

from gatewright._native.value cimport Heap, Word

ctypedef Word (*BuiltinFn)(Heap* heap, const Word* args, int n) noexcept nogil

# NULL when there is no native form; `name` as in OPA's capabilities ("plus",
# "object.get", "internal.member_2"), not NUL-terminated
cdef BuiltinFn find_builtin(const char* name, size_t size) noexcept nogil
# its number of operands, -1 when unknown
cdef int builtin_arity(const char* name, size_t size) noexcept nogil
