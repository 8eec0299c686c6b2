"""Reviews as they arrive: read, recognised, and answered without Python's objects."""

from __future__ import annotations

from gatewright._native.core import Arrival, Roster, Route

__all__ = ["Arrival", "Roster", "Route"]
