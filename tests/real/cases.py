"""Evaluations of a code base whose own tests are documents, not rules.

Its description says under `evaluate` what is asked:

    {"package": "Cx",        the package of its rules
     "rule": "CxPolicy",     what is asked of each
     "alone": true,          its host loads each file alone: each one's package gets
                             a name of its own below that package
     "fixtures": "test"}     the folder beside a file of rules with what they judge

A fixture is a JSON or YAML file. Its documents are `input.document`, a list of
objects; a list at the top stands under `playbooks`.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

#: The rule that a query asks for: of each case its name and what came out.
QUERY: Final = "data.real_cases.found"


def lay_out(folder: Path, paths: tuple[str, ...], how: dict[str, Any], to: Path) -> int:
    """Write the modules, the cases and the rule that asks; the number of cases."""
    package = re.compile(rf"^package {re.escape(how['package'])}$", re.MULTILINE)
    cases = []
    for path in sorted(p for part in paths for p in (folder / part).rglob("*.rego")):
        relative = path.relative_to(folder)
        text = path.read_text(encoding="utf-8")
        if package.search(text):
            name = re.sub(r"\W", "_", str(relative.parent))
            text = package.sub(f"package {how['package']}.{name}", text, count=1)
            for fixture in sorted((path.parent / how["fixtures"]).rglob("*")):
                if documents := list(documents_of(fixture)):
                    case = str(fixture.relative_to(folder))
                    row = {"name": case, "package": name, "input": documents}
                    cases.append(row)
        module = to / relative
        module.parent.mkdir(parents=True, exist_ok=True)
        module.write_text(text, encoding="utf-8")
    (to / "data.json").write_text(json.dumps({"cases": cases}))
    (to / "real_cases.rego").write_text(
        "package real_cases\n"
        "found := [[one.name, out] | one := data.cases[_];"
        f" out := data.{how['package']}[one.package].{how['rule']}"
        ' with input as {"document": one.input}]\n'
    )
    return len(cases)


def documents_of(path: Path) -> Iterator[dict[str, Any]]:
    """The documents of a fixture that JSON can hold."""
    if path.suffix not in (".json", ".yaml", ".yml") or "expected_result" in path.name:
        return
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        if path.suffix == ".json":
            found = [json.loads(text)]
        else:
            found = list(yaml.load_all(text, Loader=yaml.CSafeLoader))
        json.dumps(found)
    except (ValueError, TypeError, yaml.YAMLError):
        return  # some are broken on purpose, or hold dates
    for number, one in enumerate(found):
        if isinstance(one, list):
            one = {"playbooks": one}
        if isinstance(one, dict):
            yield {**one, "id": f"document {number}", "file": path.name}


def copy_without(folder: Path, names: tuple[str, ...], to: Path) -> None:
    """A copy of a code base without some of its files."""
    shutil.copytree(folder, to, symlinks=True, ignore=shutil.ignore_patterns(*names))
