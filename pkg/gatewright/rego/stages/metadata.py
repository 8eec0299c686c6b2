"""SetAnnotationSet and RewriteRegoMetadataCalls."""

from __future__ import annotations

from gatewright.rego.stages.state import State

__all__ = ["rewrite_metadata_calls", "set_annotation_set"]


def set_annotation_set(state: State) -> None:
    """SetAnnotationSet."""


def rewrite_metadata_calls(state: State) -> None:
    """RewriteRegoMetadataCalls."""
