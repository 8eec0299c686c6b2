"""The door to text and syntax trees: names re-exported, no logic.

The front end alone imports it.
"""

from gatewright._native import cursor
from gatewright._native.nodes import construct
from gatewright._native.syntax import Shapes
from gatewright._native.tokens import Splitter

__all__ = ["Shapes", "Splitter", "construct", "cursor"]
