"""Suites: tests of templates and constraints, as they are written down.

A suite is a resource of kind Suite in group test.gatekeeper.sh, of any version.
Paths in it are relative to its file.  Unknown fields are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gatewright.k8s import gostruct, gvk

__all__ = ["Assertion", "Case", "Suite", "Test", "is_suite", "parse"]

GROUP: Final = "test.gatekeeper.sh"
KIND: Final = "Suite"


@dataclass(frozen=True, slots=True)
class Assertion:
    """What must hold of the violations whose message matches.

    `violations` is their number, "yes" (at least one) or "no", None for "yes";
    anything else is wrong.  `message` is an RE2 expression, None for all messages.
    """

    violations: int | str | None
    message: str | None


@dataclass(frozen=True, slots=True)
class Case:
    """An object to review, with the objects that are there already."""

    name: str
    object: str
    inventory: Sequence[str]
    assertions: Sequence[Assertion]
    skip: bool


@dataclass(frozen=True, slots=True)
class Test:
    """A template and a constraint, and cases for them.

    `invalid`: the constraint must fail the schema of the template; no cases then.
    """

    name: str
    template: str
    constraint: str
    expansion: str
    cases: Sequence[Case]
    invalid: bool
    skip: bool


@dataclass(frozen=True, slots=True)
class Suite:
    """One file of tests.  `path` is where it lies, `shown` how it is called."""

    path: str
    shown: str
    tests: Sequence[Test]
    skip: bool


def _int_or_string(item: Any) -> int | str:
    if isinstance(item, str):
        return item
    number: int = gostruct.decode(item, gostruct.INT32)
    return number


_ASSERTION: Final = gostruct.struct(
    "verify.Assertion",
    {
        "violations": gostruct.custom("intstr.IntOrString", _int_or_string),
        "message": gostruct.optional(gostruct.STRING),
    },
)
_CASE: Final = gostruct.struct(
    "verify.Case",
    {
        "name": gostruct.STRING,
        "object": gostruct.STRING,
        "inventory": gostruct.array(gostruct.STRING),
        "assertions": gostruct.array(_ASSERTION),
        "skip": gostruct.BOOL,
    },
)
_TEST: Final = gostruct.struct(
    "verify.Test",
    {
        "name": gostruct.STRING,
        "template": gostruct.STRING,
        "constraint": gostruct.STRING,
        "expansion": gostruct.STRING,
        "cases": gostruct.array(gostruct.optional(_CASE)),
        "invalid": gostruct.BOOL,
        "skip": gostruct.BOOL,
    },
)
_SUITE: Final = gostruct.struct(
    "verify.Suite", {"tests": gostruct.array(_TEST), "skip": gostruct.BOOL}
)


def is_suite(obj: Mapping[str, Any]) -> bool:
    """Tell whether an object is a suite."""
    named = gvk.gvk_of(obj)
    return named.group == GROUP and named.kind == KIND


def parse(obj: Mapping[str, Any], *, path: str, shown: str) -> Suite:
    """Return the suite that an object is; raise gostruct.UnmarshalError."""
    decoded = gostruct.decode(obj, _SUITE)
    tests = [_test(one) for one in decoded["tests"] or ()]
    return Suite(path, shown, tests, decoded["skip"])


def _test(item: Mapping[str, Any]) -> Test:
    return Test(
        name=item["name"],
        template=item["template"],
        constraint=item["constraint"],
        expansion=item["expansion"],
        cases=[_case(one or _CASE.zero()) for one in item["cases"] or ()],
        invalid=item["invalid"],
        skip=item["skip"],
    )


def _case(item: Mapping[str, Any]) -> Case:
    assertions = [
        Assertion(one["violations"], one["message"]) for one in item["assertions"] or ()
    ]
    return Case(
        name=item["name"],
        object=item["object"],
        inventory=tuple(item["inventory"] or ()),
        assertions=assertions,
        skip=item["skip"],
    )
