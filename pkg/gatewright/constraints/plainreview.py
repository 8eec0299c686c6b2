"""Reviews of plain objects and of written-down requests, as gator makes them.

A plain object is reviewed without operation and user; `input.review` has an empty
`namespaceObject` whatever namespace was found for matching.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from gatewright.constraints import reviewdoc
from gatewright.constraints.actions import GATOR
from gatewright.constraints.crd import TARGET
from gatewright.constraints.judge import Result, Review, by_action, judge
from gatewright.constraints.snapshot import Snapshot
from gatewright.engine.reviews import Reviewer
from gatewright.k8s import gostruct, gotext, meta
from gatewright.k8s.review import REQUEST_SHAPE
from gatewright.match.block import ORIGINAL
from gatewright.match.subject import NamespaceFacts, Subject

__all__ = [
    "Judging",
    "ReviewFormError",
    "by_action",
    "review_object",
    "review_request",
]


#: Holds a review whose document is loaded against a snapshot; as `judge` does.
Judging: TypeAlias = Callable[[Snapshot, Reviewer, Review, str], list[Result]]


class ReviewFormError(ValueError):
    """A written-down AdmissionReview that cannot be reviewed."""


def _judge(
    snapshot: Snapshot,
    reviewer: Reviewer,
    request: Mapping[str, Any],
    review: Review,
    point: str,
    judging: Judging,
) -> list[Result]:
    text = gotext.json_text(request).encode("utf-8", "surrogateescape")
    review.document = reviewer.load_review(text)
    return judging(snapshot, reviewer, review, point)


def review_object(
    snapshot: Snapshot,
    reviewer: Reviewer,
    obj: Mapping[str, Any],
    *,
    namespace: NamespaceFacts | None = None,
    source: str = ORIGINAL,
    point: str = GATOR,
    judging: Judging = judge,
) -> list[Result]:
    """Return the results for an object, by constraint; raise ReviewFailed.

    `by_action` puts them in the order of `gator verify`.
    """
    request = reviewdoc.of_object(obj)
    review = Review(
        reviewdoc.NO_DOCUMENT,
        [Subject.of(obj)],
        namespace=namespace,
        home=meta.namespace_of(obj),
        source=source,
    )
    return _judge(snapshot, reviewer, request, review, point, judging)


_INVALID: Final = (
    "not a valid AdmissionReview object: "
    "unable to convert to an AdmissionReview object, error: "
)
_REVIEW_KEYS: Final = ("kind", "apiVersion", "request", "response")


def review_request(
    snapshot: Snapshot,
    reviewer: Reviewer,
    obj: Mapping[str, Any],
    *,
    source: str = ORIGINAL,
    point: str = GATOR,
    judging: Judging = judge,
) -> list[Result]:
    """Return the results for a written-down AdmissionReview; raise ReviewFormError.

    Unknown fields are refused, and `object` and `oldObject` must name their kinds.
    """
    try:
        request = gostruct.decode(obj.get("request"), gostruct.optional(REQUEST_SHAPE))
    except gostruct.UnmarshalError as error:
        raise ReviewFormError(f"{_INVALID}{error}") from None
    unknown = [key for key in obj if key not in _REVIEW_KEYS]
    unknown += (
        f"request.{key}" for key in obj.get("request") or {} if key not in request
    )
    if unknown:
        named = ", ".join(f"unknown field {gotext.quote(name)}" for name in unknown)
        raise ReviewFormError(f"{_INVALID}strict decoding error: {named}")
    if request is None:
        raise ReviewFormError(
            "missing an AdmissionRequest object: "
            "request did not actually pass in an AdmissionRequest"
        )
    subjects: list[Subject] = []
    for field in ("object", "oldObject"):
        found = request[field]
        if found is None:
            continue
        if not isinstance(found, dict) or not meta.nested_string(found, "kind"):
            text = gotext.json_text(found)
            raise ReviewFormError(
                "object or oldObject cannot be unmarshalled: "
                f"Object 'Kind' is missing in '{text}'"
            )
        subjects.append(Subject.of(found))
    if not subjects:
        raise ReviewFormError(
            "no object or oldObject found to review: "
            'AdmissionRequest does not contain an "object" or "oldObject" to review'
        )
    if request["operation"] == "DELETE":
        if request["oldObject"] is None:
            raise ReviewFormError(
                f'{TARGET}: target.HandleReview failed for target "{TARGET}": '
                "oldObject cannot be nil for DELETE operations\n"
            )
        request["object"] = request["oldObject"]
        subjects = subjects[-1:]
    shown = reviewdoc.written(request) | {"namespaceObject": {}}
    review = Review(
        reviewdoc.NO_DOCUMENT, subjects, home=request["namespace"], source=source
    )
    return _judge(snapshot, reviewer, shown, review, point, judging)
