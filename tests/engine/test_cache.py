"""The compile cache: what is taken from it, and what is never trusted."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from gatewright.builtins.declarations import TABLE
from gatewright.engine import cache as caches
from gatewright.engine.cache import CompileCache, compile_key, entry_meta
from gatewright.engine.parts import Part
from gatewright.engine.policy import RegoVersion, compile_policy
from gatewright.engine.reviews import Library, LibraryBuilder
from gatewright.plan import passes
from gatewright.rego.compiled import CompileOptions

TEXT = 'package template\nviolation[{"msg": msg}] { msg := sprintf("no %v", [input.review.n]) }'
OPTIONS = CompileOptions()


def key_of(*parts: object, options: CompileOptions = OPTIONS) -> bytes:
    key = compile_key(*parts, options=options)
    assert key is not None
    return key


def part_of(text: str, key: bytes) -> Part:
    policy = compile_policy(
        {"template": text}, version=RegoVersion.V0, messages="gatekeeper"
    )
    return policy.part("data.template.violation", meta=entry_meta(key))


KEY = key_of(TEXT)
OTHER = key_of("another")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A cache with one entry, under KEY."""
    made = tmp_path / "cache"
    kept = CompileCache(made)
    kept.put(KEY, part_of(TEXT, KEY))
    assert kept.counts.written == 1
    return made


def entry(folder: Path, key: bytes = KEY) -> Path:
    return folder / f"{key.hex()}.policy"


def said(*parts: Part) -> Sequence[object]:
    builder = LibraryBuilder()
    for part in parts:
        builder.add_part(part)
    builder.add_document({})
    reviewer = Library(builder.build()).evaluation()
    reviewer.load_review(b'{"n": 7}')
    return reviewer.run([(number, 0) for number in range(len(parts))])


def test_an_entry_is_the_policy(folder: Path) -> None:
    found = CompileCache(folder).get(KEY)

    assert found is not None
    assert said(found, part_of(TEXT, KEY)) == [(("no 7", {}),)] * 2


def test_it_is_private(folder: Path) -> None:
    assert folder.stat().st_mode & 0o777 == 0o700
    assert entry(folder).stat().st_mode & 0o777 == 0o600
    assert [one.name for one in folder.iterdir()] == [entry(folder).name]


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-8])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def foreign(path: Path) -> None:
    path.write_bytes(part_of(TEXT, OTHER).data)


def whole_library(path: Path) -> None:
    builder = LibraryBuilder()
    builder.add_part(part_of(TEXT, KEY))
    builder.add_document({})
    path.write_bytes(builder.build(meta=entry_meta(KEY)))


def readable(path: Path) -> None:
    path.chmod(0o644)


def link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def folder_of_that_name(path: Path) -> None:
    path.unlink()
    path.mkdir(0o700)


def huge(path: Path) -> None:
    os.truncate(path, caches.ENTRY_LIMIT + 1)


