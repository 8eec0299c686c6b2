# The form in which referential data is shared: records in segments.
#
#   segment  header | nodes as value.pxd has them, each after all that it refers to
#   record   an array [document, step, step...]: the steps are the strings of the
#            path at which the document lies in the tree of base data
#
# A segment has one writer, which only adds, and any number of processes that map
# it to read.  Equal nodes are one node, so objects that are alike share what they
# have in common.  No segment refers to another.

from libc.stdint cimport uint32_t, uint64_t

from gatewright._native.value cimport Word

cdef enum:
    SEGMENT_VERSION = 1
    SEGMENT_HEADER = 32
    MAX_STEPS = 16

ctypedef struct SegmentHead:
    char magic[8]
    uint32_t version            # SEGMENT_VERSION
    uint32_t number
    uint64_t room               # bytes, header included
    uint64_t unused

cdef bint is_segment(
    const SegmentHead* head, uint32_t number, uint64_t size
) noexcept nogil
