"""Decoding an object by the shape of its kind in its version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatewright.constraints.faults import DecodeError
from gatewright.k8s import gostruct
from gatewright.k8s.gvk import GVK

__all__ = ["decode"]


def decode(
    obj: Mapping[str, Any], named: GVK, *, shapes: Mapping[str, gostruct.Shape]
) -> dict[str, Any]:
    """Return an object in the form of its version; raise DecodeError.

    `shapes` has the versions that are known.  Texts are apimachinery's.
    """
    shape = shapes.get(named.version)
    if shape is None:
        raise DecodeError(
            f'no kind "{named.kind}" is registered for version "{named.api_version}" in '
            'scheme "pkg/runtime/scheme.go:111"'
        )
    try:
        found: dict[str, Any] = gostruct.decode(obj, shape)
    except gostruct.UnmarshalError as error:
        raise DecodeError(str(error)) from None
    return found
