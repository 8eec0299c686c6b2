"""The match block: decode, compile, match.

Source of behaviour: Gatekeeper's match package, which constraints and mutators
share.  All conditions must hold; an empty or absent one holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gatewright.k8s import gostruct, selectors
from gatewright.match.glob import Glob, Globs
from gatewright.match.subject import NamespaceFacts, Subject

__all__ = [
    "ALL",
    "GENERATED",
    "ORIGINAL",
    "SHAPE",
    "MatchError",
    "Matcher",
    "compile_match",
]

ALL: Final = "All"
ORIGINAL: Final = "Original"
GENERATED: Final = "Generated"
_SOURCES: Final = (ALL, ORIGINAL, GENERATED)

_WILDCARD: Final = gostruct.named("wildcard.Wildcard", gostruct.STRING)
_SELECTOR: Final = gostruct.optional(selectors.SHAPE)
#: The Go type of a match block.
SHAPE: Final = gostruct.struct(
    "match.Match",
    {
        "source": gostruct.STRING,
        "kinds": gostruct.array(
            gostruct.struct(
                "match.Kinds",
                {
                    "apiGroups": gostruct.array(gostruct.STRING),
                    "kinds": gostruct.array(gostruct.STRING),
                },
            )
        ),
        "scope": gostruct.named("v1.ResourceScope", gostruct.STRING),
        "namespaces": gostruct.array(_WILDCARD),
        "excludedNamespaces": gostruct.array(_WILDCARD),
        "labelSelector": _SELECTOR,
        "namespaceSelector": _SELECTOR,
        "name": _WILDCARD,
    },
)


class MatchError(ValueError):
    """Whether the object matches cannot be said; the text says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"failed to run Match criteria: {reason}")


@dataclass(frozen=True, slots=True)
class _Kinds:
    """One entry of `kinds`: None stands for any."""

    kinds: frozenset[str] | None
    groups: frozenset[str] | None

    def matches(self, group: str, kind: str) -> bool:
        return (self.kinds is None or kind in self.kinds) and (
            self.groups is None or group in self.groups
        )


@dataclass(frozen=True, slots=True)
class _BadSelector:
    """A selector that can only fail, and fails when it is used."""

    reason: str

    def matches(self, _labels: Mapping[str, str]) -> bool:
        raise MatchError(self.reason)


