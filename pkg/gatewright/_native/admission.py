"""The door to admission requests in native memory: names re-exported, no logic.

`constraints` alone imports it.
"""

from gatewright._native.request import read_facts, read_request

__all__ = ["read_facts", "read_request"]
