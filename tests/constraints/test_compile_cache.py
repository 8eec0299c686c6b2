"""Policies that come from the compile cache are the ones that were compiled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from gatewright.cli.main import main
from gatewright.constraints.faults import IngestError
from gatewright.constraints.policyset import PolicySet, Settings
from gatewright.engine.cache import CacheCounts, CompileCache
from tests.needs import require_conformance


def library() -> list[dict[str, Any]]:
    root = require_conformance("gatekeeper-library", "library")
    paths = sorted(root.glob("*/*/template.yaml"))
    return [yaml.safe_load(path.read_text()) for path in paths]


def build(
    templates: list[dict[str, Any]], folder: Path | None, **settings: Any
) -> tuple[bytes, CacheCounts]:
    cache = CompileCache(folder)
    policies = PolicySet(Settings(cache=cache, **settings))
    for template in templates:
        policies.add_template(template)
    return policies.build(), cache.counts


def test_the_library_is_the_same_byte_by_byte(tmp_path: Path) -> None:
    templates = library()
    folder = tmp_path / "cache"

    none, _ = build(templates, None)
    cold, written = build(templates, folder)
    warm, read = build(templates, folder)

    assert none == cold == warm
    assert written.written == written.miss == len(templates)
    assert (read.hit, read.miss, read.ignored) == (len(templates), 0, 0)


def test_what_is_refused_is_refused_again(tmp_path: Path) -> None:
    """Whether code may read the inventory is a part of the key."""
    templates = [one for one in library() if "data.inventory" in str(one)]
    build(templates, tmp_path / "cache")

    with pytest.raises(IngestError, match="disallowed ref"):
        build(templates, tmp_path / "cache", referential=False)


@pytest.mark.parametrize("command", ["verify", "test", "bench"])
def test_commands_say_why_a_named_cache_is_not_used(
    command: str, tmp_path: Path, library_suite: Path
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o755)
    arguments = {
        "verify": [str(library_suite)],
        "test": ["-f", str(library_suite)],
        "bench": ["-f", str(library_suite), "-n", "1", "--warmup", "0"],
    }[command]

    found = CliRunner().invoke(
        main, [command, *arguments, "--compile-cache", str(shared)]
    )
    quiet = CliRunner().invoke(main, [command, *arguments, "--compile-cache", "off"])

    assert f"Note: the compile cache is not used: {shared}: others" in found.stderr
    assert found.exit_code == quiet.exit_code
    assert "compile cache" not in quiet.stderr


@pytest.fixture
def library_suite() -> Path:
    root = require_conformance("gatekeeper-library", "library")
    return root / "general" / "requiredlabels"
