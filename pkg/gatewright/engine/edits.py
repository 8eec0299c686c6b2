"""Edits of documents in a reviewer's arena: what mutators are made of.

An edit copies what is on its way and shares the rest with the document it got.
`Reviewer.edit` applies one, `Reviewer.difference` writes what changed as a patch.
"""

from __future__ import annotations

from gatewright._native.core import Edit, NotPlain, alike, share

__all__ = ["Edit", "NotPlain", "alike", "share"]
