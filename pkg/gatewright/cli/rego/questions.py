"""A query with all that it is asked against: what `eval` and `bench` share."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from gatewright.cli.rego.sources import merged, patterns
from gatewright.engine.documents import Doc
from gatewright.engine.errors import EvalError
from gatewright.engine.library.context import Context, HttpPolicy
from gatewright.engine.limits import Limits
from gatewright.engine.loading import (
    Loaded,
    LoadErrors,
    load_bundle,
    load_paths,
    load_schemas,
    os_text,
    read_value,
)
from gatewright.engine.policy import Policy, PreparedQuery, Solution
from gatewright.engine.prints import PrintOutput
from gatewright.engine.traces.query import TracedQuery
from gatewright.engine.values import UNDEFINED, Value
from gatewright.rego import ast
from gatewright.rego.compiled import CompileOptions, QueryContext
from gatewright.rego.compiler import compile_modules
from gatewright.rego.errors import COMPILE_ERROR, Error, RegoErrors
from gatewright.rego.parser import parse_body, parse_module

if TYPE_CHECKING:
    from gatewright.builtins.capabilities import Capabilities
    from gatewright.cli.rego.observing import Observation

__all__ = ["Asked", "Question", "SetupError", "runtime_context"]

_FUTURE: Final = "future.keywords"


class SetupError(Exception):
    """A command can't begin: its input or a schema cannot be read."""


@cache
def _runtime() -> dict[str, Value]:
    return {
        "authorization_enabled": False,
        "commit": "",
        "env": dict(os.environ),
        "skip_known_schema_check": False,
        "version": "1.22.2",
    }


def _hosts(allowed: frozenset[str] | None) -> frozenset[str] | None:
    """Those that can be meant: OPA compares the host alone, never with a port."""
    return None if allowed is None else frozenset(h for h in allowed if ":" not in h)


def runtime_context(http: HttpPolicy) -> Context:
    """A context in which `opa.runtime` shows the environment and OPA's version."""
    return Context(runtime=_runtime(), http=http)


@dataclass(slots=True)
class Asked:
    """A prepared query, and all that it is asked against.

    `modules` are those read, before compilation.
    """

    policy: Policy
    body: ast.Body
    context: QueryContext
    query: PreparedQuery
    documents: Value
    data: Doc
    input: Value
    modules: Mapping[str, ast.Module]
    http: HttpPolicy = HttpPolicy()  # noqa: RUF009 - immutable
    _traced: TracedQuery | None = None

    @property
    def expressions(self) -> Sequence[ast.Expr]:
        """The expressions of the query that have values."""
        return self.query.expressions

    def traced(self, policy: Policy) -> TracedQuery:
        """The query as one to be evaluated step by step."""
        return TracedQuery(policy, self.body, context=self.context)

    @property
    def names(self) -> Mapping[str, str]:
        """Names in the source of variables that the compiler renamed."""
        return {} if self._traced is None else self._traced.names

    def solve(
        self,
        seen: Observation | None = None,
        *,
        limits: Limits,
        strict_builtin_errors: bool = False,
        collected: list[EvalError] | None = None,
    ) -> list[Solution]:
        """The solutions; `seen`: evaluated step by step, and seen.

        Raises EvalError, with its stack; BudgetExceeded.
        """
        context = runtime_context(self.http)
        how: dict[str, Any] = {
            "input": self.input,
            "limits": limits,
            "strict_builtin_errors": strict_builtin_errors,
            "context": context,
        }
        if seen is not None:
            if self._traced is None:
                self._traced = self.traced(self.policy)
            found: list[Solution] = seen.solve(
                self._traced, data=self.documents, collected=collected, **how
            )
            return found
        try:
            solutions = self.query.solve(data=self.data, collected=collected, **how)
        except EvalError as error:
            raise self._placed(error, how) from error
        if collected:
            again: list[EvalError] = []
            self._again(again, how)
            if sorted(map(str, again)) == sorted(map(str, collected)):
                collected[:] = again
        return solutions

    def _again(self, collected: list[EvalError] | None, how: dict[str, Any]) -> None:
        """Evaluate step by step what has failed, which knows more of errors."""
        silent = Policy.of(
            self.policy.compiled, functions={"internal.print": lambda _: True}
        )
        self.traced(silent).solve(data=self.documents, collected=collected, **how)

    def _placed(self, error: EvalError, how: dict[str, Any]) -> EvalError:
        """The error with its stack, and with all values that conflict."""
        try:
            self._again(None, how)
        except EvalError as other:
            if (other.code, other.location) == (error.code, error.location):
                return other
        return error


