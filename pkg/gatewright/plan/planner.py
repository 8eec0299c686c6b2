"""Syntax trees in, a program out.

Functions are planned on demand: the first use of a rule reserves its number, and
the work list plans it later.  So a program holds what its entry points need.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from typing import Final, Literal

from gatewright.builtins.declarations import TABLE, Builtin
from gatewright.ir.opcodes import BY_NAME
from gatewright.ir.program import Index, Program
from gatewright.plan import bodies, calls, documents, hoisting, rules
from gatewright.plan.builder import FunctionBuilder, Tables
from gatewright.plan.comprehensions import comprehension_keys
from gatewright.plan.constants import is_ground
from gatewright.plan.dependencies import Dependencies
from gatewright.plan.frame import Frame, PlanError
from gatewright.plan.index import tests_of
from gatewright.plan.joins import IndexedTree, Join, targets_tree
from gatewright.plan.levels import Tests
from gatewright.plan.loud import Loudness
from gatewright.plan.overrides import Targets
from gatewright.plan.passes import optimize_program
from gatewright.plan.passes.idle import Asked
from gatewright.plan.purity import Uses, says_something
from gatewright.plan.withdrawal import (
    Watched,
    index_numbers,
    renumbered,
    withdraw,
)
from gatewright.rego import ast
from gatewright.rego.compiled import Compiled, CompiledQuery
from gatewright.rego.depth import deeply
from gatewright.rego.parser import parse_ref
from gatewright.rego.printer import call_text, ref_text
from gatewright.rego.rule_tree import RuleNode, term_key
from gatewright.rego.stages.walk import dotted_name, finder, rules_of

__all__ = ["QUERY", "Messages", "plan_program", "plan_query"]

Messages = Literal["opa", "gatekeeper"]

_CALL: Final = BY_NAME["CALL"]
#: Ways to a function from which on its results are kept.
_MANY: Final = 16
#: The name of a query's entry point.
QUERY: Final = "query"
_modifiers: Final[Callable[[object], list[ast.With]]] = finder(ast.With)


class Planner:
    """One program under construction."""

    def __init__(
        self,
        compiled: Compiled,
        *,
        messages: Messages,
        optimized: bool = True,
        strict: bool = False,
        indexed: IndexedTree | None = None,
    ) -> None:
        self.compiled = compiled
        self.tables = Tables()
        self.indexed = indexed
        #: By the id of a rule tree's node: what its rules use.
        self.rule_uses: dict[int, Uses] = {}
        self.dependencies = Dependencies(compiled)
        self._watched: list[Watched] = []
        self._messages = messages
        self._optimized = optimized
        self._targets = Targets()
        self._known: dict[Hashable, int] = {}
        self._keyed: dict[int, bool] = {}
        self._params: list[int] = []
        self._tests: dict[int, Tests] = {}
        #: By clause: the definitions that the rule index has together with it.
        self._indexed: dict[int, Sequence[ast.Rule]] = {}
        self.strict = strict
        self.loud = Loudness(self, strict=strict)
        #: The rules that `hoisted` made.
        self._asked: dict[int, Asked] = {}
        self._gathered: dict[int, list[str]] = {}
        self._work: list[tuple[int, FunctionBuilder, Callable[[Frame], None]]] = []

    # Facts ------------------------------------------------------------------

    def survey(self, *trees: object) -> None:
        """Note what the `with` modifiers in these modules and bodies replace, and which
        comprehensions OPA evaluates once for all values of outer variables."""
        for tree in trees:
            for modifier in _modifiers(tree):
                self._targets.add(self, modifier)
        for tree in trees:
            if isinstance(tree, ast.Module):
                for rule in rules_of(tree):
                    self._gather(rule.body, rule.head.args or [])
            elif isinstance(tree, list):
                self._gather(tree, [])

    def gathered(
        self, term: ast.Term, body: ast.Body, head: Iterable[ast.Term]
    ) -> Sequence[str]:
        """The variables that OPA leaves free when it evaluates a comprehension, where
        an error may come of its parts."""
        names, loud = self._gathered.get(id(term), ()), self.loud
        if names and (any(map(loud.expr, body)) or any(map(loud.term, head))):
            return names
        return ()

    def _gather(self, body: ast.Body, args: list[ast.Term]) -> None:
        found = comprehension_keys(body, args, self.compiled.arity)
        self._gathered.update(found)

    def mocked(self, name: str) -> bool:
        """Whether some `with` replaces that function."""
        return name in self._targets.functions

    def assumed(self, name: str) -> bool:
        """Whether some `with` puts a virtual document in the function's place."""
        return name in self._targets.assumed

    def overridden(self, path: Sequence[ast.Term]) -> bool:
        """Whether some `with` replaces the document at `path` or above it."""
        targets = self._targets.paths
        if not targets:
            return False
        keys = tuple(map(term_key, path))
        return any(keys[:length] in targets for length in range(len(keys) + 1))

    def shadowed(self, name: ast.String) -> bool:
        """Whether a document below `data` may be another than the base document:
        there are rules at or below it, or some `with` replaces a part of it."""
        if self.compiled.rule_tree.child(name) is not None:
            return True
        return targets_tree(self._targets.paths, name)

    def builtin(self, name: str) -> Builtin | None:
        """The declaration of a builtin."""
        return self.compiled.builtins.get(name) or TABLE.get(name)

    def signature(self, operator: ast.Ref, loc: ast.Location) -> tuple[int, bool, bool]:
        """Of a call: operands without the output; void; a relation."""
        head = operator.terms[0]
        if isinstance(head, ast.Var) and head.name == "data":
            return (
                len(self._functions(operator, loc).rules[0].head.args or ()),
                False,
                False,
            )
        name = dotted_name(operator)
        declared = self.builtin(name)
        if declared is None:
            raise PlanError(f"undefined function {name}", loc)
        return declared.arity, declared.void, declared.relation

    def _functions(self, operator: ast.Ref, loc: ast.Location) -> RuleNode:
        node = self.compiled.rule_tree.find(operator)
        if node is None or not node.rules:
            raise PlanError(f"undefined function {ref_text(operator)}", loc)
        return node

    def conflict(self, name: str, function: bool) -> str:
        """The message where a rule or function has two values; after a colon comes
        which."""
        if self._messages == "gatekeeper":
            if function:
                return "functions must not produce multiple outputs for same inputs"
            return "complete rules must not produce multiple outputs"
        if function:
            return f"function {name} produced conflicting values for the same inputs:"
        return f"rule {name} produced conflicting values:"

    def tests(self, clause: ast.Rule) -> Tests | None:
        """What OPA's rule index asks before it enters a clause."""
        rules = self._indexed.get(id(clause))
        if rules is not None and id(clause) not in self._tests:
            self._tests.update(tests_of(self, rules))
        return self._tests.get(id(clause))

    def _index(self, node: RuleNode) -> None:
        """Note which rules at a node OPA's rule index has together; they are looked
        at when somebody asks, which is a twentieth of all compiling."""
        if node.rules and id(node.rules[0]) not in self._indexed:
            rules = node.rules
            if any(len(rule.head.reference.terms) > 1 for rule in rules):
                rules = [rule for inner in node.walk() for rule in inner.rules]
            for rule in rules:
                clause: ast.Rule | None = rule
                while clause is not None:
                    self._indexed[id(clause)] = rules
                    self._tests.pop(id(clause), None)
                    clause = clause.else_

    # Functions --------------------------------------------------------------

    def rule(self, node: RuleNode, path: Sequence[ast.Term]) -> int:
        """The function of the rules at a node (no parameters)."""
        steps = list(path)
        self._index(node)
        return self._reserve(
            id(node), steps, 0, lambda f: rules.plan_rules(f, node, steps)
        )

    def keys_rule(self, node: RuleNode, path: Sequence[ast.Term], keys: int) -> int:
        """The function of the first keys below a node."""
        steps = list(path)
        self._index(node)
        return self._reserve(
            ("keys", id(node), keys),
            steps,
            keys,
            lambda f: rules.plan_keys(f, node, steps),
            suffix="[_]" * keys,
            memo=True,
        )

    def keyed_rule(self, node: RuleNode, path: Sequence[ast.Term]) -> int | None:
        """The function of one key of the set or object at a node, if that is
        worth having."""
        if self._keyed.setdefault(id(node), rules.is_keyed(node, len(path) + 1)):
            steps = list(path)
            self._index(node)
            return self._reserve(
                ("keyed", id(node)),
                steps,
                1,
                lambda f: rules.plan_keyed(f, node, steps),
                suffix="[_]",
            )
        return None

    def plain_rule(self, definitions: Sequence[ast.Rule], path: list[ast.Term]) -> int:
        """The function of complete definitions inside a general reference."""
        return self._reserve(
            ("plain", id(definitions[0])),
            path,
            0,
            lambda f: rules.plan_plain(f, definitions),
        )

    def user_function(self, operator: ast.Ref, loc: ast.Location) -> int:
        """The function of a user function."""
        node = self._functions(operator, loc)
        steps = operator.terms[1:]
        self._index(node)
        return self._reserve(
            id(node),
            steps,
            len(node.rules[0].head.args or ()),
            lambda f: rules.plan_rules(f, node, steps),
        )

    def extent(self, node: RuleNode, path: list[ast.Term]) -> int:
        """The function that gives an inner node of the rule tree as a value."""
        return self._reserve(
            id(node), path, 0, lambda f: documents.plan_extent(f.b, f, node, path)
        )

    def entrypoint(self, ref: ast.Ref) -> int:
        """The function that gives the value of a ground ref."""
        steps = ref.terms[1:]
        node = self.compiled.rule_tree.find(ref)
        if node is not None:
            if not node.rules:
                return self.extent(node, steps)
            if node.rules[0].head.args:
                raise PlanError(f"{ref_text(ref)} is a function", ref.loc)
            return self.rule(node, steps)

        def plan(f: Frame) -> None:
            value = documents.plan_data(f, steps)
            f.emit("RET", f.register(value))
            f.b.place(f.fail)
            f.emit("RETU")

        return self._reserve(("ref", term_key(ref)), steps, 0, plan)

    def value_function(self, ref: ast.Ref, params: int) -> int:
        """A function of any operands whose result is the value of a document."""

        def plan(f: Frame) -> None:
            value = documents.plan_data(f, ref.terms[1:])
            f.emit("RET", f.register(value))
            f.b.place(f.fail)
            f.emit("RETU")

        key = ("value", term_key(ref), params)
        return self._reserve(key, ref.terms[1:], params, plan, suffix="()")

    def hoisted(self, call: ast.Call) -> int:
        """A function without parameters that makes a call; its value is kept."""

        def plan(f: Frame) -> None:
            value = calls.plan_call(f, call.operator, call.args, call.loc, None)
            f.emit("RET", f.register(value))
            f.b.place(f.fail)
            f.emit("RETU")

        text = call_text(call.operator, call.args)
        number = self._reserve(
            ("hoisted", text), None, 0, plan, memo=True, named="once"
        )
        if number not in self._asked:
            self._asked[number] = text, frozenset(hoisting.asked_of(call))
        return number

    def query(self, query: CompiledQuery) -> int:
        """The function that gives the array of a query's bindings."""

        def plan(f: Frame) -> None:
            rows = f.b.register()
            f.emit("ANEW", rows)
            end = f.b.label()
            with f.nested(end):
                bodies.plan_body(f, query.body)
                names: list[tuple[ast.Term, str]] = [
                    (ast.String(name), local) for name, local in query.bindings.items()
                ]
                names += [
                    (ast.Number(str(index)), local)
                    for index, local in query.captures.items()
                ]
                shown = [(key, f.env[v]) for key, v in names if v in f.env]
                pairs = f.b.block(max(1, 2 * len(shown)))
                for place, (key, operand) in enumerate(shown):
                    f.put(f.constant(key), pairs + 2 * place)
                    f.put(operand, pairs + 2 * place + 1)
                row = f.b.register()
                f.emit("OBJ", row, pairs, len(shown))
                f.emit("AADD", rows, row)
                f.jump(f.fail)
            f.b.place(end)
            out = f.b.register()
            f.emit("DONE", out, rows)
            f.emit("RET", out)
            f.b.place(f.fail)
            f.emit("RETU")

        return self._reserve(QUERY, None, 0, plan)

    def watch(self, f: Frame, join: Join) -> Watched:
        """An index for a join, and the code that it may skip."""
        number = len(self.tables.indexes)
        name = f"{f.b.name} keys {number}"
        function = self._reserve(("keys", number), None, 0, join.plan_keys, named=name)
        pattern = self.tables.constant(join.pattern())
        self.tables.indexes.append(Index(pattern, function))
        watched = Watched(f.b.number, number, f.b.size)
        self._watched.append(watched)
        return watched

    def _loud_builtin(self, number: int) -> bool:
        return says_something(self, self.tables.builtin_name(number))

    def _reserve(
        self,
        key: Hashable,
        path: Sequence[ast.Term] | None,
        params: int,
        plan: Callable[[Frame], None],
        suffix: str = "",
        *,
        memo: bool = False,
        named: str = QUERY,
    ) -> int:
        index = self._known.get(key)
        if index is None:
            index = self._known[key] = len(self.tables.functions)
            self.tables.functions.append(None)
            self._params.append(params)
            name = named
            if path is not None:
                name = ref_text(ast.Ref([ast.Var("data"), *path])) + suffix
            builder = FunctionBuilder(
                name, params=params, memo=memo or (path is not None and params == 0)
            )
            builder.number = index
            self._work.append((index, builder, plan))
        return index

    def finish(self) -> Program:
        """Plan what is left to plan, and return the program."""
        while self._work:
            index, builder, plan = self._work.pop()
            plan(Frame(self, builder))
            self.tables.functions[index] = builder.finish()
        if self._watched:
            self._withdraw()
        self._keep_results()
        if self._optimized:
            optimize_program(self.tables, self._params, asked=self._asked)
        return self.tables.program()

    def _keep_results(self) -> None:
        """Let functions to which many ways lead remember their latest results.

        A chain of functions in which each calls the next twice would otherwise take
        2^n calls; OPA keeps all results.
        """
        callers: dict[int, list[int]] = {}
        for index, function in enumerate(self.tables.functions):
            assert function is not None
            for instr in function.code:
                if instr.op == _CALL:
                    callers.setdefault(instr.args[1], []).append(index)
        ways: dict[int, int] = {}

        def count(index: int) -> int:
            """How many ways lead to a function; one to those whose result is kept."""
            stack = [index]
            while stack:
                top = stack[-1]
                above = callers.get(top, [])
                missing = [caller for caller in above if caller not in ways]
                if missing:
                    ways.setdefault(top, 1)  # against cycles, which there are not
                    stack += missing
                    continue
                stack.pop()
                function = self.tables.functions[top]
                assert function is not None
                total = sum(ways[caller] for caller in above)
                if total > _MANY and not function.memo:
                    function = replace(function, memo=True)
                    self.tables.functions[top] = function
                ways[top] = 1 if function.memo else max(1, total)
            return ways[index]

        for index in callers:
            count(index)

    def _withdraw(self) -> None:
        """Ask no index that may skip what counts; forget those never asked."""
        functions = self.tables.functions
        changed = withdraw(functions, self._watched, self._loud_builtin)
        for index, function in changed.items():
            functions[index] = function
        asked = index_numbers(functions)
        numbers = {old: new for new, old in enumerate(sorted(asked))}
        self.tables.indexes[:] = [self.tables.indexes[old] for old in sorted(asked)]
        for index, old in enumerate(functions):
            if old is not None:
                functions[index] = renumbered(old, numbers)


