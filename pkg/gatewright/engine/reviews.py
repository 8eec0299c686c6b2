"""Policies in one image, asked for violations: what serves admission."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias, TypeVar

from gatewright._native.core import (
    Arrival,
    Assembler,
    Doc,
    Edit,
    Evaluation,
    Image,
    IndexSet,
    Roster,
    Route,
    answer_of,
    costs_of,
    difference,
    receive,
    tally,
    violations_of,
)
from gatewright.engine.basedata import Replica, View
from gatewright.engine.binding import LIBRARY, Binding
from gatewright.engine.errors import BudgetExceeded, EvalError, MessageError, error_text
from gatewright.engine.library.context import Context, HttpPolicy
from gatewright.engine.limits import Limits
from gatewright.engine.parts import Part
from gatewright.engine.policy import Policy, error_from
from gatewright.engine.values import Value
from gatewright.plan.passes import leaves_out

__all__ = ["Library", "LibraryBuilder", "Outcome", "Reviewer", "Violations"]

#: (message, details) of each violation: sorted by details, then message; none twice.
Violations: TypeAlias = Sequence[tuple[str, Any]]

#: What a call came to.  MessageError fails all calls of its policy.
Outcome: TypeAlias = Violations | EvalError | BudgetExceeded


_K = TypeVar("_K")


def _doc(value: Value | Doc) -> Doc:
    return value if isinstance(value, Doc) else Doc.from_python(value)


class LibraryBuilder:
    """Collects policies and documents; `build` gives the bytes of a library."""

    def __init__(self) -> None:
        self._assembler = Assembler()

    def add_policy(
        self, policy: Policy, *, entrypoint: str = "data.template.violation"
    ) -> int:
        """Add one entry point of a policy; returns its handle.

        Raises PlanError if it is no document, RegoErrors as `Policy.part`.
        """
        return self.add_part(policy.part(entrypoint))

    def add_part(self, part: Part) -> int:
        """Add a policy that has been planned before; returns its handle."""
        return self._assembler.add_image(part.image)

    def add_document(self, value: Value | Doc) -> int:
        """Add a document (a constraint's parameters); returns its handle."""
        return self._assembler.add_document(_doc(value))

    def build(self, *, meta: bytes = b"", data: Value | Doc | None = None) -> bytes:
        """Return the library.

        `meta` is kept for the caller; `data` are the base documents, an object
        (`{"inventory": ...}`).  The builder is used up.
        """
        if data is not None:
            self._assembler.set_data(_doc(data))
        return self._assembler.finish(meta)


class Library:
    """A loaded library; immutable, shared by any number of reviewers and threads.

    `buffer` may be bytes, an mmap, or anything else with a buffer; it must not
    change while the library lives.  Raises ImageError if it is damaged.
    """

    def __init__(self, buffer: Any, *, binding: Binding = LIBRARY) -> None:
        self.image = Image(buffer, binding=binding)
        self._indexes: IndexSet | None = None

    def index(self, replica: Replica) -> None:
        """Keep the indexes that the policies ask for over these base documents.

        Not while the replica takes over an epoch.  Without it the policies go
        through the documents one by one, with the same results.
        """
        found = IndexSet(replica.catalog, self.image)
        self._indexes = found if found.count else None

    @property
    def meta(self) -> bytes:
        """What `LibraryBuilder.build` was given."""
        return self.image.meta

    def evaluation(
        self,
        limits: Limits = Limits(),  # noqa: B008 - immutable
        *,
        http: HttpPolicy = HttpPolicy(),  # noqa: B008 - immutable
    ) -> Reviewer:
        """A reviewer; reuse it for review after review.  `http`: the hosts that its
        policies may reach."""
        return Reviewer(self, limits=limits, http=http)


class Reviewer:
    """Asks a library's policies for violations in one review after the other.

    It belongs to one thread at a time, and so do the Docs got from it: evaluation
    sorts objects as it needs them sorted.  A Doc that is kept beyond the next review
    keeps the memory of its own.
    """

    def __init__(
        self,
        library: Library,
        *,
        limits: Limits,
        http: HttpPolicy = HttpPolicy(),  # noqa: B008 - immutable
    ) -> None:
        self.library = library
        self.limits = limits
        self._evaluation = Evaluation(
            library.image,
            limit=limits.memory,
            quiet=not leaves_out("quiet"),
            paths=not leaves_out("paths"),
            older=True,
        )
        self._routed = not leaves_out("routes")
        self._evaluation.make_context = partial(Context, http=http)

    def pin(self, view: View | None) -> None:
        """Take a view as the base documents of all reviews from now on.

        It is one of the replica that the library's indexes are over, if any are.
        None: those of the library.
        """
        self._evaluation.pin(view, self.library._indexes)  # noqa: SLF001 - of this module

    @property
    def used(self) -> int:
        """Bytes that the review has taken of the arena so far."""
        return self._evaluation.used

    @property
    def timed(self) -> bool:
        """Whether the time of each call is counted; `costs` has it."""
        return self._evaluation.timed

    @timed.setter
    def timed(self, value: bool) -> None:
        self._evaluation.timed = value

    def costs(self) -> list[tuple[int, int]]:
        """What each call has taken so far: (ns while `timed` was set, steps)."""
        return costs_of(self._evaluation)

    def tally(
        self,
        names: Sequence[_K],
        places: Mapping[_K, int],
        numbers: memoryview[float],
        *,
        counted: bool,
        slow: float = float("inf"),
    ) -> list[tuple[int, float, int]]:
        """Add what each call cost to four numbers of its own: count, seconds, steps,
        most seconds.  Calls that were not timed are left out.

        `names` are those of the calls, `places[name]` is where in `numbers` (doubles)
        the four begin.  Of calls that are not `counted` only the most is kept.  Gives
        (number, seconds, steps) of the calls that took `slow` seconds or more.
        """
        return tally(
            self._evaluation, names, places, numbers, counted=counted, slow=slow
        )

    def load_review(self, body: bytes, *, exact: bool = False) -> Doc:
        """Read JSON as Gatekeeper reads reviews; it is the review from now on.

        `exact`: numbers keep their spelling.  Raises JsonError, LimitError.
        """
        return self._evaluation.load_review(body, review=not exact)

    def receive(
        self,
        body: bytes,
        *,
        exact: bool = False,
        routes: dict[bytes, Route] | None = None,
        but: bytes | None = None,
        steps: int = 0,
    ) -> Arrival | None:
        """Read an AdmissionReview as Gatekeeper reads it; it is the review from now on.

        None if it is not spelled as an API server spells it.  `exact`: numbers keep their
        spelling.  If `routes` has one for its words, the reviewer has set out with it:
        `advance` comes next, and each call has a budget of `steps`.  `but`: the user whose
        reviews take no route.  Raises JsonError, LimitError.
        """
        return receive(
            self._evaluation,
            body,
            exact=exact,
            routes=routes if self._routed else None,
            but=but,
            steps=steps,
        )

    def set_review(self, review: Doc) -> None:
        """Take a document as the review: a part of the loaded one, or another."""
        self._evaluation.set_review(review)

    def with_keys(self, doc: Doc, updates: Mapping[str, Value | Doc]) -> Doc:
        """A copy of an object with some keys set, in this reviewer's arena."""
        return self._evaluation.with_keys(doc, updates)

    def edit(self, doc: Doc, edit: Edit, given: str | None = None) -> Doc | None:
        """A part of the review as an edit leaves it; the same Doc if it changes nothing,
        None where it sets nothing.

        `given`: the value of an edit that has none of its own.  Raises NotPlain.
        """
        return edit.apply(self._evaluation, doc, given)

    def difference(self, old: Doc, new: Doc) -> bytes:
        """The JSON Patch that makes `new` of `old`; empty if they are equal.

        Raises NotPlain.
        """
        return difference(self._evaluation, old, new)

    def start(self, calls: Sequence[tuple[int, int]], *, steps: int) -> None:
        """Set out to run calls: pairs of policy and document (its parameters).

        Each one's input is {"parameters": document, "review": review}, each one's
        budget `steps`.  Go on with `advance` until it is done.
        """
        self._evaluation.begin_reviews(calls, steps=steps)

    def advance(self, steps: int, *, deadline_ns: int = 0) -> bool:
        """Go on for so many steps; True when all calls have their outcome.

        The GIL is free meanwhile, but for builtins in Python.  `deadline_ns` is on
        the clock of `time.monotonic_ns`; once it has passed, calls end as cancelled.
        """
        return self._evaluation.advance(steps, deadline_ns)

    def cancel(self) -> None:
        """Make `advance` end soon, its calls cancelled; from any thread."""
        self._evaluation.cancel()

    def release(self) -> None:
        """Free the memory of the review now, rather than when the next one comes."""
        self._evaluation.reset()

    def outcomes(self) -> list[Outcome]:
        """The outcome of each call, in their order."""
        return violations_of(self._evaluation, _error)

    def answer(
        self, arrival: Arrival, roster: Roster
    ) -> tuple[bytes, bool, int] | None:
        """The answer to a review whose calls, the roster's, have their outcome.

        That is its bytes, whether it allows, and the number of violations; a policy
        that fails is one for each of its calls.  None where that cannot be said
        briefly: a call was stopped, or a message is no string.
        """
        return answer_of(arrival, roster, _words)

    def run(
        self,
        calls: Sequence[tuple[int, int]],
        *,
        steps: int | None = None,
        deadline_ns: int = 0,
    ) -> list[Outcome]:
        """Run calls to their end: `start`, `advance`, `outcomes`.

        `steps`: budget of each call, else that of the limits.
        """
        limits = self.limits
        if limits.seconds is not None and not deadline_ns:
            deadline_ns = time.monotonic_ns() + int(limits.seconds * 1e9)
        evaluation = self._evaluation
        evaluation.begin_reviews(calls, steps=limits.steps if steps is None else steps)
        while not evaluation.advance(1_000_000, deadline_ns):
            pass
        return violations_of(evaluation, _error)


def _error(
    kind: str,
    code: str,
    message: Any,
    location: tuple[str, int, int] | None,
    cause: BaseException | None,
) -> EvalError | BudgetExceeded:
    if kind == "message":
        return MessageError(message)
    return error_from(kind, code, message, location, cause)


def _words(code: str, message: str, location: tuple[str, int, int] | None) -> bytes:
    return error_text(code, message, location).encode("utf-8", "surrogateescape")
