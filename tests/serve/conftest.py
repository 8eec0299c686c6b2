"""What tests of the server share."""

from __future__ import annotations

import pytest

from tests.serve.openers import Opener, opener


@pytest.fixture(params=[True, False], ids=["fast-path", "asgi"])
def served(request: pytest.FixtureRequest) -> Opener:
    """Both ways that requests are answered have the same duties."""
    return opener(fast_path=request.param)
