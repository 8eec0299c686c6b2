"""A mutator resource, read and checked.

Source of the rules and texts: Gatekeeper 3.23's mutator constructors, which its
webhook runs at admission (422) and its controllers when they load a mutator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from gatewright.mutation import setters
from gatewright.mutation.errors import MutatorError
from gatewright.mutation.path import Field, Items, LocationError, Path, parse_location
from gatewright.mutation.path_tests import PathTests, parse_path_tests

__all__ = ["GROUP", "KINDS", "ApplyTo", "Mutator", "MutatorId", "parse_mutator"]

GROUP: Final = "mutations.gatekeeper.sh"
NAME_LIMIT: Final = 63
OPERATIONS: Final = ("CREATE", "UPDATE")
JsonObject: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True, order=True)
class MutatorId:
    """The order of mutators: kind, then name (the group is the same)."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}.{GROUP} /{self.name}"


@dataclass(frozen=True, slots=True)
class ApplyTo:
    """Kinds that a mutator knows the shape of; strings are exact."""

    groups: frozenset[str]
    versions: frozenset[str]
    kinds: frozenset[str]
    operations: frozenset[str]

    def covers(self, gvk: tuple[str, str, str], operation: str) -> bool:
        """An unknown operation (empty) needs an entry that covers all of them."""
        group, version, kind = gvk
        if (
            group not in self.groups
            or version not in self.versions
            or kind not in self.kinds
        ):
            return False
        if operation:
            return operation in self.operations
        return self.operations.issuperset(OPERATIONS)


@dataclass(frozen=True, slots=True)
class Mutator:
    """`apply_to` is None for AssignMetadata, which takes every kind; `leaf` is
    the known type of the location's end (`Set`, `String`) or None; `needs` names
    what the mutator needs and is not there yet (empty: nothing)."""

    id: MutatorId
    generation: int
    match: JsonObject
    apply_to: tuple[ApplyTo, ...] | None
    path: Path
    tests: PathTests
    setter: setters.Setter
    leaf: str | None
    needs: str = ""

    def applies(self, gvk: tuple[str, str, str], operation: str) -> bool:
        return self.apply_to is None or any(
            entry.covers(gvk, operation) for entry in self.apply_to
        )


def parse_mutator(resource: JsonObject, *, defaults: bool = True) -> Mutator:
    """A mutator from its resource (JSON data, any served version).

    `defaults`: what is left out stands for what an API server writes there; gator
    knows none.  Raises MutatorError.
    """
    kind = resource.get("kind") or ""
    read = KINDS.get(kind)
    if read is None:
        raise MutatorError(f"unknown mutator kind {kind!r}")
    metadata = resource.get("metadata") or {}
    name = metadata.get("name") or ""
    if len(name) > NAME_LIMIT:
        raise MutatorError(f"maximum name length is {NAME_LIMIT} characters")
    spec = mapping(resource.get("spec"), "spec")
    return read(
        Draft(
            id=MutatorId(kind, name),
            generation=int(metadata.get("generation") or 1),
            spec=spec,
            parameters=mapping(spec.get("parameters"), "spec.parameters"),
            defaults=defaults,
        )
    )


@dataclass(frozen=True, slots=True)
class Draft:
    """A mutator while it is read."""

    id: MutatorId
    generation: int
    spec: JsonObject
    parameters: JsonObject
    defaults: bool

    @property
    def location(self) -> str:
        return text(self.spec.get("location"), "spec.location")

    def finish(
        self,
        *,
        path: Path,
        setter: setters.Setter,
        apply_to: tuple[ApplyTo, ...] | None,
        tests: PathTests | None = None,
        leaf: str | None = None,
    ) -> Mutator:
        return Mutator(
            id=self.id,
            generation=self.generation,
            match=mapping(self.spec.get("match"), "spec.match"),
            apply_to=apply_to,
            path=path,
            tests=tests or {},
            setter=setter,
            leaf=leaf,
            needs=self.needs,
        )

    @property
    def needs(self) -> str:
        source = self.parameters.get("assign")
        if isinstance(source, Mapping) and source.get("externalData") is not None:
            return setters.EXTERNAL_DATA
        return ""

    def path(self) -> Path:
        """The location of a mutator that may touch anything but metadata."""
        try:
            path = parse_location(self.location)
        except LocationError as error:
            raise MutatorError(
                f"invalid location format `{self.location}` for {self.id.kind} "
                f"{self.id.name}: {error}"
            ) from error
        if path and path[0] == Field("metadata"):
            raise MutatorError(
                f"{self.shown_kind} {self.id.name} can't change metadata"
            )
        if not path:
            raise MutatorError("empty path")
        check_key_not_changed(path)
        return path

    @property
    def shown_kind(self) -> str:
        return {"AssignImage": "assignImage"}.get(self.id.kind, self.id.kind.lower())

    def tests(self, path: Path) -> PathTests:
        return parse_path_tests(
            sequence(self.parameters.get("pathTests"), "spec.parameters.pathTests"),
            location=path,
            text=self.location,
            owner=f"{self.id.kind} {self.id.name}",
        )

    def apply_to(self) -> tuple[ApplyTo, ...]:
        owner = f"{self.id.kind} mutator {self.id.name}"
        entries = sequence(self.spec.get("applyTo"), "spec.applyTo")
        if not entries:
            raise MutatorError(f"applyTo required for {owner}")
        return tuple(
            parse_apply_to(entry, index=index, owner=owner)
            for index, entry in enumerate(entries)
        )


