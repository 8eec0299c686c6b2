"""Texts of the small languages inside operands, with tokens changed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any, Final

from tests.fuzz import odd_texts, yaml_texts
from tests.fuzz.mutations import mutated
from tests.fuzz.operands import KINDS, operand

__all__ = ["BUILTINS", "call"]

BUILTINS = {
    name: len(KINDS[name])
    for name in (
        "regex.match", "regex.is_valid", "regex.split", "regex.replace", "regex.find_n",
        "regex.globs_match", "glob.match", "glob.quote_meta", "time.parse_ns",
        "time.parse_rfc3339_ns", "time.parse_duration_ns", "json.unmarshal",
        "json.is_valid", "yaml.is_valid", "yaml.unmarshal", "urlquery.decode",
        "urlquery.decode_object", "uri.is_valid", "uri.parse", "io.jwt.decode",
        "net.cidr_contains", "net.cidr_intersects", "net.cidr_expand",
        "net.cidr_is_valid", "semver.compare", "semver.is_valid", "units.parse",
        "units.parse_bytes", "uuid.parse", "to_number", "sprintf", "base64.decode",
        "hex.decode",
    )
}  # fmt: skip

#: Where texts of one's own say more than those of the pools.
_SOURCES: Final[dict[str, Callable[[random.Random], str]]] = {
    "io.jwt.decode": odd_texts.token,
    "regex.globs_match": odd_texts.glob,
    "uri.is_valid": odd_texts.url,
    "uri.parse": odd_texts.url,
    "yaml.is_valid": yaml_texts.document,
    "yaml.unmarshal": yaml_texts.document,
}


def text_of(kind: str, rng: random.Random) -> Any:
    made = operand(rng, kind) if kind else None
    if made is None:
        return rng.choice((["."], [], None, ["/", "x"]))
    try:
        value = json.loads(made)
    except ValueError:
        return made
    if isinstance(value, str) and rng.random() < 0.7:
        return mutated(value, rng)
    return value


def call(rng: random.Random) -> tuple[str, list[Any]]:
    """A call with operands that are nearly right."""
    name = rng.choice(list(BUILTINS))
    source = _SOURCES.get(name)
    if source is None or rng.random() < 0.2:
        return name, [text_of(kind, rng) for kind in KINDS[name]]
    texts = [source(rng) for _ in KINDS[name]]
    return name, [mutated(t, rng) if rng.random() < 0.3 else t for t in texts]
