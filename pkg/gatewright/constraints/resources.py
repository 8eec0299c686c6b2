"""Admission of Gatekeeper's own resources: are they acceptable themselves.

Source of behaviour: Gatekeeper's validateGatekeeperResources.  Resources that pass
go on to be held against the constraints like any other object.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gatewright.constraints import actions, crd, expansions, providers, template
from gatewright.constraints.exclusion import CONFIG_NAME
from gatewright.constraints.faults import DecodeError, PolicyFault
from gatewright.constraints.snapshot import Snapshot
from gatewright.k8s import gojson, gostruct, meta
from gatewright.k8s.review import ObjectError, Request, Response, check_object, errored

__all__ = ["GROUPS", "MutatorCheck", "ResourceGuard"]

_CONFIG: Final = "config.gatekeeper.sh"
_MUTATIONS: Final = "mutations.gatekeeper.sh"
_STATUS: Final = "status.gatekeeper.sh"
#: The groups whose resources are checked.
GROUPS: Final = frozenset(
    (
        template.GROUP,
        crd.CONSTRAINT_GROUP,
        _MUTATIONS,
        _CONFIG,
        providers.GROUP,
        expansions.GROUP,
        _STATUS,
    )
)
_MUTATORS: Final = ("Assign", "AssignMetadata", "ModifySet", "AssignImage")
_NAME_MAX: Final = 63

#: Says what is wrong with a mutator: the text, and whether its user is to blame
#: (422) or it could not be read (500); None when it is acceptable.
MutatorCheck = Callable[[Mapping[str, Any]], tuple[str, bool] | None]


@dataclass(frozen=True, slots=True)
class ResourceGuard:
    """How resources are checked: whether actions are, and who knows mutators."""

    check_actions: bool = True
    mutators: MutatorCheck | None = None

    def refuse(self, request: Request, snapshot: Snapshot) -> Response | None:
        """Return the refusal of a request about an own resource, None to go on."""
        if request.operation == "DELETE" and not request.name:
            return None
        size = len(request.name.encode("utf-8", "surrogateescape"))
        if request.kind.group != _STATUS and size > _NAME_MAX:
            return errored(
                500,
                f"resource cannot have metadata.name larger than 63 char; length: {size}",
            )
        try:
            self._check(request, snapshot)
        except PolicyFault as fault:
            return errored(422 if fault.user_error else 500, str(fault))
        except ObjectError as error:
            return errored(500, str(error))
        return None

    def _check(self, request: Request, snapshot: Snapshot) -> None:
        group, version, kind = request.kind
        if group == crd.CONSTRAINT_GROUP:
            self._constraint(request, snapshot)
        elif group == template.GROUP and kind == "ConstraintTemplate":
            _template(_object(request))
        elif group == _CONFIG and kind == "Config":
            if request.name != CONFIG_NAME:
                raise PolicyFault("config resource must have name 'config'")
        elif group == _MUTATIONS and kind in _MUTATORS:
            self._mutator(_object(request), f"{version}.{kind}")
        elif group == providers.GROUP and kind == "Provider":
            providers.check(_object(request), version)
        elif group == expansions.GROUP and kind == "ExpansionTemplate":
            expansions.check(_object(request), version)

    def _constraint(self, request: Request, snapshot: Snapshot) -> None:
        obj = _object(request, spelled_null=b"null")
        snapshot.check_constraint(obj)
        action = meta.nested_string(obj, "spec", "enforcementAction")
        if action and self.check_actions:
            actions.check_action(action, obj)

    def _mutator(self, obj: Mapping[str, Any], go_type: str) -> None:
        try:
            gostruct.decode(
                obj, gostruct.struct(go_type, {"metadata": meta.OBJECT_META})
            )
        except gostruct.UnmarshalError as error:
            raise DecodeError(str(error)) from None
        if self.mutators is None:
            raise DecodeError("mutators are not supported by this process")
        complaint = self.mutators(obj)
        if complaint is not None:
            text, user_error = complaint
            raise PolicyFault(text) if user_error else DecodeError(text)


def _object(request: Request, *, spelled_null: bytes = b"") -> Mapping[str, Any]:
    """Return the object a request is about; raise ObjectError when it has no kind."""
    deleted = request.operation == "DELETE"
    obj = request.old_object if deleted else request.object
    if obj is None:
        raise ObjectError(f"Object 'Kind' is missing in '{spelled_null.decode()}'")
    field = "oldObject" if deleted else "object"
    check_object(obj, lambda: gojson.member(request.raw, "request", field))
    found: Mapping[str, Any] = obj
    return found


def _template(obj: Mapping[str, Any]) -> None:
    parsed = template.parse(obj, defaults=False)
    for target in parsed.targets:
        if (
            target.operations
            and "*" in target.operations
            and len(target.operations) > 1
        ):
            raise DecodeError("if '*' is present, must not specify other operations")
    crd.check_template(parsed)
