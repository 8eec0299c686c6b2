"""What a step looks like to who listens."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from gatewright.engine.search.steps import Evaluation
    from gatewright.rego import ast

__all__ = ["Event", "Listener", "Op"]


class Op(Enum):
    """What happened; the words are OPA's."""

    ENTER = "Enter"
    EXIT = "Exit"
    EVAL = "Eval"
    REDO = "Redo"
    FAIL = "Fail"
    DUPLICATE = "Duplicate"
    NOTE = "Note"
    INDEX = "Index"
    UNIFY = "Unify"
    TEST_CASE = "TestCase"


class Event(NamedTuple):
    """One step, while it happens.

    `node`: a `Step`, a `Body`, a `Definition`, a pair of terms (`UNIFY`), or None
    (`NOTE`).  `where`: the evaluation it happens in, whose variables hold what they
    hold at that moment.  `ref`: what was looked up (`INDEX`).
    """

    op: Op
    node: Any
    loc: ast.Location
    where: Evaluation
    message: str = ""
    ref: list[Any] | None = None


Listener: TypeAlias = Callable[[Event], None]