@dataclass(frozen=True, slots=True)
class Matcher:
    """A compiled match block.

    `kinds_only` says that nothing but the kinds restricts it, so that an index by
    kind has the whole answer; `settled` that `matches_object` always holds.
    """

    kinds: tuple[_Kinds, ...]
    scope: str
    namespaces: Globs
    excluded: Globs
    label_selector: selectors.Selector | _BadSelector | None
    namespace_selector: selectors.Selector | _BadSelector | None
    name: Glob | None
    source: str
    kinds_only: bool
    settled: bool

    @property
    def pairs(self) -> frozenset[tuple[str, str]]:
        """The groups and kinds whose objects can match; `*` stands for any."""
        if not self.kinds:
            return frozenset({("*", "*")})
        return frozenset(
            (group, kind)
            for entry in self.kinds
            for group in ({"*"} if entry.groups is None else entry.groups)
            for kind in ({"*"} if entry.kinds is None else entry.kinds)
        )

    def matches_kind(self, group: str, kind: str) -> bool:
        """Tell whether objects of a kind can match at all."""
        if not self.kinds:
            return True
        return any(entry.matches(group, kind) for entry in self.kinds)

    def matches_group(self, group: str) -> bool:
        """Tell whether objects of some kind of a group can match at all."""
        if not self.kinds:
            return True
        return any(one.groups is None or group in one.groups for one in self.kinds)

    def matches(
        self, subject: Subject, namespace: NamespaceFacts | None, source: str
    ) -> bool:
        """Tell whether an object matches; `source` is how it came to be reviewed."""
        return self.matches_kind(subject.group, subject.kind) and self.matches_rest(
            subject, namespace, source
        )

    def matches_rest(
        self, subject: Subject, namespace: NamespaceFacts | None, source: str
    ) -> bool:
        """Tell whether an object whose kind matches does so in all else."""
        return self.kinds_only or (
            self.matches_place(subject, namespace)
            and self.matches_object(subject, namespace, source)
        )

    def matches_place(self, subject: Subject, namespace: NamespaceFacts | None) -> bool:
        """Tell whether it may match where the object lives: scope and namespaces.

        Only the kind, namespace and (of a Namespace) name of the object play a part.
        """
        if self.scope and not self._in_scope(subject, namespace):
            return False
        if self.namespaces or self.excluded:
            home = _home(subject, namespace)
            if home is not None:
                if self.namespaces and not self.namespaces.matches(home):
                    return False
                if self.excluded and self.excluded.matches(home):
                    return False
        return True

    def matches_object(
        self, subject: Subject, namespace: NamespaceFacts | None, source: str
    ) -> bool:
        """Tell whether what is left after kind and place matches."""
        if self.label_selector is not None and not self.label_selector.matches(
            subject.labels
        ):
            return False
        if self.namespace_selector is not None and not self._selects_namespace(
            subject, namespace
        ):
            return False
        if self.name is not None and not (
            self.name.matches(subject.name)
            or self.name.matches_prefix(subject.generate_name)
        ):
            return False
        return self.source == ALL or self._from_source(subject, source)

    def _in_scope(self, subject: Subject, namespace: NamespaceFacts | None) -> bool:
        inside = not subject.is_namespace and (
            subject.namespace != "" or namespace is not None
        )
        return inside == (self.scope == "Namespaced")

    def _selects_namespace(
        self, subject: Subject, namespace: NamespaceFacts | None
    ) -> bool:
        assert self.namespace_selector is not None
        if subject.is_namespace:
            return self.namespace_selector.matches(subject.labels)
        if namespace is None:
            if not subject.namespace:
                return True
            if isinstance(self.namespace_selector, _BadSelector):
                return self.namespace_selector.matches({})
            raise MatchError(
                "namespace selector for namespace-scoped object but missing Namespace"
            )
        return self.namespace_selector.matches(namespace.labels)

    def _from_source(self, subject: Subject, source: str) -> bool:
        if self.source not in _SOURCES:
            raise MatchError(f'invalid source field "{self.source}"')
        if not source:
            raise MatchError(f"source field not specified for resource {subject.name}")
        if source not in _SOURCES:
            raise MatchError(f'invalid source field "{source}"')
        return self.source == source


def _home(subject: Subject, namespace: NamespaceFacts | None) -> str | None:
    # The name that namespace patterns are held against; None for what has none.
    if subject.is_namespace:
        return subject.name
    if namespace is not None:
        return namespace.name
    return subject.namespace or None


def _any_or(names: Sequence[str] | None) -> frozenset[str] | None:
    return None if not names or "*" in names else frozenset(names)


def _selector(
    decoded: Mapping[str, Any] | None,
) -> selectors.Selector | _BadSelector | None:
    if decoded is None:
        return None
    try:
        return selectors.compile_selector(decoded)
    except selectors.SelectorError as error:
        return _BadSelector(str(error))


def compile_match(spec: Mapping[str, Any]) -> Matcher:
    """Return the matcher of a match block.

    Raises gostruct.UnmarshalError when a field is of another type.  A bad selector
    or source is no error here: it fails when an object is matched.
    """
    decoded = gostruct.decode(spec, SHAPE)
    kinds = tuple(
        _Kinds(_any_or(entry["kinds"]), _any_or(entry["apiGroups"]))
        for entry in decoded["kinds"] or ()
    )
    scope = decoded["scope"]
    namespaces = Globs.parse(decoded["namespaces"] or ())
    excluded = Globs.parse(decoded["excludedNamespaces"] or ())
    labels = _selector(decoded["labelSelector"])
    namespace_labels = _selector(decoded["namespaceSelector"])
    name = Glob.parse(decoded["name"]) if decoded["name"] else None
    source = decoded["source"] or ALL
    scope = scope if scope in ("Cluster", "Namespaced") else ""
    settled = (
        labels is None and namespace_labels is None and name is None and source == ALL
    )
    return Matcher(
        kinds,
        scope,
        namespaces,
        excluded,
        labels,
        namespace_labels,
        name,
        source,
        settled and not scope and not namespaces and not excluded,
        settled,
    )
