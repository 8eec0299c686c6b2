"""Verdict and message of every sample of Gatekeeper's library, through the API server.

All templates and constraints are in force at once; each object is asked for with the
real Gatekeeper as the API server's webhook, then with ours.  Samples that are reviews,
and objects that the API server refuses by itself, go to both webhooks directly.
"""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from difflib import unified_diff
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.manager import Manager, install, managing, pod
from tests.cluster.rival import Rival, gatekeeper, posted, webhook
from tests.cluster.server import Cluster, until
from tests.needs import require_peer, require_shared

pytestmark = [pytest.mark.cluster, pytest.mark.peers]

NAME = "compared"
Objects = list[dict[str, Any]]


@contextmanager
def api_of(cluster: Cluster) -> Iterator[http.client.HTTPSConnection]:
    """A connection to the API server, as its admin."""
    files = cluster.folder
    context = ssl.create_default_context(cafile=files / "cluster-ca.crt")
    context.load_cert_chain(files / "admin.crt", files / "admin.key")
    connection = http.client.HTTPSConnection(
        "127.0.0.1", cluster.port, context=context, timeout=60
    )
    with closing(connection):
        yield connection


def create(
    api: http.client.HTTPSConnection, path: str, obj: Any
) -> tuple[int, str, tuple[str, ...]]:
    """Status, message and warnings of a creation on trial."""
    headers = {"Content-Type": "application/json"}
    api.request("POST", f"{path}?dryRun=All", json.dumps(obj), headers)
    answer = api.getresponse()
    found = json.loads(answer.read())
    warnings = tuple(answer.headers.get_all("Warning") or ())
    return answer.status, str(found.get("message", "")), warnings


def library(folder: Path) -> tuple[Objects, Objects, Objects]:
    """Templates, constraints, samples."""
    subprocess.run(
        [require_shared("tools", "workload"), folder],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    found: tuple[Objects, Objects, Objects] = ([], [], [])
    for path in sorted(folder.glob("*.yaml")):
        which = (
            0
            if path.name.endswith("-template.yaml")
            else 1
            if path.name.endswith("-constraint.yaml")
            else 2
        )
        for obj in yaml.safe_load_all(path.read_text()):
            if obj:
                is_policy = obj["apiVersion"].startswith("constraints.")
                found[1 if is_policy else which].append(obj)
    return found


def paths(cluster: Cluster) -> dict[tuple[str, str], tuple[str, bool]]:
    """Where objects of a kind are created, and whether in a namespace."""
    out = {}
    text = cluster.kubectl("api-resources", "--verbs=create", "--no-headers")
    for line in text.splitlines():
        *start, version, namespaced, kind = line.split()
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        inner = "/namespaces/{}" if namespaced == "true" else ""
        out[version, kind] = f"{root}{inner}/{start[0]}", namespaced == "true"
    return out


def not_enforced(cluster: Cluster, wanted: Objects) -> list[Any]:
    """Constraints of which not both sides say so, with what is said."""
    told = {
        (one["kind"], one["metadata"]["name"]): (one.get("status") or {}).get("byPod")
        for one in cluster.listed("constraints")
    }
    names = {(one["kind"], one["metadata"]["name"]) for one in wanted}
    return [
        (name, told.get(name))
        for name in sorted(names)
        if not {one["id"] for one in told.get(name) or () if one.get("enforced")}
        >= {"no-pod", "manager-0"}
    ]


class Comparison:
    """Both sides on a cluster, the library loaded."""

    def __init__(self, cluster: Cluster, rival: Rival, manager: Manager) -> None:
        self.cluster = cluster
        self.sides = {
            "gatekeeper": (rival.address, str(rival.authority)),
            "gatewright": (manager.admission, manager.event("listening")["ca"]),
        }

    def load(self, templates: Objects, constraints: Objects) -> None:
        self.cluster.apply(*templates)
        names = [
            f"crd/{one['metadata']['name']}.constraints.gatekeeper.sh"
            for one in templates
        ]
        until(
            "all definitions",
            lambda: self.cluster.run("kubectl", "get", *names).returncode == 0,
        )
        self.cluster.kubectl("wait", "--for=condition=Established", *names)
        self.cluster.apply(*constraints)
        try:
            until(
                "all enforced",
                lambda: not not_enforced(self.cluster, constraints),
                seconds=120,
            )
        except AssertionError as error:
            left = not_enforced(self.cluster, constraints)[:5]
            raise AssertionError(f"{error}: {left}") from None

    def through_the_api_server(self, side: str, objects: Objects) -> list[Any]:
        where = paths(self.cluster)
        self.cluster.apply(webhook(NAME, *self.sides[side]))
        denied = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "called"},
            "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]},
        }
        with api_of(self.cluster) as api:
            until(
                f"{side} is called",
                lambda: (
                    "denied the request"
                    in create(api, "/api/v1/namespaces/default/services", denied)[1]
                ),
            )
            out = []
            for obj in objects:
                path, namespaced = where[obj["apiVersion"], obj["kind"]]
                home = obj["metadata"].get("namespace", "default")
                out.append(create(api, path.format(home) if namespaced else path, obj))
        self.cluster.kubectl("delete", "validatingwebhookconfiguration", NAME)
        return out

    def directly(self, side: str, reviews: Objects) -> list[Any]:
        address, authority = self.sides[side]
        found = [posted(address, authority, review) for review in reviews]
        return [
            (one["allowed"], one.get("status"), one.get("warnings")) for one in found
        ]


