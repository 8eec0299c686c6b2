"""Expressions in templates, as the real gator judges them.

    python -m tests.constraints.dialect_cases [--gator PATH]

asks it anew for every case of cases/dialect.yaml.
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
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "all.yaml"
        path.write_text(yaml.safe_dump_all([template(expression), CONSTRAINT, OBJECT]))
        done = subprocess.run(
            [*command, "test", "-f", str(path), "-o", "json"],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    if not done.stdout.strip():
        return "refused"
    found = json.loads(done.stdout)
    return found[0]["msg"] if found else "undefined"


def read() -> list[dict[str, str]]:
    cases: list[dict[str, str]] = yaml.safe_load(CASES.read_text())
    return cases


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--gator", type=Path, default=DEFAULT)
    gator = parser.parse_args().gator
    rows = [{**case, "is": answer([str(gator)], case["of"])} for case in read()]
    head = "".join(
        line + "\n" for line in CASES.read_text().splitlines() if line.startswith("#")
    )
    body = yaml.safe_dump(rows, allow_unicode=True, width=1000, sort_keys=False)
    CASES.write_text(head + body)


if __name__ == "__main__":
    main()
