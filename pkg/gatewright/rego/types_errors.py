"""Errors of the type checker: two lines of detail, shortened when they are wide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from gatewright.builtins.declarations import Builtin
from gatewright.builtins.types import (
    AnyType,
    ArrayType,
    FunctionType,
    ObjectType,
    SetType,
    type_json,
)
from gatewright.rego import ast, errors
from gatewright.rego.ast_json import term_json
from gatewright.rego.printer import ref_text, term_text
from gatewright.rego.stages.walk import is_generated
from gatewright.rego.types_algebra import (
    Maybe,
    is_empty,
    is_unknown,
    key_order,
    key_text,
    sprint,
    unifies,
)

__all__ = [
    "TypeProblem",
    "argument_error",
    "invalid_ref",
    "match_error",
    "unsupported_ref",
]

#: Lines wider than this are printed with the parts that agree left out.
_MAX_LINE: Final = 80
#: Types wider than this that are not to blame are cut to their constructor.
_MAX_TYPE: Final = 32
_MAX_DEPTH: Final = 8
_DOCS: Final = "https://www.openpolicyagent.org/docs/errors/rego-type-error/match-error"


@dataclass(frozen=True, slots=True)
class TypeProblem:
    """An error; `unknown` when it may only follow from another one."""

    error: errors.Error
    unknown: bool = False


# Text of types, shortened ---------------------------------------------------


def _composite(name: str, static: Sequence[str], dynamic: str) -> str:
    text = f"{name}<{', '.join(static)}>" if static else name
    return f"{text}[{dynamic}]" if dynamic else text


def _elided(of: Maybe, depth: int) -> str:
    """The text with everything more than `depth` levels down as `...`."""
    if depth < 0:
        return sprint(of)
    if isinstance(of, SetType):
        if of.of is None:
            return sprint(of)
        return f"set[{'...' if depth == 0 else _elided(of.of, depth - 1)}]"
    if isinstance(of, ArrayType):
        static = [_elided(item, depth - 1) for item in of.static]
        if depth == 0 and static:
            static = ["..."]
        dynamic = ""
        if of.dynamic is not None:
            dynamic = "..." if depth == 0 else _elided(of.dynamic, depth - 1)
        return _composite("array", static, dynamic)
    if isinstance(of, ObjectType):
        static = [f"{key_text(k)}: {_elided(v, depth - 1)}" for k, v in of.static]
        if depth == 0 and static:
            static = ["..."]
        dynamic = ""
        if of.dynamic is not None:
            key, value = of.dynamic
            dynamic = "..."
            if depth > 0:
                dynamic = f"{_elided(key, depth - 1)}: {_elided(value, depth - 1)}"
        return _composite("object", static, dynamic)
    if isinstance(of, AnyType):
        if not of.of:
            return "any"
        if depth == 0:
            return "any<...>"
        return f"any<{', '.join(_elided(member, depth - 1) for member in of.of)}>"
    if isinstance(of, FunctionType) and depth == 0:
        has_args = of.args or of.variadic is not None
        result = "???" if of.result is None else "..."
        return f"({'...' if has_args else ''}) => {result}"
    return sprint(of)


def _short(of: Maybe) -> str:
    text = sprint(of)
    return text if len(text) <= _MAX_TYPE else _elided(of, 0)


def _diff(one: Maybe, two: Maybe, depth: int = 0) -> tuple[str, str]:
    """Both texts, with what is the same on both sides shortened or left out."""
    if depth >= _MAX_DEPTH or one is None or two is None or sprint(one) == sprint(two):
        return _short(one), _short(two)
    if isinstance(one, SetType) and isinstance(two, SetType):
        if not is_empty(one) and not is_empty(two):
            left, right = _diff(one.of, two.of, depth + 1)
            return f"set[{left}]", f"set[{right}]"
    elif isinstance(one, ArrayType) and isinstance(two, ArrayType):
        return _diff_arrays(one, two, depth)
    elif isinstance(one, ObjectType) and isinstance(two, ObjectType):
        return _diff_objects(one, two, depth)
    elif isinstance(one, AnyType) and isinstance(two, AnyType):
        return _diff_unions(one, two)
    return _short(one), _short(two)


def _diff_arrays(one: ArrayType, two: ArrayType, depth: int) -> tuple[str, str]:
    if len(one.static) != len(two.static) or (one.dynamic is None) != (
        two.dynamic is None
    ):
        return _elided(one, 1), _elided(two, 1)
    pairs = [
        _diff(a, b, depth + 1) for a, b in zip(one.static, two.static, strict=True)
    ]
    left = right = ""
    if one.dynamic is not None:
        left, right = _diff(one.dynamic, two.dynamic, depth + 1)
    return (
        _composite("array", [pair[0] for pair in pairs], left),
        _composite("array", [pair[1] for pair in pairs], right),
    )


def _diff_objects(one: ObjectType, two: ObjectType, depth: int) -> tuple[str, str]:
    left: list[str] = []
    right: list[str] = []
    same = False
    first = {repr(key_order(key)): (key, value) for key, value in one.static}
    second = {repr(key_order(key)): (key, value) for key, value in two.static}
    for name, (key, value) in first.items():
        if name not in second:
            left.append(f"{key_text(key)}: {_short(value)}")
            continue
        other = second[name][1]
        if sprint(value) == sprint(other):
            same = True
            continue
        a, _ = _diff(value, other, depth + 1)
        left.append(f"{key_text(key)}: {a}")
    for name, (key, value) in second.items():
        if name not in first:
            right.append(f"{key_text(key)}: {_short(value)}")
            continue
        other = first[name][1]
        if sprint(value) != sprint(other):
            right.append(f"{key_text(key)}: {_diff(other, value, depth + 1)[1]}")
    if same:
        left.append("...")
        right.append("...")
    dynamic_left = dynamic_right = ""
    if one.dynamic is not None and two.dynamic is not None:
        key_left, key_right = _diff(one.dynamic[0], two.dynamic[0], depth + 1)
        value_left, value_right = _diff(one.dynamic[1], two.dynamic[1], depth + 1)
        dynamic_left = f"{key_left}: {value_left}"
        dynamic_right = f"{key_right}: {value_right}"
    elif one.dynamic is not None:
        dynamic_left = f"{_short(one.dynamic[0])}: {_short(one.dynamic[1])}"
    elif two.dynamic is not None:
        dynamic_right = f"{_short(two.dynamic[0])}: {_short(two.dynamic[1])}"
    return (
        _composite("object", left, dynamic_left),
        _composite("object", right, dynamic_right),
    )


def _diff_unions(one: AnyType, two: AnyType) -> tuple[str, str]:
    first, second = set(map(sprint, one.of)), set(map(sprint, two.of))
    left = [_short(of) for of in one.of if sprint(of) not in second]
    right = [_short(of) for of in two.of if sprint(of) not in first]
    if first & second:
        left.append("...")
        right.append("...")
    return (
        f"any<{', '.join(left)}>" if left else "any",
        f"any<{', '.join(right)}>" if right else "any",
    )


# Errors ---------------------------------------------------------------------


def _wide(*lines: str) -> bool:
    return any(len(line) > _MAX_LINE for line in lines)


def _named(name: str, text: str) -> str:
    return f"{name}: {text}" if name else text


def argument_error(
    loc: ast.Location,
    operator: ast.Ref,
    message: str,
    have: Sequence[Maybe],
    want: Builtin | FunctionType,
    *,
    output: bool = False,
    whole: bool = False,
) -> TypeProblem:
    """A call with operands that the function does not take.

    `output`: the list of wanted operands ends with the result.  `whole`: however wide,
    types are printed in full, as before OPA 1.18.
    """
    types: list[Maybe] = list(want.args)
    names = [""] * len(types)
    if isinstance(want, Builtin):
        names = list(want.arg_names) + [""] * (len(types) - len(want.arg_names))
    if output and want.result is not None:
        types.append(want.result)
        names.append(want.result_name if isinstance(want, Builtin) else "")
    variadic = want.variadic

    def line(label: str, parts: list[str]) -> str:
        return f"{label}: ({', '.join(parts)})"

    wants = [_named(name, sprint(of)) for name, of in zip(names, types, strict=True)]
    if variadic is not None:
        wants.append(f"{sprint(variadic)}...")
    have_line, want_line = line("have", list(map(sprint, have))), line("want", wants)
    if not whole and _wide(have_line, want_line):
        haves = list(map(_short, have))
        wants = [_short_named(n, t) for n, t in zip(names, types, strict=True)]
        for i, (given, of) in enumerate(zip(have, types)):  # noqa: B905 - shorter ends
            if given is not None and of is not None and unifies(given, of):
                continue
            left, right = _diff(given, of)
            haves[i], wants[i] = left, _named(names[i], right)
        if variadic is not None:
            wants.append(f"{_short(variadic)}...")
        have_line, want_line = line("have", haves), line("want", wants)
    error = errors.Error(
        errors.TYPE_ERROR,
        f"{ref_text(operator)}: {message}",
        loc,
        (have_line, want_line),
        {
            "have": list(map(_json, have)),
            "want": _wanted_json(types, names, variadic),
        },
    )
    return TypeProblem(error, any(map(is_unknown, have)))


def _wanted_json(
    types: Sequence[Maybe], names: Sequence[str], variadic: Maybe
) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if types:
        out["args"] = [
            {**(_json(of) or {}), **({"name": name} if name else {})}
            for of, name in zip(types, names, strict=True)
        ]
    if variadic is not None:
        out["variadic"] = _json(variadic)
    return out


def _json(of: Maybe) -> dict[str, Any] | None:
    """A type as details in JSON show it: its parts in order of their names."""
    found: dict[str, Any] | None = _sorted_keys(type_json(of))
    return found


def _sorted_keys(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _sorted_keys(node[key]) for key in sorted(node)}
    return list(map(_sorted_keys, node)) if isinstance(node, list) else node


def _short_named(name: str, of: Maybe) -> str:
    """A named operand; its name counts towards the width."""
    full = _named(name, sprint(of))
    return full if len(full) <= _MAX_TYPE else _named(name, _elided(of, 0))


def match_error(
    loc: ast.Location, left: Maybe, right: Maybe, *, whole: bool = False
) -> TypeProblem:
    """Two sides of an equality that no value satisfies.

    `whole`: as in `argument_error`, and without a hint.
    """
    lines = [f"left  : {sprint(left)}", f"right : {sprint(right)}"]
    if not whole and _wide(*lines):
        one, two = _diff(left, right)
        lines = [f"left  : {one}", f"right : {two}"]
    for kind, name in (
        (ObjectType, "objects"),
        (ArrayType, "arrays"),
        (SetType, "sets"),
    ):
        if not whole and isinstance(left, kind) and isinstance(right, kind):
            lines.append(
                f"hint  : both sides are {name} but their types differ,"
                f" so they can never be equal (see {_DOCS})"
            )
    data = {"a": _json(left), "b": _json(right)}
    error = errors.Error(errors.TYPE_ERROR, "match error", loc, tuple(lines), data)
    return TypeProblem(error, is_unknown(left) or is_unknown(right))


def invalid_ref(
    loc: ast.Location,
    ref: ast.Ref,
    at: int,
    have: Maybe,
    want: Maybe,
    one_of: Sequence[ast.Term],
) -> TypeProblem:
    """A ref with an element that the value below it does not have."""
    terms = ref.terms
    pad = " " * (len(ref_text(terms[:at])) + 1)
    lines = [ref_text(terms), f"{pad}^"]
    if have is None:
        lines.append(f"{pad}have: {term_text(terms[at])}")
    else:
        lines.append(f"{pad}have (type): {sprint(have)}")
    if one_of:
        listed = " ".join(map(term_text, one_of))
        lines.append(f"{pad}want (one of): [{listed}]")
    elif want is None:
        lines.append(f"{pad}want (one of): []")
    else:
        lines.append(f"{pad}want (type): {sprint(want)}")
    data = _ref_json(terms, at)
    if have is not None:
        data["have"] = _json(have)
    data["want"] = None if want is None else _json(want)
    values = [term_json(term)["value"] for term in one_of]
    data["oneOf"] = values or None
    return TypeProblem(_undefined(loc, terms, lines, data))


def _ref_json(terms: Sequence[ast.Term], at: int) -> dict[str, Any]:
    return {"ref": list(map(term_json, terms)), "pos": at}


def _undefined(
    loc: ast.Location,
    terms: Sequence[Any],
    lines: Sequence[str],
    data: dict[str, Any],
) -> errors.Error:
    message = f"undefined ref: {ref_text(terms)}"
    return errors.Error(errors.TYPE_ERROR, message, loc, tuple(lines), data)


def unsupported_ref(
    loc: ast.Location, ref: ast.Ref, at: int, have: Maybe
) -> TypeProblem:
    """A ref into a value that has no elements; a function that is not called."""
    terms = ref.terms
    lines = (
        ref_text(terms),
        "^" * len(ref_text(terms[: at + 1])),
        f"have: {sprint(have)}",
    )
    data = _ref_json(terms, at)
    data["have"] = _json(have)
    if not isinstance(have, FunctionType):
        return TypeProblem(_undefined(loc, terms, lines, data))
    last = terms[-1]
    if type(last) is ast.Var and is_generated(last.name):
        terms = terms[:-1]
    message = f"function {ref_text(terms)} used as reference, not called"
    data["ref"] = list(map(term_json, terms))
    return TypeProblem(errors.Error(errors.TYPE_ERROR, message, loc, lines, data))