@dataclass(slots=True)
class Question:
    """A query and where to find the rest; `timers` are filled by `prepare`, in ns."""

    text: str
    data: Sequence[str]
    bundles: Sequence[str]
    input: Value
    package: str
    imports: Sequence[str]
    schemas: dict[str, Value]
    ignore: Sequence[str]
    strict: bool
    version: int
    capabilities: Capabilities | None = None
    prints: bool = True
    timers: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(
        cls,
        queries: Sequence[str],
        *,
        data: Sequence[str],
        bundle: Sequence[str],
        input_file: str | None,
        stdin_input: bool,
        stdin: bool,
        package: str,
        imports: Sequence[str],
        schema: str,
        ignore: Sequence[str],
        v0_compatible: bool,
        strict: bool = False,
        capabilities: Capabilities | None = None,
    ) -> Question:
        """Read query, input and schemas; the values are those of `query_options`.

        Raises SetupError.
        """
        text = sys.stdin.read() if stdin else queries[0]
        try:
            value: Value = UNDEFINED
            if stdin_input:
                value = read_value(sys.stdin.buffer.read())
            elif input_file:
                with open(input_file.removeprefix("file://"), "rb") as stream:
                    value = read_value(stream.read())
        except OSError as error:
            raise SetupError(os_text(error)) from error
        except ValueError as error:
            raise SetupError(f"unable to parse input: {error}") from error
        try:
            schemas = load_schemas(schema) if schema else {}
        except LoadErrors as error:
            raise SetupError(str(error)) from error
        return cls(
            text,
            data,
            bundle,
            value,
            package,
            imports,
            schemas,
            patterns(ignore),
            strict,
            0 if v0_compatible else 1,
            capabilities,
        )

    def prepare(self) -> Asked:
        """Load and compile everything.  Raises LoadErrors, RegoErrors."""
        loaded = self._load()
        prints = PrintOutput(_print)
        builtins = None if self.capabilities is None else self.capabilities.builtins
        # As opa does it, modules come before what is asked of them
        with self._timed("module_compile" if loaded.modules else ""):
            compiled = compile_modules(
                loaded.modules,
                options=CompileOptions(
                    strict=self.strict,
                    print_enabled=self.prints,
                    path_exists=loaded.has_path,
                    rego_version=self.version,
                    schemas=self.schemas,
                    builtins=builtins,
                ),
            )
        imports = [found for text in self.imports for found in _imports(text)]
        words = [word for item in imports for word in _keywords(item)]
        with self._timed("query_parse"):
            try:
                body = parse_body(
                    self.text,
                    version=self.version,
                    future_keywords=words,
                    capabilities=self.capabilities,
                )
            except RegoErrors as error:
                message = error.errors[0].message
                if message.startswith("expected body but got"):
                    raise LoadErrors([message]) from error
                raise
        if not self.text:
            raise LoadErrors(["cannot evaluate empty query"])
        if not body:
            raise RegoErrors([Error(COMPILE_ERROR, "empty query cannot be compiled")])
        package = _package(self.package) if self.package else None
        policy = Policy.of(compiled, functions=prints.functions)
        context = QueryContext(package=package, imports=imports)
        with self._timed("query_compile"):
            query = policy.prepare_query(body, context=context, capture=True)
        return Asked(
            policy,
            body,
            context,
            query,
            loaded.documents,
            Doc.from_python(loaded.documents),
            self.input,
            loaded.modules,
            HttpPolicy()
            if self.capabilities is None
            else HttpPolicy(allow_net=_hosts(self.capabilities.allow_net)),
        )

    def _load(self) -> Loaded:
        parts = []
        how: dict[str, Any] = {
            "version": self.version,
            "ignore": self.ignore,
            "capabilities": self.capabilities,
        }
        if self.data:
            try:
                with self._timed("load_files"):
                    parts.append(load_paths(self.data, **how))
            except LoadErrors as error:
                self._took([error])
                raise
        try:
            with self._timed("load_bundles" if self.bundles else ""):
                parts += [load_bundle(path, **how) for path in self.bundles]
        except LoadErrors as error:
            self._took(parts)
            raise LoadErrors([f"loading error: {error.errors[0]}"]) from error
        self._took(parts)
        return merged(parts)

    def _took(self, parts: Sequence[Loaded | LoadErrors]) -> None:
        for name in ("module_parse", "data_parse"):
            if taken := sum(part.taken.get(name, 0) for part in parts):
                self.timers[f"timer_rego_{name}_ns"] = taken

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        """Measure a step, one that fails too; without a name it is not reported."""
        start = time.perf_counter_ns()
        try:
            yield
        finally:
            if name:
                taken = time.perf_counter_ns() - start
                self.timers[f"timer_rego_{name}_ns"] = taken


def _print(line: str) -> None:
    sys.stdout.flush()
    sys.stderr.write(line)


def _package(text: str) -> ast.Ref:
    return parse_module("", f"package {text}").package.path


def _imports(text: str) -> list[ast.Import]:
    try:
        return parse_module("", f"package _\nimport {text}").imports
    except RegoErrors as error:
        raise RegoErrors(map(_one_row_up, error.errors)) from error


def _one_row_up(error: Error) -> Error:
    """Undo the package line that was put in front."""
    loc = error.loc
    if loc is None:
        return error
    return replace(error, loc=replace(loc, row=max(1, loc.row - 1)))


def _keywords(item: ast.Import) -> Sequence[str]:
    """The keywords that an import brings into the query."""
    parts = [
        getattr(term, "value", getattr(term, "name", "")) for term in item.path.terms
    ]
    if parts[:2] != _FUTURE.split("."):
        return () if parts != ["rego", "v1"] else ("contains", "every", "if", "in")
    return parts[2:] or ("contains", "every", "if", "in")
