"""One object's bytes to its violations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from gatewright.constraints import reviewdoc
from gatewright.constraints.actions import AUDIT
from gatewright.constraints.exclusion import AUDIT as AUDIT_PROCESS
from gatewright.constraints.judge import Result, Review, judge
from gatewright.constraints.namespaces import NamespaceRecord
from gatewright.constraints.snapshot import Snapshot
from gatewright.engine.documents import Doc
from gatewright.engine.reviews import Reviewer
from gatewright.k8s.review import ObjectError
from gatewright.match.block import ORIGINAL
from gatewright.match.subject import Subject

__all__ = ["Examined", "Examiner", "UnreadableError"]

_EMPTY: Final = Doc.from_python({})
_NO_RESOURCE: Final = Doc.from_python(
    dict.fromkeys(("group", "version", "resource"), "")
)


class UnreadableError(ValueError):
    """An object that could not be judged; the text says why."""


@dataclass(frozen=True, slots=True)
class Examined:
    """An object and what was found about it; `metadata` is decoded."""

    subject: Subject
    results: list[Result]
    metadata: dict[str, Any]


class Examiner:
    """Judges objects under one generation.  Belongs to one thread.

    Reviews are those of plain objects: no operation, no user, no old object
    (Gatekeeper's audit); `source` blank where the object came from a cache.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        reviewer: Reviewer,
        *,
        steps: int,
        source: str = ORIGINAL,
    ) -> None:
        self.snapshot = snapshot
        self.reviewer = reviewer
        self.steps = steps
        self.source = source

    def wanted(self, group: str, kind: str, namespace: str, name: str) -> bool:
        """Whether an object is to be judged at all: Config may exclude it."""
        home = name if kind == "Namespace" and not group else namespace
        return not self.snapshot.exclusions.excludes(AUDIT_PROCESS, home)

    def examine(
        self,
        data: bytes,
        *,
        group: str,
        version: str,
        kind: str,
        namespace: NamespaceRecord | None,
    ) -> Examined:
        """Judge an object of a list, whose text need not name its kind.

        Raises UnreadableError, and ReviewFailed when a policy gives what is no
        violation.
        """
        reviewer = self.reviewer
        try:
            api_version = f"{group}/{version}" if group else version
            found = reviewer.load_review(data)
            obj = reviewer.with_keys(found, {"apiVersion": api_version, "kind": kind})
            subject = reviewdoc.subject_of(obj)
        except (ObjectError, ValueError) as error:
            raise UnreadableError(str(error) or "it is no object") from error
        frame: dict[str, Any] = {
            "uid": "",
            "kind": Doc.from_python({"group": group, "version": version, "kind": kind}),
            "resource": _NO_RESOURCE,
            "operation": "",
            "userInfo": _EMPTY,
            "object": obj,
            "oldObject": None,
            "options": None,
            "namespaceObject": _EMPTY if namespace is None else namespace.document,
        }
        if subject.name:
            frame["name"] = subject.name
        if subject.namespace:
            frame["namespace"] = subject.namespace
        review = Review(
            reviewer.with_keys(_EMPTY, frame),
            [subject],
            namespace=None if namespace is None else namespace.facts,
            home=subject.namespace,
            source=self.source,
        )
        results = judge(self.snapshot, reviewer, review, AUDIT, steps=self.steps)
        metadata = obj.get_python("metadata") if results else None
        return Examined(
            subject, results, metadata if isinstance(metadata, dict) else {}
        )
