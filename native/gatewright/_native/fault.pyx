"""Exceptions of Python where nothing may raise: errors of the heap, or put off."""

from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF

from gatewright._native.value cimport (
    E_BUILTIN, E_CANCEL, E_INTERNAL, E_MEMORY, ErrorKind, Heap, fail,
)

cdef extern from "Python.h":
    int Py_AddPendingCall(int (*function)(void*) noexcept, void* argument)
    void PyErr_SetObject(object kind, object value)


cdef int raise_now(void* argument) noexcept:
    # Python calls it between two instructions of the main thread, where alone
    # interrupts come from; -1: an exception is set
    error = <object>argument
    Py_DECREF(error)
    PyErr_SetObject(type(error), error)
    return -1


cdef bint put_off(object error) noexcept:
    if isinstance(error, Exception):
        return False
    Py_INCREF(error)
    if Py_AddPendingCall(raise_now, <void*><PyObject*>error) != 0:
        Py_DECREF(error)        # 32 are waiting: one of them will be raised
    return True


cdef void fail_raised(
    Heap* heap, ErrorKind kind, const char* before, object error
) noexcept:
    if put_off(error):
        fail(heap, E_CANCEL, b"caller cancelled query execution")
        return
    if isinstance(error, MemoryError):
        fail(heap, E_MEMORY, b"out of memory")
        return
    # Whatever goes wrong below, an error stands
    fail(heap, E_INTERNAL, b"an error without words")
    try:
        text = str(error) if kind == E_BUILTIN else repr(error)
        message = before + text.encode("utf-8", "surrogateescape")
        fail(heap, kind, <const char*>message)
    except BaseException as second:
        put_off(second)
