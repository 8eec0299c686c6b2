"""Slots of Python classes, read and written where their descriptors say they lie."""

from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_XDECREF


cdef extern from "Python.h":
    """
    #include <structmember.h>
    static inline Py_ssize_t gw_slot_offset(PyObject *descriptor) {
        if (!Py_IS_TYPE(descriptor, &PyMemberDescr_Type)) return 0;
        PyMemberDef *member = ((PyMemberDescrObject *)descriptor)->d_member;
        return member->type == T_OBJECT_EX ? member->offset : 0;
    }
    """
    Py_ssize_t gw_slot_offset(object descriptor)


cdef inline Py_ssize_t offset_of(object kind, str name) except -1:
    """Where a slot of a class lies. Raises TypeError for what is none, and KeyError."""
    cdef Py_ssize_t offset = gw_slot_offset(kind.__dict__[name])
    if offset <= 0:
        raise TypeError(f"{kind.__name__}.{name} is no slot")
    return offset


cdef inline PyObject** slot_at(object node, Py_ssize_t offset) noexcept:
    return <PyObject**>(<char*><PyObject*>node + offset)


cdef inline object read(object node, Py_ssize_t offset):
    """What is in a slot of an object of the class that the offset is of."""
    cdef PyObject* value = slot_at(node, offset)[0]
    if value is NULL:
        raise AttributeError("a node is not filled in")
    return <object>value


cdef inline int write(object node, Py_ssize_t offset, object value) except -1:
    """Puts a value into such a slot."""
    cdef PyObject** slot = slot_at(node, offset)
    cdef PyObject* before = slot[0]
    Py_INCREF(value)
    slot[0] = <PyObject*>value
    Py_XDECREF(before)
    return 0
