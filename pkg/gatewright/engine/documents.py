"""Documents that Python may hold: the evaluator's values, without a copy."""

from __future__ import annotations

from gatewright._native.core import Doc, JsonError, LimitError

__all__ = ["Doc", "JsonError", "LimitError"]
