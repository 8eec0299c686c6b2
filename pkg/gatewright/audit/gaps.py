"""Which objects were written while requests may have got no verdict."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Final

import msgspec

from gatewright.kube.heartbeat import Gap

__all__ = ["written_in"]

#: A request that got no verdict is stored a moment later; clocks of several API
#: servers differ a little.  Times of objects have no parts of a second.
SLACK: Final = datetime.timedelta(seconds=5)


class _Field(msgspec.Struct):
    time: datetime.datetime | None = None


class _Metadata(msgspec.Struct, rename="camel"):
    creation_timestamp: datetime.datetime | None = None
    managed_fields: list[_Field] | None = None


class _Object(msgspec.Struct):
    metadata: _Metadata


def written_in(data: bytes, gaps: Sequence[Gap]) -> bool:
    """Whether an object was created or changed in one of `gaps`, a little before or
    after; true where it does not say."""
    try:
        metadata = msgspec.json.decode(data, type=_Object).metadata
    except msgspec.DecodeError:
        return True
    fields = metadata.managed_fields or ()
    times = [metadata.creation_timestamp, *(one.time for one in fields)]
    known = [one for one in times if one is not None]
    return not known or any(
        gap.start - SLACK <= one <= gap.end + SLACK for gap in gaps for one in known
    )