def mapping(value: Any, where: str) -> JsonObject:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise MutatorError(f"{where} must be an object, got {value!r}")
    return value


def sequence(value: Any, where: str) -> list[JsonObject]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(v, Mapping) for v in value):
        raise MutatorError(f"{where} must be a list of objects, got {value!r}")
    return value


def text(value: Any, where: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise MutatorError(f"{where} must be a string, got {value!r}")
    return value


def check_key_not_changed(path: Path) -> None:
    """The last node may not be the key that its list is addressed by."""
    if len(path) < 2:
        return
    last, before = path[-1], path[-2]
    if (
        isinstance(last, Field)
        and isinstance(before, Items)
        and last.name == before.key
    ):
        raise MutatorError("invalid path format: changing the item key is not allowed")


def parse_apply_to(entry: JsonObject, *, index: int, owner: str) -> ApplyTo:
    groups, versions, kinds = (
        strings(entry.get(key)) for key in ("groups", "versions", "kinds")
    )
    if not groups or not versions or not kinds:
        raise MutatorError(
            f"invalid applyTo for {owner}, all of group, version and kind must be "
            "specified"
        )
    operations = list(strings(entry.get("operations")))
    where = f"applyTo[{index}].operations"
    for at, operation in enumerate(operations):
        if operation not in (*OPERATIONS, "*"):
            raise MutatorError(
                f'invalid applyTo for {owner}: invalid operation "{operation}" in '
                f"{where}: must be one of CREATE, UPDATE, *"
            )
        if operation in operations[:at]:
            raise MutatorError(
                f'invalid applyTo for {owner}: duplicate operation "{operation}" in '
                f"{where}"
            )
    if "*" in operations and len(operations) > 1:
        raise MutatorError(
            f'invalid applyTo for {owner}: wildcard "*" in {where} must not be '
            "combined with other operations"
        )
    if not operations or "*" in operations:
        operations = list(OPERATIONS)
    return ApplyTo(
        frozenset(groups), frozenset(versions), frozenset(kinds), frozenset(operations)
    )


def strings(value: Any) -> Iterable[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


# Values -------------------------------------------------------------------------


def assign_setter(source: JsonObject) -> setters.Setter:
    """The setter of `parameters.assign`; exactly one kind of value is set."""
    given = [
        key
        for key in ("externalData", "value", "fromMetadata")
        if source.get(key) is not None
    ]
    if not given:
        raise MutatorError(
            "assign must set one of `externalData`, `value` or `fromMetadata`: "
            "invalid assign field"
        )
    if len(given) > 1:
        raise MutatorError(
            "assign must only set one of `externalData`, `value` or `fromMetadata`: "
            "invalid assign field"
        )
    if given == ["fromMetadata"]:
        field = mapping(source["fromMetadata"], "fromMetadata").get("field")
        if field not in ("name", "namespace"):
            raise MutatorError(
                f"field {field or ''} is not recognized: invalid fromMetadata field"
            )
        return setters.FromMetadata(field)
    if given == ["externalData"]:
        external = mapping(source["externalData"], "externalData")
        if external.get("failurePolicy") == "UseDefault" and not external.get(
            "default"
        ):
            raise MutatorError(
                "`default` must not be empty when `failurePolicy` is set to "
                "`UseDefault`"
            )
        return setters.external_data(str(external.get("provider") or ""))
    return setters.Assign(source["value"])


def parse_assign(draft: Draft) -> Mutator:
    path = draft.path()
    tests = draft.tests(path)
    source = mapping(draft.parameters.get("assign"), "spec.parameters.assign")
    last = path[-1]
    if isinstance(last, Items):
        check_list_value(last, source)
    setter = assign_setter(source)
    return draft.finish(
        path=path, tests=tests, setter=setter, apply_to=draft.apply_to()
    )


def check_list_value(last: Items, source: JsonObject) -> None:
    """What may be assigned where the location ends in a list."""
    if source.get("fromMetadata") is not None:
        raise MutatorError("cannot assign a metadata field to a list")
    if source.get("externalData") is not None:
        raise MutatorError("cannot assign external data response to a list")
    if last.glob:
        raise MutatorError("can't append to a globbed list")
    value = source.get("value")
    if value is None:
        return
    if not isinstance(value, dict):
        raise MutatorError(
            f"invalid value: `{setters.go_text(value)}`, only objects can be added to "
            "keyed lists"
        )
    if not setters.same(value.get(last.key), last.value):
        raise MutatorError(
            f"adding object to list with different key {last.key}: list key "
            f"{last.value}, object key {setters.go_text(value.get(last.key))}"
        )


def parse_assign_metadata(draft: Draft) -> Mutator:
    name = draft.id.name
    try:
        path = parse_location(draft.location)
    except LocationError as error:
        raise MutatorError(
            f"invalid location format for AssignMetadata {name}: {draft.location}: "
            f"{error}"
        ) from error
    if (
        len(path) != 3
        or path[0] != Field("metadata")
        or path[1] not in (Field("labels"), Field("annotations"))
        or not isinstance(path[2], Field)
    ):
        raise MutatorError(
            f"invalid location for assignmetadata {name}: {draft.location}"
        )
    source = mapping(draft.parameters.get("assign"), "spec.parameters.assign")
    external = source.get("externalData")
    if isinstance(external, Mapping) and external.get("dataSource") != "Username":
        raise MutatorError(
            f"only username data source is supported for assignmetadata {name}"
        )
    setter = assign_setter(source)
    if source.get("value") is not None and not isinstance(source["value"], str):
        raise MutatorError(
            "spec.parameters.assign.value field must be a string for AssignMetadata "
            f'"{name}"'
        )
    return draft.finish(path=path, setter=setters.AddMissing(setter), apply_to=None)


def parse_modify_set(draft: Draft) -> Mutator:
    path = draft.path()
    if isinstance(path[-1], Items):
        raise MutatorError("final node in a modifyset location cannot be a keyed list")
    tests = draft.tests(path)
    values = mapping(draft.parameters.get("values"), "spec.parameters.values")
    items = values.get("fromList")
    members = items if isinstance(items, list) else []
    operation = text(draft.parameters.get("operation"), "spec.parameters.operation")
    if not operation and draft.defaults:
        operation = "merge"
    setter: setters.Setter
    if operation == "merge":
        setter = setters.MergeSet(members)
    elif operation == "prune":
        setter = setters.PruneSet(members)
    else:
        setter = setters.unknown_set_operation(operation)
    return draft.finish(
        path=path, tests=tests, setter=setter, apply_to=draft.apply_to(), leaf="Set"
    )


def parse_assign_image(draft: Draft) -> Mutator:
    path = draft.path()
    if isinstance(path[-1], Items):
        raise MutatorError(
            f"assignImage {draft.id.name} cannot mutate list-type fields"
        )
    tests = draft.tests(path)
    parts = {
        part: text(draft.parameters.get(key), f"spec.parameters.{key}")
        for part, key in (
            ("domain", "assignDomain"),
            ("path", "assignPath"),
            ("tag", "assignTag"),
        )
    }
    try:
        setters.check_image_parts(**parts)
    except MutatorError as error:
        raise MutatorError(
            f"assignImage {draft.id.name} has invalid parameters: {error}"
        ) from error
    return draft.finish(
        path=path,
        tests=tests,
        setter=setters.AssignImage(**parts),
        apply_to=draft.apply_to(),
        leaf="String",
    )


KINDS: Final[Mapping[str, Callable[[Draft], Mutator]]] = {
    "Assign": parse_assign,
    "AssignImage": parse_assign_image,
    "AssignMetadata": parse_assign_metadata,
    "ModifySet": parse_modify_set,
}
