# cython: cdivision=True
"""Builtins in Python: their operands, their context, and what they raise."""

from libc.stdint cimport int32_t

from gatewright._native.convert cimport to_python, to_word
from gatewright._native.fault cimport fail_raised, put_off
from gatewright._native.frame cimport Vm
from gatewright._native.outcome cimport word_text
from gatewright._native.program cimport BF_CONTEXT, Builtin, constant
from gatewright._native.value cimport (
    E_BUILTIN, E_CANCEL, E_INTERNAL, E_MEMORY, E_TYPE, UNDEFINED as NONE, ErrorKind,
    Heap, Word, fail,
)
from gatewright._native.vm cimport vm_set_python_call
from gatewright._native.work cimport Account, account, unfolded

from gatewright._native.convert import UNDEFINED, LimitError
from gatewright._native.work import OverBudget

#: Of operands and of results; `gatewright.engine.deep` raises the limit.
cdef str TOO_DEEP = "a value is nested deeper than Python may recurse"

cdef enum:
    PYTHON_CALL = 250           # steps of any call of a builtin in Python: some 1 us


cdef tuple too_deep(error):
    # What `outcome` says of a value that cannot be given to Python, or taken from it
    return ("error", "eval_internal_error", TOO_DEEP, None, error)


cdef class Host:
    """What builtins in Python see of who runs them.

    `image` has the errors that they raise; `context` is for those that want one, and
    made by `make_context` when the first one asks.
    """


cdef void fail_text(Heap* heap, ErrorKind kind, object message) noexcept:
    # Whatever goes wrong below, an error stands
    fail(heap, kind, b"an error without words")
    try:
        text = str(message).encode("utf-8", "surrogateescape")
        fail(heap, kind, <const char*>text)
    except BaseException as second:
        put_off(second)


cdef Word call_python(
    Vm* vm, int32_t number, const Word* args, int n
) noexcept with gil:
    cdef Heap* heap = vm.heap
    cdef Account* mine = account()
    cdef size_t size
    cdef int i
    if vm.owner == NULL:
        fail(heap, E_INTERNAL, b"no builtins of Python here")
        return NONE
    for i in range(n):
        size = unfolded(args[i], heap.limit)
        if size > heap.limit:
            fail(heap, E_MEMORY, b"memory limit exceeded")
            return NONE
        mine.spent += size >> 5
    mine.spent += PYTHON_CALL
    try:
        return carry_out(vm, &vm.program.builtins[number], args, n)
    except BaseException as error:
        # An error of an error: its text, or an error class that is none
        fail_raised(heap, E_INTERNAL, b"", error)
    return NONE


cdef Word carry_out(
    Vm* vm, const Builtin* builtin, const Word* args, int n
) except? 0:
    cdef Host host = <Host>vm.owner
    cdef Heap* heap = vm.heap
    cdef int i
    try:
        operands = [to_python(args[i]) for i in range(n)]
        if builtin.flags & BF_CONTEXT:
            if host.context is None and host.make_context is not None:
                host.context = host.make_context()
            operands.insert(0, host.context)
        value = (<object>builtin.python)(*operands)
        if value is UNDEFINED:
            return NONE
        return to_word(heap, value)
    except host.image.binding.operand_error as error:
        fail_text(heap, E_TYPE, f"{name_of(vm, builtin)}: {error}")
    except host.image.binding.builtin_error as error:
        fail_text(heap, E_BUILTIN, f"{name_of(vm, builtin)}: {error}")
    except host.image.binding.unsupported as error:
        fail_text(heap, E_INTERNAL, f"{error}")
    except OverBudget as error:
        # Over its steps: `work` sees that for itself
        if error.reason == "memory":
            fail(heap, E_MEMORY, b"memory limit exceeded")
        else:
            fail(heap, E_CANCEL, b"caller cancelled query execution")
    except (LimitError, MemoryError):
        fail(heap, E_MEMORY, b"memory limit exceeded")
    except RecursionError as error:
        host.raised = error
        fail_text(heap, E_INTERNAL, f"{name_of(vm, builtin)}: {TOO_DEEP}")
    except BaseException as error:
        # It is raised, or becomes the cause of an error, once the GIL is ours again.
        host.raised = error
        fail_text(
            heap, E_INTERNAL, f"{name_of(vm, builtin)}: {type(error).__name__}: {error}"
        )
    return NONE


cdef str name_of(Vm* vm, const Builtin* builtin):
    return word_text(constant(vm.program, builtin.name))


vm_set_python_call(call_python)
