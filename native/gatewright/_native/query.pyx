"""Prepared queries: from values to outcome in one call of Python.

Asked step by step from Python the same takes 2 us more, as much as a small query
takes itself.
"""

cimport cython
from libc.stdint cimport int64_t, uint32_t

from gatewright._native.convert cimport to_python, to_word
from gatewright._native.document cimport Doc
from gatewright._native.evaluation cimport O_VALUE, Evaluation
from gatewright._native.host cimport too_deep
from gatewright._native.image cimport Image
from gatewright._native.value cimport UNDEFINED as NONE, Word
from gatewright._native.work cimport now

from gatewright._native.convert import UNDEFINED

cdef enum:
    FAR = 1000000000        # seconds: no deadline, as the clock's ns would overflow
    STRETCH = 1000000       # steps between two looks at signals: a few milliseconds


@cython.final
cdef class Question:
    """A function of an image's first program, which any number of threads may ask.

    `idle`: a list of evaluations of the image that nobody uses, for the questions
    about it to share.  `limits`: what holds when `ask` is given none, an object with
    `steps`, `memory` and `seconds`.  `make_context`: the context of builtins that
    want one.  `conclude(value, failure, failed, json, how)`: what an outcome that is
    more than a value comes to, as `Evaluation.outcome` has it; `how` are the parameters
    of `ask`.  `strict`: gives the question that is asked in
    place of this one where errors of builtins are to be raised, None for itself.
    `quiet` and `paths`: of its evaluations.
    """

    cdef Image image
    cdef uint32_t function
    cdef list idle
    cdef object limits
    cdef object make_context
    cdef object conclude
    cdef object strict
    cdef object known           # limits whose numbers follow
    cdef int64_t steps
    cdef object memory
    cdef object seconds
    cdef object usual           # memory of the evaluations that are idle
    cdef bint quiet
    cdef bint paths

    def __init__(
        self, Image image not None, uint32_t function, *, list idle not None, limits,
        make_context, conclude, strict=None, bint quiet=True, bint paths=True,
    ):
        self.image = image
        self.function = function
        self.idle = idle
        self.limits = limits
        self.make_context = make_context
        self.conclude = conclude
        self.strict = strict
        self.quiet, self.paths = quiet, paths
        self.usual = limits.memory
        self.learn(limits)

    cdef int learn(self, limits) except -1:
        cdef int64_t steps = limits.steps
        self.memory, self.seconds = limits.memory, limits.seconds
        self.steps = steps
        self.known = limits
        return 0

    def ask(
        self,
        *,
        input=UNDEFINED,
        data=None,
        limits=None,
        bint strict_builtin_errors=False,
        context=None,
        list collected=None,
    ):
        """The value of the function in Python form, UNDEFINED when it has none.

        Parameters and errors: those of the engine's `Policy.evaluate`.
        """
        if strict_builtin_errors and self.strict is not None:
            return (<Question>self.strict()).answer(
                input, data, limits, True, context, collected, False
            )
        return self.answer(
            input, data, limits, strict_builtin_errors, context, collected, False
        )

    def ask_json(
        self,
        *,
        input=UNDEFINED,
        data=None,
        limits=None,
        bint strict_builtin_errors=False,
        context=None,
        list collected=None,
    ):
        """As `ask`, but the JSON text of the value: sets are arrays."""
        if strict_builtin_errors and self.strict is not None:
            return (<Question>self.strict()).answer(
                input, data, limits, True, context, collected, True
            )
        return self.answer(
            input, data, limits, strict_builtin_errors, context, collected, True
        )

    cdef object answer(
        self, input, data, limits, bint strict, context, list collected, bint json
    ):
        cdef Evaluation evaluation
        cdef bint usual, done = False
        cdef int64_t deadline = 0, steps
        cdef Word w = NONE
        out, failure, failed = UNDEFINED, None, ()
        if limits is None:
            limits = self.limits
        if limits is not self.known:
            self.learn(limits)
        steps = self.steps
        usual = self.memory is self.usual or self.memory == self.usual
        if self.seconds is not None and <double>self.seconds < FAR:
            deadline = now() + <int64_t>(<double>self.seconds * 1e9)
        if usual and self.idle:
            evaluation = self.idle.pop()
        else:
            evaluation = Evaluation(
                self.image, limit=self.memory, quiet=self.quiet, paths=self.paths
            )
            evaluation.make_context = self.make_context
            evaluation.clear()
        if context is not None:
            evaluation.context = context
        if data is not None:
            evaluation.set_data(data)
        if isinstance(input, Doc):
            # Alive as long as this call; of what outlives it, see below
            if not (<Doc>input).settled:
                (<Doc>input).settle()
            w = (<Doc>input).word
        elif input is not UNDEFINED:
            try:
                w = to_word(evaluation.heap, input)
            except RecursionError as error:
                failure = too_deep(error)
        if failure is None:
            evaluation.begin_one(0, self.function, w, steps)
            evaluation.quiet = not strict and collected is None
            while not done:
                with nogil:
                    done = evaluation.work(STRETCH, deadline)
                if evaluation.raised is not None:
                    evaluation.stopped()
            if evaluation.calls.outcome != O_VALUE or evaluation.calls.collected:
                if isinstance(input, Doc):
                    evaluation.keep(input)
                out, failure, failed = evaluation.outcome()
                context = evaluation.context    # which may have been made on the way
            elif not json:
                try:
                    out = to_python(evaluation.calls.result)
                except RecursionError as error:
                    failure = too_deep(error)
            if json and failure is None:
                out = evaluation.result_doc().json(html=False)
        evaluation.clear()
        if usual:
            self.idle.append(evaluation)
        if failure is not None or failed:
            return self.conclude(
                out,
                failure,
                failed,
                json,
                {
                    "input": input,
                    "data": data,
                    "limits": limits,
                    "strict_builtin_errors": strict,
                    "context": context,
                    "collected": collected,
                },
            )
        return out
