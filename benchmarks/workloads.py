"""What is measured: the policy library and its samples, loaded once.

The workload is the one that `tools/workload` beside the project writes: 37
policies with the constraint of their first sample folder, and all objects of it.
"""

from __future__ import annotations

import copy
import functools
import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewright.app.generation import Generation
from gatewright.app.installation import Installation, parse_file
from gatewright.app.ledger import ObjectKey
from gatewright.constraints.namespaces import Namespaces
from gatewright.constraints.policyset import Settings
from gatewright.engine.limits import Limits

SHARED = Path(os.environ.get("SHARED_DIR", Path(__file__).parents[2] / "shared"))
REVIEW = SHARED / "bench" / "review-pod.json"
LIMITS = Limits(steps=100_000_000, memory=64 << 20)


@functools.cache
def library_folder() -> Path:
    """The workload's folder, written anew."""
    folder = Path(tempfile.mkdtemp(prefix="gatewright-bench-")) / "library"
    command = [str(SHARED / "tools" / "workload"), str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder


@dataclass(frozen=True, slots=True)
class Loaded:
    """The library as a worker holds it, and the objects to judge."""

    generation: Generation
    objects: tuple[dict[str, Any], ...]
    constraints: int


@functools.cache
def library() -> Loaded:
    """Policies only are loaded; objects are those to be judged."""
    policies: dict[ObjectKey, Any] = {}
    objects: list[dict[str, Any]] = []
    for path in sorted(library_folder().glob("*.yaml")):
        for key, obj in parse_file(path.name, path.read_bytes()):
            if key[0].endswith("gatekeeper.sh"):
                policies[key] = obj
            else:
                objects.append(obj)
    homes = {one["metadata"].get("namespace", "default") for one in objects} | {"shop"}
    for home in homes:
        policies["", "Namespace", "", home] = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": home},
        }
    installation = Installation(Settings(), namespace="gatekeeper-system")
    faults = installation.apply(policies)
    if faults:
        raise RuntimeError(f"policies not loaded: {faults}")
    held = installation.policies
    held.inventory.commit()
    generation = Generation(
        1,
        installation.build(),
        limits=LIMITS,
        inventory=held.inventory.replica(),
        namespaces=Namespaces(held.namespaces),
    )
    return Loaded(generation, tuple(objects), len(generation.snapshot.constraints))


def reviews(objects: tuple[dict[str, Any], ...], *, turn: int) -> list[bytes]:
    """An AdmissionReview body per object, with names and uids of this turn."""
    out = []
    for number, obj in enumerate(objects):
        fresh = copy.deepcopy(obj)
        fresh["metadata"]["name"] = f"{obj['metadata'].get('name', 'x')}-{turn}"
        group, _, version = fresh["apiVersion"].rpartition("/")
        home = fresh["metadata"].get("namespace", "")
        kind = {"group": group, "version": version, "kind": fresh["kind"]}
        request = {
            "uid": f"00000000-0000-4000-8000-{turn:06d}{number:06d}",
            "kind": kind,
            "resource": {
                "group": group,
                "version": version,
                "resource": fresh["kind"].lower() + "s",
            },
            "name": fresh["metadata"]["name"],
            "namespace": home,
            "operation": "CREATE",
            "userInfo": {"username": "alice", "groups": ["system:authenticated"]},
            "object": fresh,
            "oldObject": None,
            "dryRun": False,
            "options": {"apiVersion": "meta.k8s.io/v1", "kind": "CreateOptions"},
        }
        if not home:
            del request["namespace"]  # as API servers leave it out
        body = {
            "kind": "AdmissionReview",
            "apiVersion": "admission.k8s.io/v1",
            "request": request,
        }
        out.append(json.dumps(body, separators=(",", ":")).encode())
    return out
