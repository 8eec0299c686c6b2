# A review that has arrived: in an evaluation's arena, its frame read.

from libc.stdint cimport uint32_t

from gatewright._native.document cimport Doc
from gatewright._native.evaluation cimport Batch, Evaluation
from gatewright._native.request cimport Frame
from gatewright._native.roster cimport Roster
from gatewright._native.value cimport SeqNode, Word

cdef class Route:
    cdef readonly object lineup
    cdef Roster roster
    cdef Doc namespace

cdef class Arrival:
    cdef Evaluation evaluation
    cdef Batch batch            # what the frame lies in
    cdef Frame frame
    cdef bytes key              # what routes are remembered by; None: by nothing
    cdef readonly Route route
    cdef Word review(self, Doc namespace, bint homeless) except 0
    cdef object document(self, Word w)
    cdef uint32_t add(
        self, SeqNode* seq, uint32_t n, const char* name, Word value
    ) except 0
