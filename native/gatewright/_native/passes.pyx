"""The passes over the code of one function: jumps, moves, dead code, registers.

Instructions come in as tuples and lie in one table while the passes run over it;
what no pass touched goes back as the tuple that it was.  In Python the same took a
fifth of all compiling.  plan/passes/code.py shows what each of them does.

    pass_code       the table, checked as it is filled
    pass_jumps      jumps to jumps, code never reached
    pass_moves      values computed where they are wanted
    pass_dead       results that nobody reads
    pass_registers  as few registers as will do
"""

cimport cython
from libc.stdint cimport int32_t, int64_t

from gatewright._native.pass_code cimport Code, Instr
from gatewright._native.pass_dead cimport bury
from gatewright._native.pass_jumps cimport straighten
from gatewright._native.pass_moves cimport coalesce
from gatewright._native.pass_registers cimport pack


@cython.final
cdef class Passes(Code):
    """The passes over one function's code."""

    def run(
        self, names, code, *, int64_t registers, int64_t params, calls, constant, make
    ):
        """Runs the passes of these names, in their order, over one function's code.

        `params`: its parameters, the first of its `registers`; `calls`: the number of
        parameters of each function; `constant` gives the index of `false` among the
        constants; `make` an instruction from (op, args).  Gives the code, for each
        instruction the number of the one it was, and how many registers there are.
        Raises ValueError if the code refers to what is not there.
        """
        cdef int32_t i, j
        cdef Instr* instr
        cdef list old = list(code)
        cdef list out = []
        cdef list origins = []
        self.registers = registers
        self.params = params
        self.calls = calls
        if not 0 <= params <= registers:
            raise ValueError("more parameters than registers")
        self.load(old)
        try:
            for name in names:
                if name == "jumps":
                    while straighten(self, constant):
                        pass
                elif name == "moves":
                    coalesce(self)
                elif name == "dead":
                    bury(self)
                elif name == "registers":
                    pack(self)
                else:
                    raise ValueError(f"no pass {name}")
            for i in range(self.count):
                instr = &self.code[i]
                origins.append(instr.origin)
                if instr.changed:
                    args = [instr.args[j] for j in range(instr.count)]
                    out.append(make((instr.op, tuple(args))))
                else:
                    out.append(old[instr.origin])
            return out, origins, self.registers
        finally:
            self.calls = None
            self.clear()
