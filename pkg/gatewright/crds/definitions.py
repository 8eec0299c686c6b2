"""The seventeen CustomResourceDefinitions that an installation brings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from gatewright.crds import mutators, policies, statuses
from gatewright.crds.schema import METADATA, STRING, Schema, obj

__all__ = ["RESOURCES", "Resource", "Version", "definitions"]


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a resource; `warning` marks a deprecated one."""

    name: str
    schema: Schema
    storage: bool = False
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of one of Gatekeeper's groups; `status`: it has that subresource."""

    group: str
    kind: str
    plural: str
    text: str
    versions: tuple[Version, ...]
    namespaced: bool = False
    status: bool = True

    @property
    def name(self) -> str:
        """The name of its definition."""
        return f"{self.plural}.{self.group}"

    @property
    def stored(self) -> str:
        """The version that the API server stores."""
        return next(version.name for version in self.versions if version.storage)

    def definition(self) -> dict[str, Any]:
        """The CustomResourceDefinition."""
        singular = self.kind.lower()
        return {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {
                "name": self.name,
                "labels": {"gatekeeper.sh/system": "yes"},
            },
            "spec": {
                "group": self.group,
                "names": {
                    "kind": self.kind,
                    "listKind": f"{self.kind}List",
                    "plural": self.plural,
                    "singular": singular,
                },
                "scope": "Namespaced" if self.namespaced else "Cluster",
                "versions": [self._version(version) for version in self.versions],
            },
        }

    def _version(self, version: Version) -> dict[str, Any]:
        own = version.schema["properties"]
        schema = {
            **version.schema,
            "description": self.text,
            "properties": {"apiVersion": STRING, "kind": STRING, **own},
        }
        out: dict[str, Any] = {
            "name": version.name,
            "served": True,
            "storage": version.storage,
            "schema": {"openAPIV3Schema": schema},
        }
        if version.warning:
            out["deprecated"] = True
            out["deprecationWarning"] = version.warning
        if self.status:
            out["subresources"] = {"status": {}}
        return out


_MUTATIONS: Final = "mutations.gatekeeper.sh"
_PROVIDERS: Final = "externaldata.gatekeeper.sh"


def _pod_status(
    kind: str, report: Schema, *, of: str, version: str = "v1beta1"
) -> Resource:
    return Resource(
        "status.gatekeeper.sh",
        kind,
        f"{kind.lower()}es",
        f"What one pod reports of one {of}; written by the controller.",
        (
            Version(
                version, obj({"metadata": METADATA, "status": report}), storage=True
            ),
        ),
        namespaced=True,
        status=False,
    )


RESOURCES: Final[tuple[Resource, ...]] = (
    Resource(
        "templates.gatekeeper.sh",
        "ConstraintTemplate",
        "constrainttemplates",
        "A policy: its code, and the kind of the constraints that put it in force.",
        (
            Version("v1", policies.template(legacy=False), storage=True),
            Version("v1alpha1", policies.template(legacy=True)),
            Version("v1beta1", policies.template(legacy=True)),
        ),
    ),
    Resource(
        _MUTATIONS,
        "Assign",
        "assign",
        "A mutator that sets a value outside of metadata.",
        (
            Version("v1", mutators.assign(bounded=True), storage=True),
            Version("v1alpha1", mutators.assign(bounded=False)),
            Version("v1beta1", mutators.assign(bounded=False)),
        ),
    ),
    Resource(
        _MUTATIONS,
        "AssignImage",
        "assignimage",
        "A mutator that sets the domain, path or tag of an image.",
        (Version("v1alpha1", mutators.assign_image(), storage=True),),
    ),
    Resource(
        _MUTATIONS,
        "AssignMetadata",
        "assignmetadata",
        "A mutator that adds a label or an annotation.",
        (
            Version("v1", mutators.assign_metadata(bounded=True), storage=True),
            Version("v1alpha1", mutators.assign_metadata(bounded=False)),
            Version("v1beta1", mutators.assign_metadata(bounded=False)),
        ),
    ),
    Resource(
        _MUTATIONS,
        "ModifySet",
        "modifyset",
        "A mutator that adds values to a list, or removes them.",
        (
            Version("v1", mutators.modify_set(bounded=True), storage=True),
            Version("v1alpha1", mutators.modify_set(bounded=False)),
            Version("v1beta1", mutators.modify_set(bounded=False)),
        ),
    ),
    Resource(
        "config.gatekeeper.sh",
        "Config",
        "configs",
        "Excluded namespaces, referential data and traces; the one named `config` counts.",
        (Version("v1alpha1", policies.CONFIG, storage=True),),
        namespaced=True,
    ),
    Resource(
        "syncset.gatekeeper.sh",
        "SyncSet",
        "syncsets",
        "Kinds whose objects policies may refer to.",
        (Version("v1alpha1", policies.SYNC_SET, storage=True),),
        status=False,
    ),
    Resource(
        "expansion.gatekeeper.sh",
        "ExpansionTemplate",
        "expansiontemplate",
        "Which objects a generator such as a Deployment stands for.",
        (
            Version("v1alpha1", policies.EXPANSION, storage=True),
            Version("v1beta1", policies.EXPANSION_LONG_NAMES),
        ),
    ),
    Resource(
        _PROVIDERS,
        "Provider",
        "providers",
        "A server that policies and mutators may ask.",
        (
            Version(
                "v1alpha1",
                policies.PROVIDER,
                warning=f"{_PROVIDERS}/v1alpha1 is deprecated. "
                f"Use {_PROVIDERS}/v1beta1 instead.",
            ),
            Version("v1beta1", policies.PROVIDER, storage=True),
        ),
    ),
    Resource(
        "connection.gatekeeper.sh",
        "Connection",
        "connections",
        "Where violations are exported to.",
        (Version("v1alpha1", policies.CONNECTION, storage=True),),
        namespaced=True,
    ),
    _pod_status("ConfigPodStatus", statuses.CONFIG, of="Config"),
    _pod_status(
        "ConnectionPodStatus", statuses.CONNECTION, of="Connection", version="v1alpha1"
    ),
    _pod_status("ConstraintPodStatus", statuses.CONSTRAINT, of="constraint"),
    _pod_status(
        "ConstraintTemplatePodStatus", statuses.TEMPLATE, of="ConstraintTemplate"
    ),
    _pod_status(
        "ExpansionTemplatePodStatus", statuses.EXPANSION, of="ExpansionTemplate"
    ),
    _pod_status("MutatorPodStatus", statuses.MUTATOR, of="mutator"),
    _pod_status("ProviderPodStatus", statuses.PROVIDER, of="Provider"),
)


def definitions() -> list[dict[str, Any]]:
    """All definitions, by name."""
    return [one.definition() for one in sorted(RESOURCES, key=lambda one: one.name)]
