"""Writes native/gatewright/_native/opcodes.pxd from gatewright.ir.opcodes.

python tools/generate_opcodes.py           write it
python tools/generate_opcodes.py --check   exit 1 if it is not current
"""

from __future__ import annotations

import sys
from pathlib import Path

from gatewright.ir import opcodes

TARGET = (
    Path(__file__).resolve().parent.parent
    / "native"
    / "gatewright"
    / "_native"
    / "opcodes.pxd"
)
HEAD = """\
# The instructions of the plan language, as C sees them.
# Written by tools/generate_opcodes.py from gatewright.ir.opcodes: edit that table.
"""


def signature(opcode: opcodes.Opcode) -> str:
    """An instruction as a remark: its name and operands, kinds before names."""
    operands = " ".join(f"{kind}:{name}" for kind, name in opcode.operands)
    return f"{opcode.name} {operands}".rstrip()


def kinds(opcode: opcodes.Opcode) -> str:
    """The kinds of the operands, one letter each; `rn` becomes `o` (or none)."""
    return "".join("o" if kind == "rn" else kind for kind, _ in opcode.operands)


def render() -> str:
    """The whole text of the generated file."""
    lines = [HEAD, "cdef enum:"]
    lines += [f"    PLAN_VERSION = {opcodes.PLAN_VERSION}"]
    lines += [f"    OPCODE_COUNT = {len(opcodes.OPCODES)}", ""]
    lines += ["cdef enum Opcode:"]
    for number, opcode in enumerate(opcodes.OPCODES):
        lines += [f"    # {signature(opcode)}", f"    OP_{opcode.name} = {number}"]
    lines += ["", "cdef enum Relation:"]
    for number, relation in enumerate(opcodes.RELATIONS):
        lines += [f"    REL_{relation.upper()} = {number}"]
    lines += ["", "cdef extern from *:", '    """']
    lines += ["    /* The kinds of each instruction's operands (o: register or -1). */"]
    lines += ["    static const char *const GW_OPERANDS[] __attribute__((unused)) = {"]
    for opcode in opcodes.OPCODES:
        lines += [f'        "{kinds(opcode)}", /* {opcode.name} */']
    lines += ["    };", '    """', "    const char *const GW_OPERANDS[]", ""]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Runs the command line; returns the exit code."""
    text = render()
    if "--check" in arguments:
        if TARGET.exists() and TARGET.read_text(encoding="utf-8") == text:
            return 0
        print(f"{TARGET.name} is not current: run {sys.argv[0]}")
        return 1
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
