"""The door to walks over the syntax tree: names re-exported, no logic.

The front end alone imports it.
"""

from gatewright._native.syntax import Shapes

__all__ = ["Shapes"]
