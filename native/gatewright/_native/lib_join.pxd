# Joins: the elements of a collection of which a part equals a value.
#
# Operands: a collection, a path (an array of strings), a value.  The result is an
# array of elements, in the order of the collection, among them all whose part at the
# path equals the value; or of pairs of key and element.  It has tables in the arena
# (`heap.joins`), for collections that it is asked about again.

from gatewright._native.value cimport Heap, Word

cdef Word lib_matching(Heap* heap, const Word* args, int n) noexcept nogil
cdef Word lib_matching_keys(Heap* heap, const Word* args, int n) noexcept nogil
