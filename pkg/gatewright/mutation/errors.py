"""What can be wrong with a mutator, and with applying one."""

from __future__ import annotations

__all__ = ["ApplyError", "MutatorError"]


class MutatorError(Exception):
    """The mutator resource itself is invalid; `str()` is Gatekeeper's text."""


class ApplyError(Exception):
    """A mutator could not be applied to this object; the request fails."""
