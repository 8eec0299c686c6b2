"""Expressions in templates, and whole templates, as the real gator judges them.

    python -m tests.constraints.dialect_cases [--gator PATH]

asks it anew for every case of cases/dialect.yaml and cases/dialect_modules.yaml.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import yaml

CASES = Path(__file__).with_name("cases") / "dialect.yaml"
MODULES = CASES.with_name("dialect_modules.yaml")
DEFAULT = Path.home() / ".cache" / "gatewright-peers" / "bin" / "gator"


def template(expression: str) -> dict[str, Any]:
    """A template whose only message is what an expression gives, as JSON."""
    heads, _, value = expression.rpartition("; ")
    body = "; ".join(filter(None, [heads, f"x := {value}"]))
    rego = (
        "package dialect\n\nimport future.keywords\n\n"
        f'violation[{{"msg": json.marshal(x)}}] {{ {body} }}\n'
    )
    if "import " in expression:
        imports, _, value = expression.partition("; ")
        rego = (
            f"package dialect\n\n{imports}\n\n"
            f'violation contains {{"msg": json.marshal(x)}} if {{ x := {value} }}\n'
        )
    return template_of(rego)


def template_of(rego: str) -> dict[str, Any]:
    """A template with a module."""
    return {
        "apiVersion": "templates.gatekeeper.sh/v1",
        "kind": "ConstraintTemplate",
        "metadata": {"name": "dialect"},
        "spec": {
            "crd": {"spec": {"names": {"kind": "Dialect"}}},
            "targets": [{"target": "admission.k8s.gatekeeper.sh", "rego": rego}],
        },
    }


CONSTRAINT = {
    "apiVersion": "constraints.gatekeeper.sh/v1beta1",
    "kind": "Dialect",
    "metadata": {"name": "dialect"},
}
OBJECT = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}}


def answer(command: list[str], expression: str) -> str:
    """The message, "undefined", or "refused" where the template does not compile."""
    messages, error = _tested(command, template(expression))
    if error:
        return "refused"
    return messages[0] if messages else "undefined"


def verdict(command: list[str], rego: str) -> list[str] | str:
    """The messages of a template, or why it is refused."""
    messages, error = _tested(command, template_of(rego))
    return error.removeprefix("auditing objects: ") if error else messages


def _tested(command: list[str], tested: dict[str, Any]) -> tuple[list[str], str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "all.yaml"
        path.write_text(yaml.safe_dump_all([tested, CONSTRAINT, OBJECT]))
        done = subprocess.run(
            [*command, "test", "-f", str(path), "-o", "json"],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    if not done.stdout.strip():
        return [], done.stderr.strip()
    return sorted({found["msg"] for found in json.loads(done.stdout) or ()}), ""


def read(path: Path = CASES) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = yaml.safe_load(path.read_text())
    return cases


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--gator", type=Path, default=DEFAULT)
    gator = parser.parse_args().gator
    for path, asked in ((CASES, answer), (MODULES, verdict)):
        rows = [{**case, "is": asked([str(gator)], case["of"])} for case in read(path)]
        head = "".join(
            line + "\n" for line in path.read_text().splitlines() if line[:1] == "#"
        )
        body = yaml.dump(
            rows, Dumper=_Readable, allow_unicode=True, width=1000, sort_keys=False
        )
        path.write_text(head + body)


class _Readable(yaml.SafeDumper):
    """Texts of several lines as blocks."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Readable.add_representer(str, _text)


if __name__ == "__main__":
    main()
