"""Small languages inside builtins, compared with the real opa."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import pytest

from tests.fuzz.languages import LANGUAGES, run


@pytest.mark.peers
@pytest.mark.parametrize("language", LANGUAGES)
def test_language(opa: Path, language: str) -> None:
    """No call differs; the same ones each time in CI, elsewhere fresh ones."""
    seed = 1 if os.environ.get("CI") == "true" else secrets.randbelow(10**9)

    assert run(opa, language, seed=seed, count=500) == []
