"""Label selectors: decode, validate, and turn into a matcher.

Source of behaviour: apimachinery's LabelSelector.  All requirements must hold;
`NotIn` and `DoesNotExist` hold for an absent label; an empty selector matches
everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gatewright.k8s import fields, gostruct, names

__all__ = [
    "SHAPE",
    "Requirement",
    "Selector",
    "SelectorError",
    "compile_selector",
    "validate",
]

_REQUIREMENT: Final = gostruct.struct(
    "v1.LabelSelectorRequirement",
    {
        "key": gostruct.STRING,
        "operator": gostruct.named("v1.LabelSelectorOperator", gostruct.STRING),
        "values": gostruct.array(gostruct.STRING),
    },
)
#: The Go type of a label selector.
SHAPE: Final = gostruct.struct(
    "v1.LabelSelector",
    {
        "matchLabels": gostruct.mapping(gostruct.STRING),
        "matchExpressions": gostruct.array(_REQUIREMENT),
    },
)

_LISTS: Final = ("In", "NotIn")
_PRESENCE: Final = ("Exists", "DoesNotExist")


class SelectorError(ValueError):
    """A selector that cannot be turned into a matcher."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition: `operator` is In, NotIn, Exists or DoesNotExist."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether `labels` satisfy this condition."""
        found = labels.get(self.key)
        if self.operator == "In":
            return found is not None and found in self.values
        if self.operator == "NotIn":
            return found is None or found not in self.values
        return (found is not None) == (self.operator == "Exists")


@dataclass(frozen=True, slots=True)
class Selector:
    """Conditions that must all hold."""

    requirements: tuple[Requirement, ...]

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether `labels` satisfy every condition."""
        return all(one.matches(labels) for one in self.requirements)


def validate(selector: Mapping[str, Any], path: str) -> list[fields.FieldError]:
    """Return the complaints about a decoded selector at a field path."""
    errors: list[fields.FieldError] = []
    at = fields.child(path, "matchLabels")
    for key, value in (selector["matchLabels"] or {}).items():
        errors += (fields.invalid(at, key, text) for text in names.label_key(key))
        errors += (fields.invalid(at, value, text) for text in names.label_value(value))
    for index, one in enumerate(selector["matchExpressions"] or ()):
        errors += _validate_requirement(
            one, fields.key(fields.child(path, "matchExpressions"), index)
        )
    return errors


def _validate_requirement(one: Mapping[str, Any], path: str) -> list[fields.FieldError]:
    errors: list[fields.FieldError] = []
    operator = one["operator"]
    values = one["values"] or []
    at = fields.child(path, "values")
    if operator in _LISTS:
        if not values:
            errors.append(
                fields.required(
                    at, "must be specified when `operator` is 'In' or 'NotIn'"
                )
            )
    elif operator in _PRESENCE:
        if values:
            detail = (
                "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            )
            errors.append(fields.forbidden(at, detail))
    else:
        errors.append(
            fields.invalid(
                fields.child(path, "operator"),
                operator,
                "not a valid selector operator",
            )
        )
    key_at = fields.child(path, "key")
    key = one["key"]
    errors += (fields.invalid(key_at, key, text) for text in names.label_key(key))
    for index, value in enumerate(values):
        texts = names.label_value(value)
        errors += (fields.invalid(fields.key(at, index), value, text) for text in texts)
    return errors


def compile_selector(selector: Mapping[str, Any]) -> Selector:
    """Return the matcher of a decoded selector, or raise SelectorError."""
    out: list[Requirement] = []
    for key, value in (selector["matchLabels"] or {}).items():
        _check(key, [value])
        out.append(Requirement(key, "In", frozenset((value,))))
    for one in selector["matchExpressions"] or ():
        operator, values = one["operator"], one["values"] or []
        if operator not in _LISTS and operator not in _PRESENCE:
            raise SelectorError(f'"{operator}" is not a valid label selector operator')
        if operator in _LISTS and not values:
            detail = "for 'in', 'notin' operators, values set can't be empty"
            raise SelectorError(str(fields.invalid("values", values, detail)))
        if operator in _PRESENCE and values:
            detail = "values set must be empty for exists and does not exist"
            raise SelectorError(str(fields.invalid("values", values, detail)))
        _check(one["key"], values)
        out.append(Requirement(one["key"], operator, frozenset(values)))
    return Selector(tuple(out))


def _check(key: str, values: list[str]) -> None:
    if complaints := names.label_key(key):
        raise SelectorError(str(fields.invalid("key", key, "; ".join(complaints))))
    for index, value in enumerate(values):
        if complaints := names.label_value(value):
            at = fields.key(fields.child("values"), index)
            raise SelectorError(str(fields.invalid(at, value, "; ".join(complaints))))
