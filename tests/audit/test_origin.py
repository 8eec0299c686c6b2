"""What a round from the cache reads: the inventory of its generation."""

from __future__ import annotations

import asyncio
import json

from gatewright.audit.origin import Cached
from gatewright.constraints.policyset import PolicySet
from gatewright.constraints.snapshot import Snapshot
from gatewright.kube.client import Client
from gatewright.kube.resource import Resource
from tests.audit.policies import constraint, template

CONFIG_MAP = ("", "v1", "ConfigMap")
CLASS = ("scheduling.k8s.io", "v1", "PriorityClass")
NOTHING = ("nowhere.example.com", "v1", "Nothing")


def snapshot() -> Snapshot:
    policies = PolicySet()
    policies.add_template(template("K"))
    policies.add_constraint(constraint("K", "c", {}))
    held = [
        (*CONFIG_MAP, "b", "two"),
        (*CONFIG_MAP, "a", "one"),
        (*CONFIG_MAP, "a", "ä<"),
        (*CLASS, "", "slow"),
    ]
    for key in held:
        metadata = {"namespace": key[3], "name": key[4], "uid": f"u-{key[4]}"}
        policies.inventory.put(key, json.dumps({"metadata": metadata}).encode())
    policies.inventory.commit()
    return Snapshot(policies.build(), inventory=policies.inventory.replica())


def cached() -> Cached:
    kinds = {CONFIG_MAP: "", CLASS: "", NOTHING: "it is not served"}
    return Cached(Client.__new__(Client), snapshot(), kinds)


def test_the_kinds_are_those_that_are_to_be_held() -> None:
    planned = asyncio.run(cached().scope())
    assert [one.gvk for one in planned.resources] == [CONFIG_MAP, CLASS, NOTHING]
    assert [(one.kind, one.reason) for one in planned.unread] == [
        ("Nothing", "it is not served")
    ]


def names(kind: tuple[str, str, str]) -> list[tuple[str, str, str]]:
    async def read() -> list[tuple[str, str, str]]:
        resource = Resource(kind[0], kind[1], "any", kind[2])
        found = [one.metadata async for one in cached().items(resource)]
        return [(one.namespace, one.name, one.uid) for one in found]

    return asyncio.run(read())


def test_objects_of_a_kind_come_once_each() -> None:
    assert names(CONFIG_MAP) == [
        ("a", "one", "u-one"),
        ("a", "ä<", "u-ä<"),
        ("b", "two", "u-two"),
    ]
    assert names(CLASS) == [("", "slow", "u-slow")]
    assert names(NOTHING) == []
