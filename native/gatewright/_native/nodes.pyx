"""Making nodes of the syntax tree: what a dataclass does in Python, in native memory.

Some 45,000 nodes and places are made while 37 templates are compiled, and each cost
a call of an `__init__` written by `dataclasses`.  A type that was given to `construct`
makes its nodes here instead; it says what goes into which slot, and what stands for
what is left out.  What does not fit goes to the `__init__`, which says why.
"""

cimport cython
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from gatewright._native.slots cimport offset_of, slot_at

cdef extern from *:
    """
    static inline void gw_make_by(PyObject *type, vectorcallfunc make) {
        ((PyTypeObject *)type)->tp_vectorcall = make;
    }
    static inline PyObject *gw_new(PyObject *type) {
        return ((PyTypeObject *)type)->tp_alloc((PyTypeObject *)type, 0);
    }
    """
    ctypedef object (*vectorcallfunc)(object, PyObject**, size_t, PyObject*)
    void gw_make_by(object kind, vectorcallfunc make)
    object gw_new(object kind)
    Py_ssize_t PyVectorcall_NARGS(size_t nargsf)
    PyObject* PyDict_GetItemWithError(object table, object key) except? NULL
    PyObject* PyTuple_GET_ITEM(PyObject* items, Py_ssize_t at)
    Py_ssize_t PyTuple_GET_SIZE(PyObject* items)


#: The most slots of a type.
cdef enum:
    MOST = 12

#: By type: how its nodes are made.
cdef dict FORMS = {}


@cython.final
cdef class _Form:
    cdef int count
    cdef Py_ssize_t slots[MOST]
    cdef tuple names
    # What stands for a slot that was not given: a value, `list` for a new list each
    # time, or `_needed`.
    cdef tuple defaults


cdef object _needed = object()


def construct(kind, fields, needed):
    """Lets the nodes of a class be made here.

    `fields` has the names of its slots in their order, each with what stands for a
    value that is not given: `list` for a new list, `needed` where there is nothing.
    Raises TypeError for what is no slot, ValueError if there are too many."""
    cdef _Form form = _Form.__new__(_Form)
    if len(fields) > MOST:
        raise ValueError("too many slots")
    form.names = tuple([name for name, _ in fields])
    form.defaults = tuple(
        [_needed if value is needed else value for _, value in fields]
    )
    for name in form.names:
        form.slots[form.count] = offset_of(kind, name)
        form.count += 1
    FORMS[kind] = form
    gw_make_by(kind, <vectorcallfunc>make)


cdef object refused(object kind, PyObject** args, Py_ssize_t given, PyObject* names):
    # As Python would make it: it raises.
    cdef list values = []
    cdef dict named = {}
    cdef Py_ssize_t at
    for at in range(given):
        values.append(<object>args[at])
    if names is not NULL:
        for at in range(PyTuple_GET_SIZE(names)):
            named[<object>PyTuple_GET_ITEM(names, at)] = <object>args[given + at]
    node = gw_new(kind)
    kind.__init__(node, *values, **named)
    return node


cdef object make(object kind, PyObject** args, size_t nargsf, PyObject* names):
    cdef Py_ssize_t given = PyVectorcall_NARGS(nargsf)
    cdef PyObject* found = PyDict_GetItemWithError(FORMS, kind)
    cdef _Form form
    cdef Py_ssize_t at, place
    cdef PyObject** slot
    cdef PyObject* name
    if found is NULL:
        raise TypeError("a type without a form")
    form = <_Form>found
    if given > form.count:
        return refused(kind, args, given, names)
    node = gw_new(kind)
    for at in range(given):
        Py_INCREF(<object>args[at])
        slot_at(node, form.slots[at])[0] = args[at]
    if names is not NULL:
        for at in range(PyTuple_GET_SIZE(names)):
            name = PyTuple_GET_ITEM(names, at)
            place = given
            while (
                place < form.count
                and PyTuple_GET_ITEM(<PyObject*>form.names, place) is not name
            ):
                place += 1
            if place == form.count:
                return refused(kind, args, given, names)
            slot = slot_at(node, form.slots[place])
            if slot[0] is not NULL:
                return refused(kind, args, given, names)
            Py_INCREF(<object>args[given + at])
            slot[0] = args[given + at]
    for place in range(given, form.count):
        slot = slot_at(node, form.slots[place])
        if slot[0] is not NULL:
            continue
        value = form.defaults[place]
        if value is list:
            value = []
        elif value is _needed:
            return refused(kind, args, given, names)
        Py_INCREF(value)
        slot[0] = <PyObject*>value
    return node
