"""Findings of `gator test` as text, JSON and YAML."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from gatewright.constraints.crd import TARGET
from gatewright.engine.values import Number, Object, Set, integer_text
from gatewright.gator import goyaml
from gatewright.gator.audit import Finding
from gatewright.gator.fields import Fields, FlowFields, Literal, indented
from gatewright.gator.policies import GatorError
from gatewright.gator.stats import TemplateRun
from gatewright.k8s import gotext, gvk, meta

__all__ = ["as_json", "as_text", "as_yaml"]

_INDENT = "    "


def as_text(findings: Sequence[Finding]) -> str:
    """Return one line for each finding."""
    lines: list[str] = []
    for one in findings:
        named = gvk.gvk_of(one.object)
        home, name = meta.namespace_of(one.object), meta.name_of(one.object)
        place = f"{home}/{name}" if home else name
        lines.append(
            f"{_api_version(one.object)}/{named.kind} {place}: "
            f"[{gotext.quote(one.result.constraint.name)}] "
            f"Message: {gotext.quote(one.result.message)}\n"
        )
    return "".join(lines)


def _api_version(obj: Mapping[str, Any]) -> str:
    found = obj.get("apiVersion")
    return found if isinstance(found, str) else ""


def as_json(
    findings: Sequence[Finding], stats: Sequence[TemplateRun] | None = None
) -> str:
    """Return a JSON array, or with statistics an object; no newline at the end.

    No findings are null.
    """
    results = [_json_result(one) for one in findings] or None
    if stats is None:
        return indented(results, _INDENT)
    entries = [one.entry() for one in stats]
    return indented({"results": results, "stats": entries}, _INDENT)


def _json_result(one: Finding) -> Fields:
    result = one.result
    out = Fields(target=TARGET)
    if result.message:
        out["msg"] = result.message
    if not result.rejected:
        out["metadata"] = {"details": _plain(result.details)}
    out["constraint"] = result.constraint.source
    if result.action:
        out["enforcementAction"] = result.action
    if result.scoped:
        out["scopedActions"] = list(result.scoped)
    out["violatingObject"] = one.object
    out["trace"] = None
    return out


def as_yaml(
    findings: Sequence[Finding], stats: Sequence[TemplateRun] | None = None
) -> str:
    """Return a YAML list, or with statistics a map.

    Raises GatorError where the details hold a number beyond float64.
    """
    # The library leaves a mark of the flow style on all results but the first.
    kinds = (Fields, *[FlowFields] * len(findings))
    results = [
        kind(_yaml_result(one)) for kind, one in zip(kinds, findings, strict=False)
    ]
    if stats is None:
        return goyaml.v3(results)
    entries = [_lowered(one.entry()) for one in stats]
    return goyaml.v3(Fields(results=results, stats=entries))


def _yaml_result(one: Finding) -> Fields:
    result = one.result
    metadata: Any = {}
    if not result.rejected:
        metadata = {"details": _floats(_plain(result.details))}
    inner = Fields(
        target=TARGET,
        msg=result.message,
        metadata=metadata,
        constraint={"object": _integers(result.constraint.source)},
        enforcementaction=result.action,
        scopedenforcementactions=list(result.scoped),
    )
    return Fields(result=inner, violatingObject=_floats(one.object), trace=None)


def _lowered(value: Any) -> Any:
    # Structs without names for YAML: their fields in lower case.
    if isinstance(value, Fields):
        return Fields({name.lower(): _lowered(item) for name, item in value.items()})
    if isinstance(value, list):
        return [_lowered(item) for item in value]
    return value


def _floats(value: Any) -> Any:
    # Numbers have been read into interface{}, so they are float64.
    if isinstance(value, dict):
        return {name: _floats(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_floats(item) for item in value]
    if isinstance(value, Literal):
        number = float(value.text)
        if math.isinf(number):
            raise GatorError(
                "pre-unmarshaling results from json: json: cannot unmarshal number "
                f"{value.text} into Go struct field YamlGatorResult.Result.metadata "
                "of type float64"
            )
        return number
    if isinstance(value, bool) or not isinstance(value, int):
        return value
    return float(value)


def _integers(value: Any) -> Any:
    # What has gone through JSON as a resource has integers where they are whole.
    if isinstance(value, dict):
        return {name: _integers(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_integers(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        return int(value)
    return value


def _plain(value: Any) -> Any:
    """Return a value of Rego as OPA hands it out: sets are arrays, keys are texts."""
    if isinstance(value, Number):
        return Literal(str(value))
    if isinstance(value, int) and value.bit_length() > 64:
        return Literal(integer_text(value))
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, Object):
        return {_key(name): _plain(item) for name, item in value.pairs}
    if isinstance(value, Set):
        return [_plain(item) for item in value.items]
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _key(value: Any) -> str:
    return value if isinstance(value, str) else gotext.json_text(_plain(value))
