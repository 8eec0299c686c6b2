"""No compiled function swallows an exception that nobody has thought of.

Cython writes a call of __Pyx_WriteUnraisable into each `noexcept` function that can
meet one: the generated C is the list.
"""

from __future__ import annotations

import re

import yaml

from tests.needs import ROOT

GENERATED = ROOT / "build" / "cython" / "native" / "gatewright" / "_native"
CALL = re.compile(r'__Pyx_WriteUnraisable\("gatewright\._native\.([\w.]+)"')


def test_functions_that_may_swallow_an_exception_are_known() -> None:
    modules = sorted(path.stem for path in (ROOT / "native").rglob("*.pyx"))
    known = yaml.safe_load((ROOT / "tests/source/unraisable.yaml").read_text())

    found = {
        name
        for module in modules
        for name in CALL.findall((GENERATED / f"{module}.c").read_text())
    }

    assert found == set(known)
