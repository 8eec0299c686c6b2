"""gatewright rego capabilities."""

from __future__ import annotations

import json
import sys
from typing import Any, Final

import click

from gatewright.cli.problems import Problem
from gatewright.cli.rego.command import Command, print_error

__all__ = ["capabilities"]

#: OPA's order of the keys of a builtin.
_ORDER: Final = (
    "name",
    "categories",
    "decl",
    "infix",
    "relation",
    "deprecated",
    "nondeterministic",
)
#: What v0 has in the place of v1's, where both are keywords or features.
_V0_KEYWORDS: Final = ("and", "contains", "every", "if", "in", "not", "or")
_V0_FEATURES: Final = (
    "keywords_in_refs",
    "rego_v1",
    "rego_v1_import",
    "rego_v2",
    "rego_v2_import",
    "rule_head_ref_string_prefixes",
    "rule_head_refs",
)


@click.command(cls=Command, name="capabilities")
@click.option("--current", is_flag=True, help="Print the capabilities in force.")
@click.option("--version", metavar="VERSION", help="Print those of a release.")
@click.option("--file", "file_", metavar="FILE", help="Print those in a file.")
@click.option("--v0-compatible", is_flag=True, help="Those of Rego v0.")
@click.pass_context
def capabilities(
    ctx: click.Context,
    *,
    current: bool,
    version: str | None,
    file_: str | None,
    v0_compatible: bool,
) -> None:
    r"""Print builtins and features as JSON; without a flag, the versions known.

    Descriptions of builtins, which opa prints too, are left out.

    \b
    Example:
      gatewright rego capabilities --current
    """
    from gatewright.builtins.capabilities import version_document, versions
    from gatewright.builtins.declarations import capabilities_document

    if file_:
        try:
            with open(file_, encoding="utf-8") as stream:
                document = json.load(stream)
        except (OSError, ValueError) as error:
            raise Problem(str(error)) from error
    elif current:
        document = _shown(capabilities_document(), v0=v0_compatible)
    elif version:
        try:
            document = _shown(version_document(version), v0=False)
        except KeyError:
            print_error(f"no capabilities version found {version}")
            ctx.exit(1)
    else:
        sys.stdout.write("".join(f"{known}\n" for known in versions()))
        return
    from gatewright.rego.ast_json import dumps

    sys.stdout.write(dumps(document) + "\n")


def _shown(document: dict[str, Any], *, v0: bool) -> dict[str, Any]:
    out: dict[str, Any] = {
        "builtins": [
            {key: entry[key] for key in _ORDER if key in entry}
            for entry in document["builtins"]
        ],
    }
    for kind in ("future_keywords", "features"):
        if kind in document:
            out[kind] = document[kind]
    if v0:
        out["future_keywords"] = list(_V0_KEYWORDS)
        out["features"] = list(_V0_FEATURES)
    return out
