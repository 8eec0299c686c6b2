"""Fill in what the real one says: `python -m tests.fuzz.record [FILE ...]`.

A case file is a YAML list: `name`, `version` (1), `modules` (texts, the last package
to look at is `u`), `data`, `input` (JSON texts), and as recorded `lenient` and
`strict`, the outcome with builtin errors ignored and raised.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

from tests.fuzz.compare import VIEW, theirs
from tests.fuzz.opa_server import OpaServer
from tests.needs import require_peer

CASES = Path(__file__).parent / "cases"


def read(path: Path) -> list[dict[str, Any]]:
    return yaml.safe_load(path.read_text())


def sources(case: dict[str, Any]) -> dict[str, str]:
    modules = {f"m{at}.rego": text for at, text in enumerate(case["modules"])}
    return {"view.rego": VIEW[case.get("version", 1)], **modules}


class _Dumper(yaml.SafeDumper):
    pass


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def record(path: Path, servers: dict[int, OpaServer]) -> None:
    cases = read(path)
    for case in cases:
        server = servers[case.get("version", 1)]
        lenient, strict, _ = theirs(
            server, sources(case), case.get("data", "{}"), case.get("input", "")
        )
        case["lenient"] = str(lenient)
        case["strict"] = str(strict)
    path.write_text(
        yaml.dump(
            cases, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000
        )
    )


def main() -> None:
    opa = require_peer("opa")
    with OpaServer(opa, 0) as old, OpaServer(opa, 1) as new:
        for path in map(Path, sys.argv[1:] or map(str, sorted(CASES.glob("*.yaml")))):
            record(path, {0: old, 1: new})


if __name__ == "__main__":
    main()
