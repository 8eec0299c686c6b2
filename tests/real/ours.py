"""One code base by Gatewright, in a process of its own: what `opa` would print.

Called by run.py, with a JSON request as the only argument; prints the JSON answer.
The request: `task` (`check` or `test`), `paths`, `ignore`, `extensions` (builtins
of the host, as in a capabilities document).  The answer: `errors` in OPA's shapes,
or `tests` (path -> pass, fail, skip, or the message of the error), and `seconds`.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from typing import Any

from gatewright.builtins.declarations import parse_builtin
from gatewright.cli.rego.failures import failure_rows, failures_of
from gatewright.engine.errors import EvalError
from gatewright.engine.loading import LoadErrors, load_paths
from gatewright.engine.testing import Outcome, compile_suite
from gatewright.rego.compiled import CompileOptions
from gatewright.rego.compiler import compile_modules
from gatewright.rego.errors import RegoErrors


def word(outcome: Outcome) -> str:
    """Pass, fail, skip, or the message of the error."""
    if outcome.skip:
        return "skip"
    if isinstance(outcome.error, EvalError):
        return f"{outcome.error.code}: {outcome.error.message}"
    if outcome.error is not None:
        return "; ".join(f"{one.code}: {one.message}" for one in outcome.error.errors)
    return "fail" if outcome.fail else "pass"


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Do as asked."""
    checks = request["task"] == "check"
    seconds = {}
    start = time.perf_counter()
    try:
        loaded = load_paths(
            request["paths"], ignore=request["ignore"], only_rego=checks
        )
        seconds["load"] = time.perf_counter() - start
        start = time.perf_counter()
        extra = {one["name"]: parse_builtin(one) for one in request["extensions"]}
        options = CompileOptions(
            print_enabled=True,
            max_errors=0,
            extra_builtins=extra,
            path_exists=None if checks else loaded.has_path,
        )
        if checks:
            compile_modules(loaded.modules, options=options)
            seconds["compile"] = time.perf_counter() - start
            return {"errors": [], "seconds": seconds}
        suite = compile_suite(loaded.modules, loaded.documents, options=options)
        seconds["compile"] = time.perf_counter() - start
        start = time.perf_counter()
        tests = {one.test.path: word(one) for one in suite.run(timeout=60)}
        seconds["run"] = time.perf_counter() - start
        return {"tests": tests, "seconds": seconds}
    except (LoadErrors, RegoErrors) as error:
        return {"errors": failure_rows(failures_of(error)), "seconds": seconds}


if __name__ == "__main__":
    gc.disable()  # as the commands do
    json.dump(answer(json.loads(sys.argv[1])), sys.stdout)
