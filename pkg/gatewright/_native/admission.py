"""The door to admission requests and answers in native memory: names re-exported, no logic.

`constraints` alone imports it.
"""

from gatewright._native.gosort import sorted_places
from gatewright._native.request import read_facts, read_request

__all__ = ["read_facts", "read_request", "sorted_places"]
