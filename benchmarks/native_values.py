"""Values: reading, looking up, writing; next to the usual JSON libraries.

`make bench ARGS=benchmarks/native_values.py`; docs/design/0002 has the numbers.
The review is a pod's, of 6.3 KB; without ../shared a like one is made here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from gatewright._native import builtin
from gatewright._native.core import Doc

SHARED = Path(__file__).resolve().parents[2] / "shared" / "bench" / "review-pod.json"


def made_review() -> bytes:
    """A pod's review of about the same size and shape."""
    container = {
        "name": "main",
        "image": "registry.example.com/shop/web@sha256:" + "0f" * 32,
        "ports": [{"containerPort": 8080, "protocol": "TCP"}],
        "env": [{"name": f"SETTING_{i}", "value": f"value {i}"} for i in range(20)],
        "resources": {"limits": {"cpu": "500m", "memory": "256Mi"}},
        "securityContext": {"privileged": False, "runAsUser": 1000},
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "web",
            "labels": {"app": "web", "owner": "me.agilebank.demo"},
        },
        "spec": {"containers": [container, {**container, "name": "side"}]},
    }
    request = {"uid": "1", "operation": "CREATE", "object": pod, "name": "web"}
    return json.dumps({"kind": "AdmissionReview", "request": request}).encode()


@pytest.fixture
def data() -> bytes:
    return SHARED.read_bytes() if SHARED.exists() else made_review()


@pytest.fixture
def doc(data: bytes) -> Doc:
    return Doc.parse(data, review=True)


def bench_read(benchmark: Any, data: bytes) -> None:
    benchmark(Doc.parse, data)


def bench_read_review(benchmark: Any, data: bytes) -> None:
    benchmark(lambda: Doc.parse(data, review=True))


def bench_read_by_orjson(benchmark: Any, data: bytes) -> None:
    benchmark(orjson.loads, data)


def bench_read_by_json(benchmark: Any, data: bytes) -> None:
    benchmark(json.loads, data)


def bench_write(benchmark: Any, doc: Doc) -> None:
    benchmark(doc.json)


def bench_to_python(benchmark: Any, doc: Doc) -> None:
    benchmark(doc.python)


def bench_from_python(benchmark: Any, doc: Doc) -> None:
    benchmark(Doc.from_python, doc.python())


def bench_look_up_label(benchmark: Any, doc: Doc) -> None:
    path = ("request", "object", "metadata", "labels", "owner")

    assert benchmark(doc.get_python, *path) == "me.agilebank.demo"


def bench_missing_labels(benchmark: Any, doc: Doc) -> None:
    """What required labels needs: the keys of an object, a set less another."""
    labels = doc.get("request", "object", "metadata", "labels")
    required = Doc.parse('<"app","gatekeeper","owner">', term=True)

    def missing() -> Any:
        return builtin.call("minus", required, builtin.call("object.keys", labels))

    assert list(benchmark(missing)) == ["gatekeeper"]


def bench_sprintf(benchmark: Any) -> None:
    values = Doc.from_python(["web", {"owner": ["a", "b"]}, 3])
    form = "you must provide labels: %v %v (%d)"
    benchmark(builtin.call, "sprintf", form, values)


def bench_sort_keys(benchmark: Any) -> None:
    """A set of a thousand strings in no order."""
    values = [f"key-{i * 7919 % 1000}" for i in range(1000)]
    doc = Doc.from_python(values)
    benchmark(builtin.call, "cast_set", doc)
