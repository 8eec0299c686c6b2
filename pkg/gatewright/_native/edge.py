"""The door to what the edge counts with: names re-exported, no logic.

`webhook` alone imports it.
"""

from gatewright._native.counters import Bounds, Counters

__all__ = ["Bounds", "Counters"]
