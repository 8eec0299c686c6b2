"""Golden blocks of the compiler: a module or query, and what comes out.

Flags of modules: `v0`, `strict` (OPA's -S), `noprint` (print calls are erased).
A source may hold several modules, separated by lines of `---`.
"""

from __future__ import annotations

from pathlib import Path

from gatewright.rego import ast, compiler, errors, parser, printer
from gatewright.rego.compiled import Compiled, CompileOptions
from tests.golden import Block

CASES = Path(__file__).parent / "cases"


def options(block: Block) -> CompileOptions:
    return CompileOptions(
        strict="strict" in block.flags, print_enabled="noprint" not in block.flags
    )


def sources(block: Block) -> dict[str, str]:
    """The modules of a block by file name."""
    texts = block.source.split("---\n")
    if len(texts) == 1:
        return {"t.rego": texts[0]}
    return {f"t{i}.rego": text for i, text in enumerate(texts)}


def compile_source(block: Block) -> Compiled:
    """Raises RegoErrors."""
    version = 0 if "v0" in block.flags else 1
    modules = {
        name: parser.parse_module(name, text, version=version)
        for name, text in sources(block).items()
    }
    return compiler.compile_modules(modules, options=options(block))


def error_text(found: errors.RegoErrors) -> str:
    """A line per error, with row and column, then its details."""
    lines = []
    for error in found.errors:
        place = "-"
        if error.loc is not None:
            file = "" if error.loc.file in ("", "t.rego") else f"{error.loc.file}:"
            place = f"{file}{error.loc.row}:{error.loc.col}"
        lines.append(f"{place} {error.code}: {error.message}")
        lines += [f"\t{detail}" for detail in error.details]
    return "\n".join(lines)


def outcome(block: Block) -> str:
    """The errors of a source, or `ok`."""
    try:
        compile_source(block)
    except errors.RegoErrors as found:
        return error_text(found)
    return "ok"


def rewritten(block: Block) -> str:
    """The rules of a source after the last stage, a line per expression."""
    compiled = compile_source(block)
    lines: list[str] = []
    for module in compiled.modules.values():
        for rule in module.rules:
            lines += rule_lines(rule)
    return "\n".join(lines)


def rule_lines(rule: ast.Rule) -> list[str]:
    lines: list[str] = []
    branch: ast.Rule | None = rule
    word = "default " if rule.default else ""
    while branch is not None:
        lines.append(word + printer.head_text(branch.head))
        lines += [f"  {line}" for line in body_lines(branch.body)]
        word, branch = "else ", branch.else_
    return lines


def body_lines(body: ast.Body) -> list[str]:
    return [printer.expr_text(expr) for expr in body]
