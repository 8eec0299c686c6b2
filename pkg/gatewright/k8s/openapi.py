"""Does a value satisfy a schema: OpenAPI validation as apiextensions does it.

`complaints` returns field errors with the texts of kube-openapi, in its order
(members of an object by name, where Go's order is by chance).  Paths begin with
the given one; a complaint about a combination (anyOf, ...) has that path alone.

A custom resource arrives there through JSON, so its integers are float64 by
then: pass `as_floats(value)` to see the texts that users see.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gatewright.k8s import fields, formats, gotext, patterns
from gatewright.k8s.jsonschema import Schema

__all__ = ["as_floats", "complaints"]

_INT_OR_STRING: Final = "x-kubernetes-int-or-string"
_MAX_JSON_INTEGER: Final = 2**53 - 1
_NUMBERS: Final = ("integer", "number")
_RANGES: Final = {"int32": 2**31, "int64": 2**63}
_FLOAT32_MAX: Final = 3.4028235677973366e38


@dataclass(frozen=True, slots=True)
class _Complaint:
    """One finding: `text` identifies it, `path` is empty for a combination."""

    text: str
    kind: str = "plain"
    path: str = ""
    value: Any = None
    limit: int = -1
    allowed: tuple[Any, ...] = ()


@dataclass(slots=True)
class _Result:
    """Findings without repeats, and how many checks were made (`matches`)."""

    found: list[_Complaint] = field(default_factory=list)
    matches: int = 0

    def add(self, complaint: _Complaint) -> None:
        if all(complaint.text != one.text for one in self.found):
            self.found.append(complaint)

    def merge(self, other: _Result) -> None:
        for complaint in other.found:
            self.add(complaint)
        self.matches += other.matches


def as_floats(value: Any) -> Any:
    """Return a copy of decoded JSON in which every number is a float."""
    if isinstance(value, dict):
        return {name: as_floats(member) for name, member in value.items()}
    if isinstance(value, list):
        return [as_floats(member) for member in value]
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            return float("inf")
    return value


def complaints(value: Any, schema: Schema, path: str) -> list[fields.FieldError]:
    """Return why `value` does not satisfy `schema`; `path` is where it stands."""
    result = _validate(value, schema, "")
    return [_field_error(one, path) for one in result.found]


def _field_error(one: _Complaint, root: str) -> fields.FieldError:
    at = root
    if one.path not in ("", "."):
        at = fields.child(root, one.path.removeprefix("."))
    if one.kind == "required":
        return fields.required(at)
    if one.kind == "enum":
        shown = [x if isinstance(x, str) else gotext.json_text(x) for x in one.allowed]
        return fields.not_supported(at, one.value, shown)
    if one.kind == "long":
        return fields.too_long(at, one.limit)
    if one.kind == "many":
        return fields.too_many(at, one.value, one.limit)
    value = "" if one.value is None else one.value
    return fields.invalid(at, value, one.text)


def _types(schema: Schema) -> tuple[str, ...]:
    if schema[_INT_OR_STRING]:
        return ("integer", "string")
    return (schema["type"],) if schema["type"] else ()


def _format(schema: Schema, types: tuple[str, ...]) -> str:
    name: str = schema["format"]
    single = types[0] if len(types) == 1 else ""
    return name if name and formats.supported(name, single) else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _validate(value: Any, schema: Schema, path: str) -> _Result:
    result = _Result()
    types = _types(schema)
    form = _format(schema, types)
    if value is None:
        result.matches += 1
        if types and "null" not in types and not schema["nullable"]:
            result.add(_wrong_type(path, ",".join(types), "null"))
        if schema["enum"]:
            result.merge(_enum(value, schema, path))
        return result
    if types or form:
        result.merge(_type(value, types, form, path))
        result.matches += 1
    result.merge(_combinations(value, schema, path))
    result.matches += 1
    if isinstance(value, str):
        result.merge(_string(value, schema, path))
        result.matches += 1
        if form and formats.normalise(form) in formats.STRING_FORMATS:
            if not formats.is_valid(form, value):
                result.add(_wrong_type(path, form, value))
            result.matches += 1
    if _is_number(value):
        result.merge(_number(value, schema, types, form, path))
        result.matches += 1
    if isinstance(value, list):
        result.merge(_list(value, schema, path))
        result.matches += 1
    if schema["enum"]:
        result.merge(_enum(value, schema, path))
    result.matches += 1
    if isinstance(value, dict):
        result.merge(_object(value, schema, path))
        result.matches += 1
    result.matches += 1
    return result


def _wrong_type(path: str, wanted: str, found: str) -> _Complaint:
    text = f"{path} in body must be of type {wanted}: {gotext.quote(found)}"
    return _Complaint(text, path=path, value=found)


def _json_type(value: Any) -> tuple[str, str]:
    if isinstance(value, bool):
        return "boolean", ""
    if isinstance(value, str):
        return "string", ""
    if isinstance(value, int):
        return "integer", "int64"
    if isinstance(value, float):
        return "number", "float64"
    return ("array", "") if isinstance(value, list) else ("object", "")


def _type(value: Any, types: tuple[str, ...], form: str, path: str) -> _Result:
    result = _Result(matches=1)
    found, found_form = _json_type(value)
    whole = (
        isinstance(value, float)
        and value.is_integer()
        and abs(value) <= _MAX_JSON_INTEGER
        and "integer" in types
    )
    fits = found in types or whole or (found == "integer" and "number" in types)
    textual = found in ("string", "array")
    if not textual and form and not (fits or found_form == form):
        result.add(_wrong_type(path, form, found_form))
    elif textual and form and not any(one in types for one in _NUMBERS):
        pass
    elif not fits:
        result.add(_wrong_type(path, ",".join(types), found))
    return result


def _string(value: str, schema: Schema, path: str) -> _Result:
    result = _Result()
    size = len(value)
    longest, shortest, pattern = (
        schema["maxLength"],
        schema["minLength"],
        schema["pattern"],
    )
    if longest is not None and size > longest:
        text = f"{path} in body should be at most {longest} chars long"
        result.add(_Complaint(text, "long", path, value, longest))
    elif shortest is not None and size < shortest:
        text = f"{path} in body should be at least {shortest} chars long"
        result.add(_Complaint(text, path=path, value=value))
    elif pattern:
        fault = patterns.complaint(pattern)
        shown = f"{pattern}, but pattern is invalid: {fault}" if fault else pattern
        if fault or not patterns.matches(pattern, value):
            text = f"{path} in body should match '{shown}'"
            result.add(_Complaint(text, path=path, value=value))
    return result


def _number(
    value: float, schema: Schema, types: tuple[str, ...], form: str, path: str
) -> _Result:
    result = _Result()
    single = types[0] if len(types) == 1 else ""
    integer = single == "integer"
    if fault := _out_of_range(value, integer, form, "Checked", path):
        result.add(_Complaint(fault))
    parts = (
        (_multiple, "multipleOf", "MultipleOf", False),
        (_below, "minimum", "Minimum boundary", schema["exclusiveMinimum"]),
        (_above, "maximum", "Maximum boundary", schema["exclusiveMaximum"]),
    )
    for test, name, prefix, exclusive in parts:
        bound = schema[name]
        if bound is None:
            continue
        if fault := _out_of_range(bound, integer, form, prefix, path):
            result.add(_Complaint(fault))
        if complaint := test(value, bound, exclusive, path):
            result.add(complaint)
    result.matches += 1
    return result


def _out_of_range(
    value: float, integer: bool, form: str, prefix: str, path: str
) -> str:
    if integer:
        limit = _RANGES.get(form, 2**63)
        if float(value).is_integer() and -limit <= value < limit:
            return ""
        kind = "integer"
    else:
        if form != "float" or abs(value) <= _FLOAT32_MAX:
            return ""
        kind = "number"
    if form:
        return f"{prefix} value must be of type {kind} with format {form} in {path}"
    return f"{prefix} value must be of type {kind} (default format) in {path}"


def _bound(value: float, bound: float) -> str:
    # Integers are compared with, and shown against, the bound cut to an integer.
    return str(int(bound)) if isinstance(value, int) else gotext.format_float(bound)


def _multiple(
    value: float, factor: float, _exclusive: bool, path: str
) -> _Complaint | None:
    if isinstance(value, int):
        whole = int(factor)
        if whole <= 0:
            text = f"factor MultipleOf declared for {path} must be positive: {whole}"
            return _Complaint(text, path=path, value=whole)
        good = value % whole == 0
    else:
        if factor <= 0:
            shown = gotext.format_float(factor)
            text = f"factor MultipleOf declared for {path} must be positive: {shown}"
            return _Complaint(text, path=path, value=factor)
        ratio = 1 / factor * value if factor < 1 else value / factor
        good = abs(ratio) <= _MAX_JSON_INTEGER and ratio.is_integer()
    if good:
        return None
    text = f"{path} in body should be a multiple of {_bound(value, factor)}"
    return _Complaint(text, path=path, value=value)


def _below(value: float, bound: float, exclusive: bool, path: str) -> _Complaint | None:
    limit = int(bound) if isinstance(value, int) else bound
    if not (value <= limit if exclusive else value < limit):
        return None
    words = "greater than" if exclusive else "greater than or equal to"
    text = f"{path} in body should be {words} {_bound(value, bound)}"
    return _Complaint(text, path=path, value=value)


def _above(value: float, bound: float, exclusive: bool, path: str) -> _Complaint | None:
    limit = int(bound) if isinstance(value, int) else bound
    if not (value >= limit if exclusive else value > limit):
        return None
    words = "less than" if exclusive else "less than or equal to"
    text = f"{path} in body should be {words} {_bound(value, bound)}"
    return _Complaint(text, path=path, value=value)


def _list(value: list[Any], schema: Schema, path: str) -> _Result:
    result = _Result()
    items = schema["items"]
    if isinstance(items, dict) and "type" in items:
        for index, member in enumerate(value):
            result.merge(_validate(member, items, f"{path}[{index}]"))
    fewest, most = schema["minItems"], schema["maxItems"]
    if fewest is not None and len(value) < fewest:
        text = f"{path} in body should have at least {fewest} items"
        result.add(_Complaint(text, path=path, value=len(value)))
    if most is not None and len(value) > most:
        text = f"{path} in body should have at most {most} items"
        result.add(_Complaint(text, "many", path, len(value), most))
    if schema["uniqueItems"] and any(value.index(x) != i for i, x in enumerate(value)):
        text = f"{path} in body shouldn't contain duplicates"
        result.add(_Complaint(text, path=path))
    result.matches += 1
    return result


def _equals_enum(value: Any, member: Any) -> bool:
    if _is_number(value) and _is_number(member):
        return bool((int(value) if isinstance(member, int) else value) == member)
    return type(value) is type(member) and value == member


def _enum(value: Any, schema: Schema, path: str) -> _Result:
    result = _Result()
    members = tuple(schema["enum"])
    if value is None or not any(_equals_enum(value, member) for member in members):
        shown = gotext.value(list(members))
        text = f"{path} in body should be one of {shown}"
        result.add(_Complaint(text, "enum", path, value, allowed=members))
    return result


def _object(value: Mapping[str, Any], schema: Schema, path: str) -> _Result:
    result = _Result()
    fewest, most = schema["minProperties"], schema["maxProperties"]
    if fewest is not None and len(value) < fewest:
        text = f"{path} in body should have at least {fewest} properties"
        result.add(_Complaint(text, path=path, value=len(value)))
    if most is not None and len(value) > most:
        text = f"{path} in body should have at most {most} properties"
        result.add(_Complaint(text, "many", path, len(value), most))
    properties = schema["properties"] or {}
    additional = schema["additionalProperties"]
    for name in sorted(value):
        if name in properties:
            continue
        if additional is False:
            text = f"{path}.{name} in body is a forbidden property"
            result.add(_Complaint(text, path=path, value=name))
        elif isinstance(additional, dict):
            result.merge(_validate(value[name], additional, f"{path}.{name}"))
    for name in sorted(properties):
        if name in value:
            at = f"{path}.{name}" if path else name
            result.merge(_validate(value[name], properties[name], at))
    for name in schema["required"] or ():
        if name not in value:
            at = f"{path}.{name}"
            result.add(_Complaint(f"{at} in body is required", "required", at))
    return result


def _combinations(value: Any, schema: Schema, path: str) -> _Result:
    result = _Result()
    if schema["anyOf"]:
        result.merge(_any_of(value, schema["anyOf"], path))
    if schema["oneOf"]:
        result.merge(_one_of(value, schema["oneOf"], path))
    if schema["allOf"]:
        good = 0
        for clause in schema["allOf"]:
            tried = _validate(value, clause, path)
            good += not tried.found
            result.merge(tried)
        if good != len(schema["allOf"]):
            more = "" if good else ". None validated"
            text = f"{gotext.quote(path)} must validate all the schemas (allOf){more}"
            result.add(_Complaint(text))
    if schema["not"] is not None and not _validate(value, schema["not"], path).found:
        text = f"{gotext.quote(path)} must not validate the schema (not)"
        result.add(_Complaint(text))
    result.matches += 1
    return result


def _any_of(value: Any, clauses: list[Schema], path: str) -> _Result:
    # Of clauses that all fail, the one with most checks passed is reported.
    result = _Result()
    best: _Result | None = None
    for clause in clauses:
        tried = _validate(value, clause, path)
        if not tried.found:
            result.merge(tried)
            return result
        if best is None or tried.matches > best.matches:
            best = tried
    shown = gotext.quote(path)
    result.add(_Complaint(f"{shown} must validate at least one schema (anyOf)"))
    if best is not None:
        result.merge(best)
    return result


def _one_of(value: Any, clauses: list[Schema], path: str) -> _Result:
    result = _Result()
    best: _Result | None = None
    first: _Result | None = None
    good = 0
    for clause in clauses:
        tried = _validate(value, clause, path)
        if not tried.found:
            good += 1
            best = None
            first = first or tried
        elif not good and (best is None or tried.matches > best.matches):
            best = tried
    if good == 1 and first is not None:
        result.merge(first)
        return result
    more = f"Found {good} valid alternatives" if good else "Found none valid"
    text = f"{gotext.quote(path)} must validate one and only one schema (oneOf). {more}"
    result.add(_Complaint(text))
    if best is not None:
        result.merge(best)
    return result
