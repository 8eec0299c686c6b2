"""What each kind of mutator does at its location.

A setter gets the current value (`MISSING` where there is none) and gives the
new one, or `KEEP`.  Values are JSON data and never changed in place.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from gatewright.mutation.errors import ApplyError, MutatorError

__all__ = [
    "KEEP",
    "MISSING",
    "AddMissing",
    "Assign",
    "AssignImage",
    "Facts",
    "FromMetadata",
    "MergeSet",
    "PruneSet",
    "Refuse",
    "Setter",
    "external_data",
    "same",
]


class _Mark:
    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


MISSING: Final = _Mark("MISSING")
KEEP: Final = _Mark("KEEP")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a value may be taken from: the object's (request's) name and
    namespace; empty when there is none."""

    name: str
    namespace: str


Setter: TypeAlias = Callable[[Any, Facts], Any]


def same(a: Any, b: Any) -> bool:
    """Deep equality of JSON data; True is not 1, and 1 is not 1.0, as in Go."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return len(a) == len(b) and all(
            key in b and same(value, b[key]) for key, value in a.items()
        )
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)


@dataclass(frozen=True, slots=True)
class Assign:
    """Set a fixed value."""

    value: Any

    def __call__(self, current: Any, _facts: Facts) -> Any:
        return current if same(current, self.value) else self.value


@dataclass(frozen=True, slots=True)
class FromMetadata:
    """Set the object's `field`, name or namespace."""

    field: str

    def __call__(self, current: Any, facts: Facts) -> Any:
        value = self.value(facts)
        return current if current == value else value

    def value(self, facts: Facts) -> str:
        """What is set."""
        return facts.name if self.field == "name" else facts.namespace


@dataclass(frozen=True, slots=True)
class AddMissing:
    """Set only where nothing is: AssignMetadata never overwrites."""

    inner: Setter

    def __call__(self, current: Any, facts: Facts) -> Any:
        return self.inner(current, facts) if current is MISSING else KEEP


@dataclass(frozen=True, slots=True)
class MergeSet:
    """Append the values that are not there yet."""

    values: list[Any]

    def __call__(self, current: Any, _facts: Facts) -> Any:
        items = as_set(current)
        extra = [v for v in self.values if not any(same(v, item) for item in items)]
        if not extra and current is not MISSING:
            return current
        return [*items, *extra]


@dataclass(frozen=True, slots=True)
class PruneSet:
    """Drop the values that are there; where nothing is, nothing is made, but the
    parents made on the way stay."""

    values: list[Any]

    def __call__(self, current: Any, _facts: Facts) -> Any:
        if current is MISSING:
            return MISSING
        items = as_set(current)
        kept = [i for i in items if not any(same(i, value) for value in self.values)]
        return current if len(kept) == len(items) else kept


@dataclass(frozen=True, slots=True)
class Refuse:
    """Fail whatever there is, with this text."""

    text: str

    def __call__(self, _current: Any, _facts: Facts) -> Any:
        raise ApplyError(self.text)


def unknown_set_operation(operation: str) -> Setter:
    """Only the CRD's enum refuses an unknown operation; applying it fails."""
    return Refuse(f"unrecognized operation for modifyset: {operation}")


EXTERNAL_DATA: Final = "external data in mutators"


def external_data(provider: str) -> Setter:
    """External data are not there yet; applying such a mutator says so."""
    return Refuse(f"{EXTERNAL_DATA} are not supported yet: provider {provider!r}")


def as_set(current: Any) -> list[Any]:
    if current is MISSING:
        return []
    if not isinstance(current, list):
        raise ApplyError(
            f"{go_text(current)} is not a list of values, cannot treat it as a set"
        )
    return current


def go_text(value: Any) -> str:
    """A JSON value as Go's `%v` prints it."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        pairs = " ".join(f"{k}:{go_text(v)}" for k, v in sorted(value.items()))
        return f"map[{pairs}]"
    if isinstance(value, list):
        return f"[{' '.join(map(go_text, value))}]"
    return str(value)


# Images -----------------------------------------------------------------------

DOMAIN: Final = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
    r"(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+|localhost)(?::[0-9]+)?\Z"
)
COMPONENT: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
IMAGE_PATH: Final = re.compile(rf"{COMPONENT}(?:/{COMPONENT})*\Z")
TAG: Final = re.compile(
    r"(?::[\w][\w.-]{0,127}|@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*"
    r":[0-9a-fA-F]{32,})\Z",
    re.ASCII,
)


def split_image(image: str) -> tuple[str, str, str]:
    """`domain`, `path` and `tag` (with its `:` or `@`) of an image reference.

    The first segment is a domain only before a `/` and if it holds `.` or `:`,
    or is `localhost`.
    """
    head, slash, rest = image.partition("/")
    if slash and ("." in head or ":" in head or head == "localhost"):
        domain = head
    else:
        domain, rest = "", image
    found = re.search("[:@]", rest)
    if found is None:
        return domain, rest, ""
    return domain, rest[: found.start()], rest[found.start() :]


@dataclass(frozen=True, slots=True)
class AssignImage:
    """Replace the given parts of an image reference (empty: keep)."""

    domain: str
    path: str
    tag: str

    def __call__(self, current: Any, _facts: Facts) -> Any:
        if current is MISSING:
            current = ""
        if not isinstance(current, str):
            # Gatekeeper prints its empty result here, and that one's type.
            raise ApplyError(
                "expected value at AssignImage location to be a string, got  of "
                "type string"
            )
        old_domain, old_path, old_tag = split_image(current)
        host = self.domain or old_domain
        name = (self.path or old_path) + (self.tag or old_tag)
        return f"{host}/{name}" if host else name


def check_image_parts(*, domain: str, path: str, tag: str) -> None:
    """Raises MutatorError with Gatekeeper's text, less the mutator's name."""
    if not (domain or path or tag):
        raise MutatorError(
            "at least one of [assignDomain, assignPath, assignTag] must be set"
        )
    if domain and not DOMAIN.match(domain):
        raise MutatorError(
            f'assignDomain "{domain}" must be a fully-qualified domain name or '
            "localhost"
        )
    if path and not domain and split_image(path)[0]:
        raise MutatorError(
            f'assignDomain must be set if the first part of assignPath "{path}" can '
            "be interpreted as part of a domain"
        )
    if path and not IMAGE_PATH.match(path):
        raise MutatorError(f'assignPath "{path}" must be a valid docker image path')
    if tag and not TAG.match(tag):
        raise MutatorError(
            f'assignTag "{tag}" must be a valid docker image tag or digest starting '
            "with ':' or '@'"
        )