def of_another_version(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[12] += 1  # plan_version
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (flipped, "checksum does not match"),
        (cut, "cut short"),
        (empty, "not an image"),
        (foreign, "the entry of another policy"),
        (whole_library, "something else than one policy"),
        (readable, "others have access to it (mode 644)"),
        (link, "Too many levels of symbolic links"),
        (pipe, "no file"),
        (folder_of_that_name, "Is a directory"),
        (huge, "bytes are too many"),
        (of_another_version, "of version"),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_a_bad_entry_is_counted_and_replaced(
    folder: Path, spoil: Callable[[Path], None], reason: str
) -> None:
    spoil(entry(folder))
    kept = CompileCache(folder)

    assert kept.get(KEY) is None
    assert kept.counts.ignored == 1
    assert reason in kept.counts.reason

    if spoil is folder_of_that_name:
        return
    kept.put(KEY, part_of(TEXT, KEY))
    assert CompileCache(folder).get(KEY) is not None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_an_entry_of_somebody_else_is_ignored(folder: Path) -> None:
    os.chown(entry(folder), 12345, 12345)
    kept = CompileCache(folder)

    assert kept.get(KEY) is None
    assert "it belongs to user 12345" in kept.counts.reason


@pytest.mark.parametrize("mode", [0o750, 0o701, 0o777])
def test_a_folder_that_others_see_is_not_used(folder: Path, mode: int) -> None:
    folder.chmod(mode)
    kept = CompileCache(folder)

    assert f"mode {mode:03o}" in kept.unusable
    assert kept.get(KEY) is None
    kept.put(OTHER, part_of(TEXT, OTHER))
    assert len(list(folder.iterdir())) == 1


def test_no_folder_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    kept = CompileCache(tmp_path / "file" / "cache")

    assert kept.unusable.endswith("File exists")
    part = part_of(TEXT, KEY)
    kept.put(KEY, part)
    assert kept.get(KEY) is part  # in memory
    assert kept.counts.memory == 1


def test_a_folder_that_vanishes(folder: Path) -> None:
    kept = CompileCache(folder)
    entry(folder).unlink()
    folder.rmdir()

    assert kept.get(KEY) is None
    kept.put(OTHER, part_of(TEXT, OTHER))
    assert kept.counts.miss == 1
    assert kept.counts.unwritten == 1


def test_what_was_used_least_lately_goes(tmp_path: Path) -> None:
    size = len(part_of(TEXT, KEY).data)
    folder = tmp_path / "cache"
    kept = CompileCache(folder, limit=4 * size)
    keys = [key_of("number", n) for n in range(5)]
    for age, key in enumerate(reversed(keys[:4])):
        kept.put(key, part_of(TEXT, key))
        past = time.time() - 10_000 * (age + 1)
        os.utime(entry(folder, key), (past, past))
    stale = folder / ".new-1-abc"
    stale.write_bytes(b"half")
    os.utime(stale, (0, 0))
    # The oldest one is used again.
    assert CompileCache(folder).get(keys[0]) is not None
    kept.put(keys[4], part_of(TEXT, keys[4]))

    left = {one.name for one in folder.iterdir()}
    assert left == {entry(folder, key).name for key in (keys[0], keys[3], keys[4])}


def test_keys_differ_by_all_that_matters() -> None:
    fewer = {name: one for name, one in TABLE.items() if name != "http.send"}
    keys = [
        key_of(TEXT),
        key_of(TEXT + "\n"),
        key_of(TEXT, 0),
        key_of(TEXT, options=replace(OPTIONS, print_enabled=True)),
        key_of(TEXT, options=replace(OPTIONS, strict=True)),
        key_of(TEXT, options=replace(OPTIONS, builtins=fewer)),
        key_of(TEXT, options=replace(OPTIONS, unsafe_builtins=frozenset({"a"}))),
        key_of(TEXT, options=replace(OPTIONS, schemas={"schema": {"type": "object"}})),
    ]
    elsewhere = compile_key(TEXT, options=OPTIONS, sources=[__file__])
    assert len({*keys, elsewhere}) == len(keys) + 1
    assert key_of(TEXT) == keys[0]


def test_keys_differ_by_the_passes_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes, "WITHOUT", frozenset({"dead"}))
    assert key_of(TEXT) != KEY


def test_what_has_no_words_has_no_key() -> None:
    options = replace(OPTIONS, path_exists=lambda _: True)
    assert compile_key(TEXT, options=options) is None


def test_another_declaration_is_another_key() -> None:
    same = replace(OPTIONS, builtins={"count": TABLE["count"]})
    other = replace(OPTIONS, builtins={"count": replace(TABLE["count"], name="kount")})
    assert compile_key(TEXT, options=same) != compile_key(TEXT, options=other)
    assert compile_key(TEXT, options=other) == compile_key(TEXT, options=other)
