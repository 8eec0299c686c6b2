"""Constraints and objects made up by a seed: every field of `match`, odd numbers."""

from __future__ import annotations

import random
from typing import Any, Final

import yaml

__all__ = ["manifest"]

_TEMPLATE: Final = """\
apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: say}
spec:
  crd:
    spec:
      names: {kind: Say}
      validation:
        openAPIV3Schema:
          type: object
          properties: {id: {type: string}, number: {type: number}}
  targets:
  - target: admission.k8s.gatekeeper.sh
    rego: |
      package say
      violation[{"msg": msg, "details": {"review": object.remove(input.review, ["object"])}}] {
        metadata := input.review.object.metadata
        msg := sprintf("%v %v/%v/%v %v %v", [
          input.parameters.id,
          input.review.kind.kind,
          object.get(metadata, "namespace", "-"),
          object.get(metadata, "name", "-"),
          object.get(input.review.object, "number", "-"),
          input.parameters,
        ])
      }
"""
_KNOWN: Final = ("a", "b", "team-a", "kube-system")
_HOMES: Final = ("default", *_KNOWN, "unknown", "")
_KINDS: Final = (
    ("v1", "Pod"),
    ("apps/v1", "Deployment"),
    ("v1", "Node"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("example.com/v1", "Namespace"),
    ("networking.k8s.io/v1", "Ingress"),
)
_GLOBS: Final = ("a", "*", "team-*", "*-a", "*e*", "kube-*", "b", "default", "*m-a*")
_NUMBERS: Final = (1, 1.0, 2.5, 1e6, 1e21, 123456789)
_ODD: Final[tuple[Any, ...]] = (
    *_NUMBERS,
    -0.0,
    True,
    None,
    "é<&",
    [1, 2.0],
    {"a": 1},
    1 << 63,
)


class _Maker:
    """One manifest."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - it makes test data

    def maybe(self, chance: float) -> bool:
        return self.random.random() < chance

    def labels(self) -> dict[str, str]:
        names = self.random.sample(["k", "l", "m"], self.random.randint(0, 3))
        return {name: self.random.choice(["x", "z", ""]) for name in names}

    def requirement(self) -> dict[str, Any]:
        out: dict[str, Any] = {"key": self.random.choice("klm")}
        if self.maybe(0.5):
            out["operator"] = self.random.choice(["Exists", "DoesNotExist"])
            return out
        out["operator"] = self.random.choice(["In", "NotIn"])
        out["values"] = self.random.sample(["x", "z", ""], self.random.randint(1, 2))
        return out

    def selector(self) -> dict[str, Any]:
        out: dict[str, Any] = {}
        if self.maybe(0.6):
            out["matchLabels"] = self.labels()
        if self.maybe(0.6):
            out["matchExpressions"] = [self.requirement()]
        return out

    def globs(self) -> list[str]:
        return [self.random.choice(_GLOBS) for _ in range(self.random.randint(0, 2))]

    def namespace(self, name: str) -> dict[str, Any]:
        metadata = {"name": name, "labels": self.labels()}
        return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}

    def object(self, number: int) -> dict[str, Any]:
        api_version, kind = self.random.choice(_KINDS)
        metadata: dict[str, Any] = {"name": f"o{number}"}
        if self.maybe(0.1):
            metadata = {"generateName": self.random.choice(["a-", "o", "team-"])}
        if home := self.random.choice(_HOMES):
            metadata["namespace"] = home
        if self.maybe(0.7):
            metadata["labels"] = self.labels()
        out: dict[str, Any] = {"apiVersion": api_version, "kind": kind}
        out["metadata"] = metadata
        if self.maybe(0.4):
            out["number"] = self.random.choice(_ODD)
        return out

    def match(self) -> dict[str, Any]:
        pick = self.random.choice
        fields: dict[str, tuple[float, Any]] = {
            "kinds": (
                0.5,
                lambda: [
                    {
                        "apiGroups": pick([["*"], [""], ["apps", ""], []]),
                        "kinds": pick([["*"], ["Pod"], ["Pod", "Deployment"], []]),
                    }
                ],
            ),
            "namespaces": (0.3, self.globs),
            "excludedNamespaces": (0.3, self.globs),
            "scope": (0.3, lambda: pick(["*", "Cluster", "Namespaced", ""])),
            "labelSelector": (0.3, self.selector),
            "namespaceSelector": (0.3, self.selector),
            "name": (0.2, lambda: pick(["o1*", "*", "*1", "o2", "a-*"])),
            "source": (0.2, lambda: pick(["All", "Original", "Generated"])),
        }
        return {
            name: make()
            for name, (chance, make) in fields.items()
            if self.maybe(chance)
        }

    def constraint(self, number: int) -> dict[str, Any]:
        pick = self.random.choice
        spec: dict[str, Any] = {"parameters": {"id": f"c{number}"}}
        if self.maybe(0.95):
            spec["match"] = self.match()
        if self.maybe(0.5):
            spec["parameters"]["number"] = pick(_NUMBERS)
        if self.maybe(0.4):
            spec["enforcementAction"] = pick(["deny", "warn", "dryrun", "scoped"])
        if spec.get("enforcementAction") == "scoped":
            points = [
                {"name": pick(["*", "gator.gatekeeper.sh", "audit.gatekeeper.sh"])}
            ]
            spec["scopedEnforcementActions"] = [
                {"action": pick(["deny", "warn"]), "enforcementPoints": points}
            ]
        return {
            "apiVersion": "constraints.gatekeeper.sh/v1beta1",
            "kind": "Say",
            "metadata": {"name": f"c{number}"},
            "spec": spec,
        }


def manifest(seed: int) -> str:
    """Return a manifest: a template, constraints, Namespaces and objects."""
    maker = _Maker(seed)
    documents = [
        *(maker.namespace(name) for name in _KNOWN),
        *(maker.object(number) for number in range(45)),
        *(maker.constraint(number) for number in range(40)),
    ]
    return "---\n".join([_TEMPLATE, *map(yaml.safe_dump, documents)])
