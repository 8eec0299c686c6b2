"""One object as bytes, with the few fields of its metadata that all need."""

from __future__ import annotations

import msgspec

__all__ = ["Item", "Metadata", "read_item"]


class Metadata(msgspec.Struct, frozen=True, rename="camel"):
    """The part of `metadata` that tells objects and their states apart."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    deletion_timestamp: str | None = None


class _Frame(msgspec.Struct):
    metadata: Metadata


class Item(msgspec.Struct, frozen=True):
    """`data`: the object's JSON, as the server wrote it."""

    metadata: Metadata
    data: bytes

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name."""
        return self.metadata.namespace, self.metadata.name


def read_item(data: bytes | memoryview | msgspec.Raw) -> Item:
    """The object of a text; it gets a copy of the bytes, so that one object does
    not hold the page that it came with.  Raises msgspec.DecodeError."""
    return Item(msgspec.json.decode(data, type=_Frame).metadata, bytes(data))
