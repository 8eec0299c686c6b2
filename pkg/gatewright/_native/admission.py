"""The door to admission requests in native memory: names re-exported, no logic.

`constraints` alone imports it.
"""

from gatewright._native.gosort import sorted_places
from gatewright._native.request import read_facts

__all__ = ["read_facts", "sorted_places"]
