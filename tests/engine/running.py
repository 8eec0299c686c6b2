"""Plans in text form, run on the native evaluator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gatewright._native.core import Assembler, Doc, Evaluation, Image
from gatewright.engine.binding import LIBRARY
from gatewright.engine.errors import BudgetExceeded, EvalError
from gatewright.engine.policy import error_from
from gatewright.engine.values import UNDEFINED
from gatewright.ir.encode import encode
from gatewright.ir.parse import parse_program


@dataclass(frozen=True)
class Run:
    """What came out: term text, `undefined`, or the text of the error."""

    result: str
    steps: int
    failed: bool = False


def image_of(*plans: str, documents: tuple[bytes, ...] = ()) -> bytes:
    assembler = Assembler()
    for plan in plans:
        assembler.add_program(encode(parse_program(plan)))
    for document in documents:
        assembler.add_document(document)
    return assembler.finish()


def load(image: Any) -> Image:
    return Image(image, binding=LIBRARY)


def doc(term: str | None) -> Any:
    return UNDEFINED if term is None else Doc.parse(term.encode(), term=True)


def run_plan(
    image: Image,
    *,
    given: str | None = None,
    data: str | None = None,
    stretch: int = 1_000_000,
    steps: int = 1_000_000,
    limit: int = 1 << 26,
    entry: str = "e",
) -> Run:
    """Evaluate the entry point, `stretch` steps at a time."""
    evaluation = Evaluation(image, limit=limit)
    evaluation.reset()
    if data is not None:
        evaluation.set_data(doc(data))
    evaluation.begin(0, image.entrypoints(0)[entry], doc(given), steps=steps)
    while not evaluation.advance(stretch):
        pass
    used = steps - evaluation.steps_left()
    value, failure, _ = evaluation.outcome()
    if failure is not None:
        error = error_from(*failure)
        assert isinstance(error, EvalError | BudgetExceeded)
        return Run(str(error), used, failed=True)
    found = evaluation.result_doc()
    if found is UNDEFINED:
        assert value is UNDEFINED
        return Run("undefined", used)
    assert found.python() == value
    return Run(found.term_text(), used)