def review_of(obj: dict[str, Any]) -> dict[str, Any]:
    group, _, version = obj["apiVersion"].rpartition("/")
    request = {
        "uid": "u",
        "kind": {"group": group, "version": version, "kind": obj["kind"]},
        "operation": "CREATE",
        "name": obj["metadata"].get("name", ""),
        "namespace": obj["metadata"].get("namespace", ""),
        "userInfo": {"username": "alice"},
        "object": obj,
    }
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": request,
    }


def without_kind() -> Objects:
    """What no API server asks: reviews that name their kind in part or not at all."""
    obj = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}
    kinds: tuple[dict[str, str], ...] = (
        {},
        {"group": "", "version": "", "kind": ""},
        {"version": "v1"},
        {"kind": "Pod"},
        {"group": "apps"},
    )
    made = [(kind, review_of(obj)) for kind in kinds]
    made.append(({}, review_of({"kind": "A", "apiVersion": "v1", "metadata": {}})))
    for kind, review in made:
        review["request"]["kind"] = kind
    return [review for _, review in made]


def reviewed(sample: dict[str, Any]) -> dict[str, Any]:
    """A sample that is a review, of the version that is served."""
    return {**sample, "apiVersion": "admission.k8s.io/v1"}


def differing(asked: Objects, theirs: list[Any], ours: list[Any]) -> list[str]:
    """What was answered differently, line by line."""
    found = []
    for obj, *both in zip(asked, theirs, ours, strict=True):
        first, second = map(lines, both)
        if first != second:
            shown = [str(obj.get("metadata")), *unified_diff(first, second)]
            found.append("\n".join(shown))
    return found


def lines(answer: object) -> list[str]:
    """An answer's lines.  Of constraints with the same words the order is not given:
    Gatekeeper's sort leaves it to how the constraints came."""
    text = json.dumps(answer, indent=1).replace("\\n", "\n")
    out: list[str] = []
    for _, tied in groupby(text.splitlines(), key=words):
        out += sorted(tied)
    return out


def words(line: str) -> str:
    """A line without the name of the constraint that says it."""
    return line.partition("[")[2].partition("] ")[2] or line


def test_every_sample_has_the_same_answer(
    start_cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    require_peer("gatekeeper")
    # With controllers its statuses would be collected: no pod owns them.
    cluster = start_cluster(controllers=False)
    templates, constraints, samples = library(tmp_path / "library")
    reviews = [reviewed(one) for one in samples if one["kind"] == "AdmissionReview"]
    objects = [one for one in samples if one["kind"] != "AdmissionReview"]
    install(cluster)
    pod(cluster, "manager-0")
    homes = {one["metadata"].get("namespace", "default") for one in objects}
    for home in homes - {"default", "kube-system"}:
        cluster.run("kubectl", "create", "namespace", home)
    with (
        gatekeeper(cluster, tmp_path) as rival,
        # One of them makes definitions: both would, alike but for descriptions.
        managing(
            cluster,
            *("--operation=webhook", "--operation=status"),
            workers=1,
        ) as manager,
    ):
        compared = Comparison(cluster, rival, manager)
        compared.load(templates, constraints)
        theirs = compared.through_the_api_server("gatekeeper", objects)
        ours = compared.through_the_api_server("gatewright", objects)
        # What the API server refuses before it asks is asked for by hand.
        reviews += [
            review_of(obj)
            for obj, (status, text, _) in zip(objects, theirs, strict=True)
            if status not in (201, 403) or "denied the request" not in text
        ]
        reviews += without_kind()
        their_words = compared.directly("gatekeeper", reviews)
        our_words = compared.directly("gatewright", reviews)

    statuses = [status for status, _, _ in theirs]
    print(
        f"{len(objects)} objects, {statuses.count(201)} created, "
        f"{statuses.count(403)} denied; {len(reviews)} asked for by hand"
    )
    assert statuses.count(403) >= 20
    assert len(objects) + len(reviews) > 150
    found = differing(objects, theirs, ours)
    found += differing(reviews, their_words, our_words)
    assert not found, "\n".join(found)
