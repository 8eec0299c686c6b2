"""`gator verify`: suites in, results of their tests and cases out.

Each case has policies of its own: the template and constraint of its test, and the
objects of its inventory.  Reviews have no namespace object.  All violations count,
whatever their action.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gatewright.constraints import plainreview
from gatewright.constraints.crd import TARGET
from gatewright.constraints.judge import Result, ReviewFailed, by_action
from gatewright.constraints.plainreview import ReviewFormError
from gatewright.constraints.policyset import PolicySet
from gatewright.constraints.snapshot import Snapshot
from gatewright.engine.cache import CompileCache
from gatewright.gator.assertion import check
from gatewright.gator.audit import shown
from gatewright.gator.policies import (
    GatorError,
    add_constraint,
    add_object,
    add_template,
    is_constraint,
    is_template,
    new_policies,
    opened,
)
from gatewright.gator.prints import PrintBuffer
from gatewright.gator.selection import Selection
from gatewright.gator.suite import Case, Suite, Test
from gatewright.gator.suites import read_bytes, rooted
from gatewright.k8s import gotext, gvk, yaml

__all__ = ["CaseResult", "SuiteResult", "TestResult", "Verifier"]

_ADDING_TEMPLATE: Final = "adding template: "
_ADDING_CONSTRAINT: Final = "adding constraint: "


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How a case went; `ns` is what it took, `printed` the output of print()."""

    name: str
    error: str = ""
    ns: int = 0
    skipped: bool = False
    printed: str = ""

    @property
    def failed(self) -> bool:
        """Tell whether something was not as it should be."""
        return bool(self.error)


@dataclass(frozen=True, slots=True)
class TestResult:
    """How a test went; `error` is why its cases could not run."""

    __test__ = False

    name: str
    error: str = ""
    ns: int = 0
    skipped: bool = False
    cases: Sequence[CaseResult] = ()

    @property
    def failed(self) -> bool:
        """Tell whether something was not as it should be."""
        return bool(self.error) or any(one.failed for one in self.cases)


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """How a suite went; `path` is how it is called."""

    path: str
    ns: int = 0
    skipped: bool = False
    tests: Sequence[TestResult] = ()

    @property
    def failed(self) -> bool:
        """Tell whether something was not as it should be."""
        return any(one.failed for one in self.tests)


def _compiled(
    obj: Mapping[str, Any], *, prints: bool, cache: CompileCache
) -> PolicySet:
    policies = new_policies(prints=prints, float_parameters=False, cache=cache)
    add_template(policies, obj, decoding=_ADDING_TEMPLATE, adding=_ADDING_TEMPLATE)
    return policies


@dataclass(slots=True)
class Verifier:
    """Runs suites.  `notices` are remarks of the policies for the user.

    What has been compiled is looked for in `cache`: most tests of a suite have the
    same template.
    """

    selection: Selection = field(default_factory=Selection)
    notices: list[str] = field(default_factory=list)
    cache: CompileCache = field(default_factory=CompileCache)

    def run(self, suite: Suite) -> SuiteResult:
        """Run the selected tests of a suite."""
        if suite.skip:
            return SuiteResult(suite.shown, skipped=True)
        start = time.perf_counter_ns()
        folder = os.path.dirname(suite.path)
        results: list[TestResult] = []
        for test in suite.tests:
            if test.skip or not self.selection.admits(test):
                results.append(TestResult(test.name, skipped=True))
            else:
                results.append(self._test(folder, test))
        return SuiteResult(suite.shown, time.perf_counter_ns() - start, tests=results)

    def _test(self, folder: str, test: Test) -> TestResult:
        start = time.perf_counter_ns()
        error = ""
        cases: Sequence[CaseResult] = ()
        try:
            run = self._load(folder, test)
            if test.invalid:
                error = _not_invalid("%!w(<nil>)")
            else:
                cases = run.all(test, self.selection)
        except GatorError as found:
            error = str(found)
            if test.invalid:
                error = "" if found.schema else _not_invalid(error)
        taken = time.perf_counter_ns() - start
        return TestResult(test.name, error, taken, cases=cases)

    def _load(self, folder: str, test: Test) -> _Run:
        if not test.template:
            raise GatorError("invalid Suite: missing template")
        template = _template(os.path.join(folder, test.template))
        policies = _compiled(template, prints=False, cache=self.cache)
        for entry in policies.templates.values():
            self.notices += entry.notices
        if not test.constraint:
            raise GatorError("invalid Suite: missing constraint")
        constraint = _constraint(os.path.join(folder, test.constraint))
        add_constraint(policies, constraint)
        if test.expansion:
            raise GatorError(
                f"expansion {gotext.quote(test.expansion)}: expansion is not supported "
                "yet, so what would be generated from the objects cannot be reviewed"
            )
        return _Run(folder, template, constraint, policies, self.cache)


def _not_invalid(error: str) -> str:
    return (
        "constraint should have failed schema validation: got error "
        f"{error} but want schema validation failed"
    )


