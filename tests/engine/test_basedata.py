"""Base documents that change: every view is what a build from scratch would give."""

from __future__ import annotations

import os
import random
import threading
from typing import Any

import pytest

from gatewright._native.core import Doc
from gatewright.engine.basedata import (
    BaseData,
    CatalogError,
    Delta,
    Path,
    Replica,
    follow,
)

Documents = dict[Path, Any]


def tree(documents: Documents) -> bytes:
    """The tree of documents, built from scratch."""
    out: dict[str, Any] = {}
    for path, document in documents.items():
        place = out
        for step in path[:-1]:
            place = place.setdefault(step, {})
        place[path[-1]] = document
    return Doc.from_python({"inventory": out}).json()


def some_path(rnd: random.Random) -> Path:
    name = f"n{rnd.randint(0, 40)}"
    if rnd.random() < 0.2:
        return "cluster", "v1", "Node", name
    kind = rnd.choice(["Pod", "Service"])
    return "namespace", f"ns{rnd.randint(0, 5)}", "v1", kind, name


def some_document(rnd: random.Random) -> Any:
    part = {"k": rnd.choice([1.5, None, True, "é", 10**30])}
    return {
        "a": rnd.randint(0, 9),
        "l": ["x" * rnd.randint(0, 50), part] * rnd.randint(0, 3),
        "": rnd.choice([[], {}, ""]),
    }


def change(rnd: random.Random, data: BaseData, documents: Documents) -> None:
    path = some_path(rnd)
    if rnd.random() < 0.4:
        documents.pop(path, None)
        data.remove(path)
    else:
        documents[path] = some_document(rnd)
        data.put(path, Doc.from_python(documents[path]))


@pytest.mark.parametrize("seed", range(12))
def test_any_changes_give_what_a_build_gives(seed: int) -> None:
    rnd = random.Random(seed)  # noqa: S311 - cases, not keys
    data = BaseData("inventory", segment=rnd.choice([4096, 1 << 16, 1 << 20]))
    replica = Replica("inventory")
    documents: Documents = {}
    held: list[tuple[Any, bytes]] = []
    for _ in range(30):
        for _ in range(rnd.choice([0, 1, 1, 2, 5, 200])):
            change(rnd, data, documents)
        delta = data.commit()
        if delta is not None:
            follow(data, replica, delta)
        wanted = tree(documents)
        held.append((replica.view(), wanted))
        if rnd.random() < 0.4:
            held.pop(rnd.randrange(len(held)))
        for view, then in held:
            assert view.document().json() == then
        if data.epoch:
            late = Replica("inventory")
            follow(data, late, data.snapshot())
            assert late.view().document().json() == wanted
    assert len(data) == len(documents)
    held.clear()
    del view
    replica.sweep()
    assert replica.catalog.waiting == 0


def test_a_segment_that_is_mostly_dead_is_given_back() -> None:
    data, replica = BaseData("inventory", segment=8192), Replica("inventory")
    for turn in range(400):
        path = ("cluster", "v1", "Node", f"n{turn % 10}")
        data.put(path, Doc.from_python({"turn": str(turn) * 20}))
        delta = data.commit()
        assert delta is not None
        follow(data, replica, delta)
    assert data.bytes < 8 * 8192
    assert replica.catalog.mapped < 8 * 8192


def grown() -> tuple[BaseData, Replica, Delta]:
    data, replica = BaseData("inventory"), Replica("inventory")
    data.put(("cluster", "v1", "Node", "a"), Doc.from_python({"is": "good"}))
    first = data.commit()
    assert first is not None
    follow(data, replica, first)
    data.put(("cluster", "v1", "Node", "b"), Doc.from_python({"is": ["new", 1.5]}))
    data.remove(("cluster", "v1", "Node", "a"))
    second = data.commit()
    assert second is not None
    return data, replica, second


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param({"extents": ((0, 32, 64, 1),)}, id="a checksum"),
        pytest.param({"extents": ((7, 32, 64, 1),)}, id="a segment"),
        pytest.param({"added": b"\0\0\0\0\x24\0\0\0"}, id="no node"),
        pytest.param({"added": b"\0\0\0\0\0\0\0\x7f"}, id="outside"),
        pytest.param({"removed": b"\0\0\0\0\x28\0\0\0"}, id="nothing to remove"),
        pytest.param({"since": 5}, id="an epoch left out"),
        pytest.param({"epoch": 1}, id="an epoch twice"),
    ],
)
def test_what_is_damaged_is_refused_and_the_last_epoch_stays(
    bad: dict[str, Any],
) -> None:
    from dataclasses import replace

    data, replica, delta = grown()
    before = replica.view().document().json()
    with pytest.raises(CatalogError):
        replica.take(replace(delta, **bad))
    assert replica.view().document().json() == before
    replica.take(delta)
    assert replica.view().document().json() == tree(
        {("cluster", "v1", "Node", "b"): {"is": ["new", 1.5]}}
    )
    assert len(data) == 1


def test_a_flipped_bit_of_a_segment_is_refused() -> None:
    data, replica, delta = grown()
    number, first, end, _ = delta.extents[0]
    copy = os.memfd_create("copy")
    size = os.fstat(data.descriptor(number)).st_size
    content = bytearray(os.pread(data.descriptor(number), size, 0))
    content[(first + end) // 2] ^= 4
    os.write(copy, content)
    broken = Replica("inventory")
    broken.attach(number, copy)
    with pytest.raises(CatalogError, match="checksum"):
        broken.take(data.snapshot())
    assert broken.epoch == 0
    os.close(copy)
    assert replica.epoch == 1


def test_readers_meanwhile_see_whole_epochs() -> None:
    data, replica = BaseData("inventory", segment=1 << 16), Replica("inventory")
    ended = threading.Event()
    wrong: list[Any] = []

    def read() -> None:
        while not ended.is_set():
            found = replica.view().document().python()["inventory"]
            turns = {one["turn"] for one in found.get("n", {}).values()}
            if len(turns) > 1:
                wrong.append(turns)

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for turn in range(100):
        for name in range(40):
            data.put(("n", f"{name}"), Doc.from_python({"turn": turn}))
        delta = data.commit()
        assert delta is not None
        follow(data, replica, delta)
    ended.set()
    for thread in threads:
        thread.join()
    assert not wrong
