"""The case files of the parser: reading, writing, and the forms they compare.

A case has `source`, `version` (1 when left out), perhaps `locations`, and `want`:
for errors one paragraph each (`row:col: message`, then the line and the caret),
for trees one line of JSON for the package, each import, rule and annotation.
What is wanted comes from the real OPA; `python -m tests.rego_parse.record`
writes it anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from gatewright.rego import ast_json, parser, source
from gatewright.rego.errors import RegoErrors

CASES = Path(__file__).parent / "cases"


def read(name: str) -> list[dict[str, Any]]:
    """Return the cases of one file."""
    return yaml.safe_load((CASES / name).read_text("utf-8"))


def write(name: str, cases: list[dict[str, Any]]) -> None:
    """Write a case file; texts of several lines as blocks."""
    text = yaml.dump(cases, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    (CASES / name).write_text(text.replace("\n- ", "\n\n- "), "utf-8")


def error_text(errors: list[dict[str, Any]]) -> str:
    """Return the text form of errors given as OPA's JSON."""
    out = []
    for error in errors:
        place = error["location"]
        lines = [f"{place['row']}:{place['col']}: {error['message']}"]
        if "details" in error:
            detail = error["details"]
            lines += source.caret_lines(detail["line"], detail["idx"])
        out.append("\n".join(lines))
    return "\n\n".join(out)


def tree_text(module: dict[str, Any]) -> str:
    """Return the text form of a module given as OPA's JSON."""
    lines = [ast_json.dumps({"package": module["package"]}, indent=None)]
    for key in ("imports", "annotations", "rules", "comments"):
        lines += [
            ast_json.dumps({key: item}, indent=None) for item in module.get(key, ())
        ]
    # Numbers are compared as they are spelled, so they are read as strings.
    return "\n".join(
        json.dumps(
            json.loads(line, parse_int=str, parse_float=str),
            sort_keys=True,
            ensure_ascii=False,
        )
        for line in lines
    )


def parsed(case: dict[str, Any]) -> str:
    """Return the text form of what our parser makes of a case."""
    try:
        module = parser.parse_module(
            "",
            case["source"],
            version=case.get("version", 1),
            process_annotations=True,
        )
    except RegoErrors as error:
        return error_text([item.to_json() for item in error.errors])
    locations = case.get("locations", False)
    return tree_text(ast_json.module_json(module, locations=locations))


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)
