"""A query with all that it is asked against: what `eval` and `bench` share."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Final

from gatewright.cli.rego.sources import merged, patterns
from gatewright.engine.documents import Doc
from gatewright.engine.library.context import Context
from gatewright.engine.loading import (
    Loaded,
    LoadErrors,
    load_bundle,
    load_paths,
    load_schemas,
    os_text,
    read_value,
)
from gatewright.engine.policy import Policy, PreparedQuery
from gatewright.engine.prints import PrintOutput
from gatewright.engine.values import UNDEFINED, Value
from gatewright.rego import ast
from gatewright.rego.compiled import CompileOptions, QueryContext
from gatewright.rego.compiler import compile_modules
from gatewright.rego.errors import Error, RegoErrors
from gatewright.rego.parser import parse_body, parse_module

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


def runtime_context() -> Context:
    """A context in which `opa.runtime` shows the environment and OPA's version."""
    return Context(runtime=_runtime())


@dataclass(frozen=True, slots=True)
class Asked:
    """A prepared query, its base data and its input."""

    query: PreparedQuery
    data: Doc
    input: Value


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
    prints: bool = True
    timers: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(
        cls,
        text: str,
        *,
        data: Sequence[str],
        bundles: Sequence[str],
        input_file: str,
        input_stdin: bool,
        package: str,
        imports: Sequence[str],
        schema: str,
        ignore: Sequence[str],
        strict: bool,
        v0: bool,
    ) -> Question:
        """Read input and schemas.  Raises SetupError."""
        try:
            value: Value = UNDEFINED
            if input_stdin:
                value = read_value(sys.stdin.buffer.read())
            elif input_file:
                with open(input_file.removeprefix("file://"), "rb") as stream:
                    value = read_value(stream.read())
        except OSError as error:
            text = os_text(error)
            raise SetupError(text) from error
        except ValueError as error:
            raise SetupError(f"unable to parse input: {error}") from error
        try:
            schemas = load_schemas(schema) if schema else {}
        except LoadErrors as error:
            raise SetupError(str(error)) from error
        return cls(
            text,
            data,
            bundles,
            value,
            package,
            imports,
            schemas,
            patterns(ignore),
            strict,
            0 if v0 else 1,
        )

    def prepare(self) -> Asked:
        """Load and compile everything.  Raises LoadErrors, RegoErrors."""
        loaded = self._load()
        start = time.perf_counter_ns()
        imports = [found for text in self.imports for found in _imports(text)]
        package = _package(self.package) if self.package else None
        words = [word for item in imports for word in _keywords(item)]
        body = parse_body(self.text, version=self.version, future_keywords=words)
        if not body:
            raise LoadErrors(["cannot evaluate empty query"])
        start = self._lap("timer_rego_query_parse_ns", start)
        prints = PrintOutput(_print)
        compiled = compile_modules(
            loaded.modules,
            options=CompileOptions(
                strict=self.strict,
                print_enabled=self.prints,
                path_exists=loaded.has_path,
                rego_version=self.version,
                schemas=self.schemas,
            ),
        )
        if loaded.modules:
            start = self._lap("timer_rego_module_compile_ns", start)
        query = Policy.of(compiled, functions=prints.functions).prepare_query(
            body,
            context=QueryContext(package=package, imports=imports),
            capture=True,
        )
        self._lap("timer_rego_query_compile_ns", start)
        return Asked(query, Doc.from_python(loaded.documents), self.input)

    def _load(self) -> Loaded:
        start = time.perf_counter_ns()
        parts = []
        if self.data:
            parts.append(
                load_paths(self.data, version=self.version, ignore=self.ignore)
            )
        try:
            parts += [
                load_bundle(path, version=self.version, ignore=self.ignore)
                for path in self.bundles
            ]
        except LoadErrors as error:
            if all(isinstance(one, str) for one in error.errors):
                message = f"loading error: {error.errors[0]}"
                raise LoadErrors([message]) from error
            raise
        if parts:
            self._lap("timer_rego_load_files_ns", start)
        return merged(parts)

    def _lap(self, name: str, start: int) -> int:
        now = time.perf_counter_ns()
        self.timers[name] = now - start
        return now


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
