"""The door to the work on plans in native memory: names re-exported, no logic.

The planner alone imports it.
"""

from gatewright._native.pass_code import Opcodes
from gatewright._native.passes import Passes

__all__ = ["Opcodes", "Passes"]