def parse_entrypoint(text: str) -> ast.Ref:
    """A ref as text (`data.p.allow`), or a path (`p/allow`), as a ref."""
    if "/" not in text and not text.startswith(("data.", "data[")) and text != "data":
        text = f"data.{text}"
    if "/" not in text or "[" in text:
        return parse_ref(text)
    parts = text.removeprefix("data/").split("/")
    return ast.Ref([ast.Var("data"), *map(ast.String, parts)])


@deeply
def plan_program(
    compiled: Compiled,
    *,
    entrypoints: Sequence[str | ast.Ref],
    messages: Messages = "opa",
    optimized: bool = True,
    strict: bool = False,
    indexed: IndexedTree | None = None,
) -> Program:
    """Plan rules and documents.

    Each entry point is a ground ref below `data`: a rule, a package, or a base
    document; its key in the result is the text as given (the printed form of a
    ref).  `messages` chooses the texts of conflicts: those of OPA 1.22, or those
    of the OPA in Gatekeeper 3.23.  `strict`: errors of builtins will be asked for, so
    no builtin may be called that OPA does not call.  `indexed`: base documents that
    the evaluator may keep indexes of.  `PlanError` for a function.
    """
    planner = Planner(
        compiled,
        messages=messages,
        optimized=optimized,
        strict=strict,
        indexed=None if strict else indexed,
    )
    planner.survey(*compiled.modules.values())
    for entrypoint in entrypoints:
        if isinstance(entrypoint, str):
            name, ref = entrypoint, parse_entrypoint(entrypoint)
        else:
            name, ref = ref_text(entrypoint), entrypoint
        if not all(map(is_ground, ref.terms[1:])):
            raise PlanError(f"entry point {name} is not ground", ref.loc)
        planner.tables.entrypoints[name] = planner.entrypoint(ref)
    return planner.finish()


@deeply
def plan_query(
    compiled: Compiled,
    query: CompiledQuery,
    *,
    messages: Messages = "opa",
    optimized: bool = True,
    strict: bool = False,
) -> Program:
    """Plan a query: entry point `query` gives an array with an object for each
    solution, in order, repeats included.

    An object holds the value of each variable under its name, and of each
    captured expression under its index (a number).
    """
    planner = Planner(compiled, messages=messages, optimized=optimized, strict=strict)
    planner.survey(*compiled.modules.values(), query.body)
    planner.tables.entrypoints[QUERY] = planner.query(query)
    return planner.finish()
