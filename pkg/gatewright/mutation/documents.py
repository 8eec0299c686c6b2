"""Objects that stay where the reader put them: mutators as edits of documents.

The plain case, without Python objects: 1 us where dicts take 30 and their decoding
90.  Whatever is not plain raises NotPlain, and `review` decides anew over dicts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from gatewright.engine.documents import Doc
from gatewright.engine.edits import Edit, NotPlain, alike
from gatewright.engine.reviews import Reviewer
from gatewright.mutation import setters
from gatewright.mutation.mutator import Mutator
from gatewright.mutation.path import Field
from gatewright.mutation.path_tests import MUST_EXIST, MUST_NOT_EXIST
from gatewright.mutation.setters import Facts

__all__ = ["Documents", "Edits", "edit_of", "edits_of"]

#: By `id` of the mutator: what it does, and the fact of the object that is its value.
Edits: TypeAlias = Mapping[int, tuple[Edit, str]]

TESTS: Final = {MUST_EXIST: 1, MUST_NOT_EXIST: 2}


def edit_of(mutator: Mutator) -> tuple[Edit, str] | None:
    """What a mutator does, as an edit; None for what only Python can do."""
    way: list[tuple[str, tuple[str | int, ...] | None, int]] = []
    for depth, node in enumerate(mutator.path):
        test = TESTS.get(mutator.tests.get(depth, ""), 0)
        if isinstance(node, Field):
            way.append((node.name, None, test))
        else:
            wanted = () if node.value is None else (node.value,)
            way.append((node.key, wanted, test))
    setter = mutator.setter
    only_missing = isinstance(setter, setters.AddMissing)
    if isinstance(setter, setters.AddMissing):
        setter = setter.inner
    setting, fact = "value", ""
    value: Any = None
    if isinstance(setter, setters.Assign):
        value = setter.value
    elif isinstance(setter, setters.FromMetadata):
        setting, fact = "given", setter.field
    elif isinstance(setter, setters.MergeSet):
        setting, value = "merge", setter.values
    elif isinstance(setter, setters.PruneSet):
        setting, value = "prune", setter.values
    elif isinstance(setter, setters.AssignImage):
        setting, value = "image", [setter.domain, setter.path, setter.tag]
    else:
        return None
    try:
        return Edit(way, setting, value, only_missing=only_missing), fact
    except (NotPlain, ValueError, RecursionError):
        return None


def edits_of(mutators: Iterable[Mutator]) -> Edits:
    """The edits of those mutators that have one; they must outlive the result."""
    found = ((id(one), edit_of(one)) for one in mutators)
    return {key: edit for key, edit in found if edit is not None}


class Documents:
    """The form of objects that lie in a reviewer's arena (`mutation.system.Form`).

    Its methods raise NotPlain besides.
    """

    __slots__ = ("edits", "reviewer")

    def __init__(self, reviewer: Reviewer, edits: Edits) -> None:
        self.reviewer = reviewer
        self.edits = edits

    def apply(self, mutator: Mutator, obj: Doc, facts: Facts) -> Doc | None:
        found = self.edits.get(id(mutator))
        if found is None:
            raise NotPlain(mutator.id)
        edit, fact = found
        if not fact:
            return self.reviewer.edit(obj, edit)
        return self.reviewer.edit(
            obj, edit, facts.name if fact == "name" else facts.namespace
        )

    def same(self, a: Doc, b: Doc) -> bool:
        return alike(a, b)
