"""What the objects of an input are, and how they become policies.

Everything is read as gator reads it: templates first, then constraints, then all
objects as referential data.  A constraint with unknown actions is taken as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gatewright.constraints import template
from gatewright.constraints.constraint import Constraint
from gatewright.constraints.crd import CONSTRAINT_GROUP, TARGET
from gatewright.constraints.faults import DecodeError, PolicyFault
from gatewright.constraints.policyset import PolicySet, Settings, TemplateEntry
from gatewright.constraints.snapshot import Snapshot
from gatewright.engine.binding import LIBRARY, Binding
from gatewright.engine.cache import CompileCache
from gatewright.k8s import gotext, gvk, meta
from gatewright.rego.compiled import CompileOptions

__all__ = [
    "GatorError",
    "Sorted",
    "add_constraint",
    "add_object",
    "opened",
    "add_template",
    "check_expansions",
    "is_constraint",
    "is_template",
    "new_policies",
]

_EXPANSION_GROUP: Final = "expansion.gatekeeper.sh"


class GatorError(Exception):
    """What ends a command or a test; the text is gator's where gator has one.

    `schema`: a constraint does not fit the schema of its template.
    """

    def __init__(self, text: str, *, schema: bool = False) -> None:
        super().__init__(text)
        self.schema = schema


@dataclass(frozen=True, slots=True)
class Sorted:
    """The objects of an input by what they are, each kind in order."""

    templates: Sequence[dict[str, Any]] = field(default_factory=list)
    constraints: Sequence[dict[str, Any]] = field(default_factory=list)
    others: Sequence[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, objects: Iterable[dict[str, Any]]) -> Sorted:
        """Return objects sorted."""
        templates: list[dict[str, Any]] = []
        constraints: list[dict[str, Any]] = []
        others: list[dict[str, Any]] = []
        for obj in objects:
            if is_template(obj):
                templates.append(obj)
            elif is_constraint(obj):
                constraints.append(obj)
            else:
                others.append(obj)
        return cls(templates, constraints, others)


def is_template(obj: Mapping[str, Any]) -> bool:
    """Tell whether an object is a ConstraintTemplate of any version."""
    named = gvk.gvk_of(obj)
    return named.group == template.GROUP and named.kind == "ConstraintTemplate"


def is_constraint(obj: Mapping[str, Any]) -> bool:
    """Tell whether an object is a constraint of any kind."""
    return gvk.gvk_of(obj).group == CONSTRAINT_GROUP


def new_policies(
    *,
    prints: bool = False,
    float_parameters: bool = True,
    cache: CompileCache | None = None,
) -> PolicySet:
    """Return an empty set of policies; `prints` keeps their calls of print().

    What has been compiled is looked for in `cache`.

    gator reads all numbers as floats, but those of constraints under `verify`.
    """
    options = CompileOptions(print_enabled=prints)
    return PolicySet(
        Settings(
            check_actions=False,
            float_parameters=float_parameters,
            float_inventory=True,
            options=options,
            cache=CompileCache() if cache is None else cache,
        )
    )


def add_template(
    policies: PolicySet, obj: Mapping[str, Any], *, decoding: str, adding: str
) -> TemplateEntry:
    """Add a template; raise GatorError.

    `decoding` and `adding` go before the text of an error of each kind.
    """
    try:
        return policies.add_template(obj)
    except DecodeError as error:
        raise GatorError(f"{decoding}{error}") from error
    except PolicyFault as error:
        raise GatorError(f"{adding}{error}") from error


def add_constraint(
    policies: PolicySet, obj: Mapping[str, Any], *, adding: str = ""
) -> Constraint:
    """Add a constraint; raise GatorError."""
    try:
        return policies.add_constraint(obj)
    except PolicyFault as error:
        text = str(error)
        schema = text.startswith("schema validation failed")
        raise GatorError(adding + text, schema=schema) from error


def add_object(policies: PolicySet, obj: Mapping[str, Any], *, adding: str) -> None:
    """Add an object to the inventory; raise GatorError."""
    try:
        policies.add_object(obj)
        _check_namespace(obj)
    except PolicyFault as error:
        raise GatorError(f"{adding}{TARGET}: {error}\n") from error


def opened(policies: PolicySet, *, binding: Binding = LIBRARY) -> Snapshot:
    """Return the policies as they are, with the inventory as it is."""
    policies.inventory.commit()
    inventory = policies.inventory.replica()
    return Snapshot(policies.build(), binding=binding, inventory=inventory)


def _check_namespace(obj: Mapping[str, Any]) -> None:
    # Namespaces are kept for matching, which needs them in their own type.
    if gvk.gvk_of(obj) != ("", "v1", "Namespace"):
        return
    reason = ""
    for part in ("metadata", "spec", "status"):
        found = obj.get(part)
        if found is not None and not isinstance(found, dict):
            shown = gotext.type_name(float(found) if type(found) is int else found)
            reason = reason or f"cannot restore struct from: {shown}"
    metadata = obj.get("metadata")
    if not reason and isinstance(metadata, dict):
        for part in ("labels", "annotations"):
            found = metadata.get(part)
            if isinstance(found, dict) and len(meta.string_map(found)) != len(found):
                reason = "unrecognized type: string"
    if reason:
        raise PolicyFault(
            f"cannot cache non-namespace type: cannot cache Namespace: {reason}"
        )


def check_expansions(objects: Iterable[Mapping[str, Any]]) -> None:
    """Raise GatorError if an input wants resources to be expanded."""
    for obj in objects:
        named = gvk.gvk_of(obj)
        if named.group == _EXPANSION_GROUP and named.kind == "ExpansionTemplate":
            raise GatorError(
                f"ExpansionTemplate {gotext.quote(meta.name_of(obj))} in the input: "
                "expansion is not supported yet, so what would be generated from "
                "other objects cannot be reviewed"
            )
