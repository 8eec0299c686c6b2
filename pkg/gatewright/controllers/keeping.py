"""Which parts of a webhook configuration a pod keeps, and how patiently."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Keeping"]


@dataclass(frozen=True, slots=True)
class Keeping:
    """`narrow`: only what some constraint (or mutator) can match is sent; `hybrid`: what
    a deny constraint can match goes to a webhook of its own, which fails closed.
    `mutating`: the configuration is a mutating one.  Seconds: `patience` before a
    smaller set is announced, `notice` from then until it is written."""

    configuration: str
    narrow: bool = False
    hybrid: bool = False
    patience: float = 60.0
    notice: float = 10.0
    mutating: bool = False