@dataclass(slots=True)
class _Run:
    """The cases of one test."""

    folder: str
    template: Mapping[str, Any]
    constraint: Mapping[str, Any]
    policies: PolicySet
    cache: CompileCache
    bare: Snapshot | None = None
    buffer: PrintBuffer = field(default_factory=PrintBuffer)
    unprintable: str = ""

    def all(self, test: Test, selection: Selection) -> list[CaseResult]:
        """Run the selected cases."""
        if "print(" in gotext.json_text(self.template):
            # Only here are calls of print() compiled, and so checked.
            try:
                self.policies = _compiled(self.template, prints=True, cache=self.cache)
                add_constraint(
                    self.policies, self.constraint, adding=_ADDING_CONSTRAINT
                )
            except GatorError as error:
                self.unprintable = str(error)
        results: list[CaseResult] = []
        for case in test.cases:
            if case.skip or not selection.admits_case(test, case.name):
                results.append(CaseResult(case.name, skipped=True))
            else:
                results.append(self.case(case))
        return results

    def case(self, case: Case) -> CaseResult:
        """Run one case."""
        start = time.perf_counter_ns()
        error = ""
        try:
            self.check(case)
        except GatorError as found:
            error = str(found)
        taken = time.perf_counter_ns() - start
        return CaseResult(case.name, error, taken, printed=self.buffer.take())

    def check(self, case: Case) -> None:
        """Raise GatorError unless all assertions hold."""
        if not case.object:
            raise GatorError("invalid Case: must define object")
        if not case.assertions:
            raise GatorError("invalid Case: assertions must be non-empty")
        if self.unprintable:
            raise GatorError(self.unprintable)
        path = os.path.join(self.folder, case.object)
        objects = _objects(path)
        if len(objects) != 1:
            quoted = gotext.quote(rooted(os.path.normpath(path)))
            raise GatorError(
                "object file must contain exactly one object: "
                f"{quoted} defines {len(objects)} objects"
            )
        results = self.review(self.snapshot(case), objects[0])
        messages = [one.message for one in by_action(results)]
        for assertion in case.assertions:
            check(assertion, messages)

    def snapshot(self, case: Case) -> Snapshot:
        """Return the policies with the inventory of a case."""
        if not case.inventory:
            if self.bare is None:
                self.bare = self.built()
            return self.bare
        try:
            for name in case.inventory:
                for obj in _objects(os.path.join(self.folder, name)):
                    adding = f"unable to add object to data.inventory: {shown(obj)}: "
                    add_object(self.policies, obj, adding=adding)
            return self.built()
        finally:
            self.policies.inventory.clear()

    def built(self) -> Snapshot:
        """Return the policies as they are."""
        return opened(self.policies, binding=self.buffer.binding)

    def review(self, snapshot: Snapshot, obj: Mapping[str, Any]) -> list[Result]:
        """Return the violations of an object, or of a request that is written down."""
        named = gvk.gvk_of(obj)
        request = named.kind == "AdmissionReview" and named.group == "admission.k8s.io"
        reviewer = snapshot.evaluation()
        try:
            if request:
                return plainreview.review_request(snapshot, reviewer, obj)
            return plainreview.review_object(snapshot, reviewer, obj)
        except ReviewFormError as error:
            raise GatorError(str(error)) from error
        except ReviewFailed as error:
            text = f"{TARGET}: {error}\n"
            if not request:
                text = f"reviewing {shown(obj)}: {text}"
            raise GatorError(text) from error


def _bytes(path: str, reading: str = "") -> bytes:
    path = os.path.normpath(path)
    try:
        return read_bytes(path)
    except GatorError as error:
        if not reading:
            raise
        quoted = gotext.quote(rooted(path))
        raise GatorError(f"reading {reading} from {quoted}: {error}") from error


def _one_object(path: str, reading: str, parsing: str) -> dict[str, Any]:
    text = _bytes(path, reading)
    quoted = gotext.quote(rooted(os.path.normpath(path)))
    try:
        documents = yaml.read(text, dialect=yaml.Dialect.CORE)
        return _resource(documents[0].value if documents else {})
    except (yaml.YAMLError, GatorError) as error:
        reason = error.reason if isinstance(error, yaml.YAMLError) else error
        raise GatorError(f"{parsing} from {quoted}: {reason}") from error


def _resource(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        tag, shown_value = _yaml_kind(value)
        raise GatorError(
            "yaml: unmarshal errors:\n  line 1: cannot unmarshal "
            f"{tag}{shown_value} into map[string]interface {{}}"
        )
    kind = value.get("kind")
    if not isinstance(kind, str) or not kind:
        text = gotext.json_text(value)
        raise GatorError(f"Object 'Kind' is missing in '{text}'")
    return value


def _yaml_kind(value: Any) -> tuple[str, str]:
    if isinstance(value, list):
        return "!!seq", ""
    text = value if isinstance(value, str) else gotext.json_text(value)
    if len(text) > 10:
        text = text[:7] + "..."
    tag = "!!str"
    if isinstance(value, bool):
        tag = "!!bool"
    elif isinstance(value, int):
        tag = "!!int"
    elif isinstance(value, float):
        tag = "!!float"
    return tag, f" `{text}`"


def _template(path: str) -> dict[str, Any]:
    obj = _one_object(
        path, "ConstraintTemplate", "adding template: parsing ConstraintTemplate YAML"
    )
    if not is_template(obj):
        quoted = gotext.quote(rooted(os.path.normpath(path)))
        raise GatorError(f"path {quoted}: not a ConstraintTemplate")
    return obj


def _constraint(path: str) -> dict[str, Any]:
    obj = _one_object(path, "Constraint", "adding constraint: parsing Constraint")
    if not is_constraint(obj):
        raise GatorError("not a Constraint")
    return obj


def _objects(path: str) -> list[dict[str, Any]]:
    text = _bytes(path).decode("utf-8", "replace")
    quoted = gotext.quote(rooted(os.path.normpath(path)))
    try:
        objects = [_resource(one.value) for one in yaml.read_cleaned(text)]
    except (yaml.YAMLError, GatorError) as error:
        reason = error.reason if isinstance(error, yaml.YAMLError) else error
        raise GatorError(f"reading {quoted}: invalid yaml: {reason}") from error
    if not objects:
        raise GatorError(f"missing objects: path {quoted} defines no YAML objects")
    return objects
