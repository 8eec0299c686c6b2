"""What OPA's rule index asks of the documents before it evaluates a body.

OPA keeps for all definitions at one place a tree over the documents that their
bodies look up: a body is entered only if each is there, and is what a constant, a
pattern, a prefix or a collection of the body says.  That cannot be seen but by
errors: those of a body that is never entered are never met.  So `tests_of` gives, for
each clause, what the index would ask, and `guards` plans it before what is loud.

The forms are those of OPA 1.22: equalities (through locals and arguments), members of
constant collections, constants that are members of a document, `startswith` and
`endswith`, `glob.match`, keys of base collections, and both logical operators.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from gatewright.plan.constants import is_ground
from gatewright.plan.levels import (
    ANYTHING,
    SCALARS,
    Entry,
    Found,
    Kind,
    Level,
    Tests,
    tests_for,
    ways_to,
)
from gatewright.rego import ast
from gatewright.rego.rule_tree import RuleNode, term_key
from gatewright.rego.stages.walk import dotted_name, exprs_in

if TYPE_CHECKING:
    from gatewright.plan.planner import Planner

__all__ = ["tests_of"]

_AFFIXES: Final = {
    "startswith": "prefix",
    "strings.any_prefix_match": "prefix",
    "endswith": "suffix",
    "strings.any_suffix_match": "suffix",
}
_SPECIAL: Final = re.compile(r"(?<!\\)[\[?{*]")
_UNINDEXED: Final = frozenset({"internal.print", "internal.test_case"})


class _Index:
    def __init__(self, planner: Planner) -> None:
        self.planner = planner
        self.refs: dict[Hashable, Level] = {}

    # Reading bodies ---------------------------------------------------------

    def clause(self, clause: ast.Rule, args: Sequence[ast.Term]) -> Found:
        rule = Found(args)
        if not _is_unindexed(clause.body):
            self.body(rule, clause.body, {}, None)
        return rule

    def body(
        self,
        rule: Found,
        body: ast.Body,
        constants: dict[str, ast.Term],
        at: int | None,
    ) -> None:
        for place, expr in enumerate(body):
            where = place if at is None else at
            if not expr.with_ and not expr.negated and expr.negated_body is None:
                self.expr(rule, expr, constants, where)

    def expr(
        self, rule: Found, expr: ast.Expr, constants: dict[str, ast.Term], at: int
    ) -> None:
        terms = expr.terms
        if isinstance(terms, ast.Logical):
            left = self.operand(rule, terms.left, constants, at)
            if terms.op == "and":
                right = self.operand(rule, terms.right, constants, at)
                self.demand(rule, left)
                self.demand(rule, right)
            elif left:
                right = self.operand(rule, terms.right, constants, at)
                if right:
                    self.demand(rule, left + right)
            return
        if isinstance(terms, ast.Ref):
            ref = _plugged(terms, constants)
            if not self.key_of_collection(rule, ref, at):
                self.equality(rule, ref, ANYTHING, constants, at)
            return
        if not isinstance(terms, list):
            return
        name, *operands = (
            dotted_name(terms[0]),
            *(_plugged(t, constants) for t in terms[1:]),
        )
        if name == "eq" or (name == "equal" and len(operands) == 2):
            a, b = operands[:2]
            if not (
                self.wildcard(rule, a, b, constants, at)
                or self.wildcard(rule, b, a, constants, at)
                or self.equality(rule, a, b, constants, at)
            ):
                self.equality(rule, b, a, constants, at)
        elif name == "glob.match" and len(operands) == 3:
            self.glob(rule, operands, at)
        elif name == "internal.member_2" and len(operands) == 2:
            self.member(rule, operands[0], operands[1], constants, at)
        elif name in _AFFIXES and len(operands) == 2:
            self.affix(rule, name, operands, constants, at)

    def operand(
        self, rule: Found, body: ast.Body, constants: dict[str, ast.Term], at: int
    ) -> list[list[Entry]]:
        inner = Found(rule.args, [*rule.entries, *rule.outer])
        self.body(inner, body, dict(constants), at)
        ways = ways_to(inner)
        if len(ways) == 1 and not ways[0]:
            return []
        return [
            [replace(e, value=ANYTHING) if e.is_var else e for e in way] for way in ways
        ]

    def demand(self, rule: Found, ways: list[list[Entry]]) -> None:
        if len(ways) == 1:
            for entry in ways[0]:
                self.insert(rule, entry)
        elif ways:
            for way in ways:
                for entry in way:
                    self.refs[entry.ref].count += 1
            rule.choices.append(ways)

    def equality(
        self,
        rule: Found,
        a: ast.Term,
        b: ast.Term,
        constants: dict[str, ast.Term],
        at: int,
    ) -> bool:
        if isinstance(a, ast.Var) and not _is_root(a):
            if is_ground(b):
                constants[a.name] = b
            elif isinstance(b, ast.Var) and b.name in constants:
                constants[a.name] = constants[b.name]
            if not _is_flat(b):
                return False
            ref = self.resolve(rule, a)
            if ref is None:
                return False
            self.insert(rule, Entry(self.number(ref), b, at))
            return True
        ref = self.rooted(rule, a)
        if ref is None or not self.is_base(ref):
            return False
        if isinstance(b, ast.Var) and not _is_root(b):
            b = constants.get(b.name, b)
        elif not _is_flat(b):
            return False
        self.insert(rule, Entry(self.number(ref), b, at))
        return True

    def wildcard(
        self,
        rule: Found,
        a: ast.Term,
        b: ast.Term,
        constants: dict[str, ast.Term],
        at: int,
    ) -> bool:
        """`input.xs[_] == "a"`."""
        ref = self.rooted(rule, a) if isinstance(a, ast.Ref) else None
        if (
            not isinstance(ref, ast.Ref)
            or len(ref.terms) < 2
            or is_ground(ref.terms[-1])
        ):
            return False
        prefix = ast.Ref(ref.terms[:-1], ref.loc)
        if not self.is_base(prefix):
            return False
        if isinstance(b, ast.Var):
            b = constants.get(b.name, b)
        if not isinstance(b, SCALARS):
            return False
        self.insert(rule, Entry(self.number(prefix), b, at, "member"))
        return True

    def glob(self, rule: Found, operands: Sequence[ast.Term], at: int) -> None:
        pattern, delimiters, match = operands
        if not isinstance(match, ast.Var) or not _is_plain_glob(pattern, delimiters):
            return
        ref = self.resolve(rule, match)
        if ref is not None:
            value = ast.Array([pattern, delimiters])
            self.insert(rule, Entry(self.number(ref), value, at, "glob"))

    def member(
        self,
        rule: Found,
        needle: ast.Term,
        haystack: ast.Term,
        constants: dict[str, ast.Term],
        at: int,
    ) -> None:
        if isinstance(needle, ast.Var) and not _is_root(needle):
            ref = self.resolve(rule, needle)
            if ref is not None:
                self.member_of(rule, ref, haystack, constants, at)
                return
            needle = constants.get(needle.name, needle)
        if not isinstance(needle, (ast.Var, *SCALARS)):
            return
        ref = self.valid(rule, haystack)
        if ref is not None:
            kind: Kind = "equal" if isinstance(needle, ast.Var) else "member"
            self.insert(rule, Entry(self.number(ref), needle, at, kind))

    def member_of(
        self,
        rule: Found,
        ref: ast.Term,
        haystack: ast.Term,
        constants: dict[str, ast.Term],
        at: int,
    ) -> None:
        if isinstance(haystack, ast.Var):
            haystack = constants.get(haystack.name, haystack)
        if isinstance(haystack, ast.Object):
            members = [value for _, value in haystack.items]
        elif isinstance(haystack, ast.Array | ast.Set):
            members = list(haystack.items)
        else:
            return
        if any(isinstance(member, ast.Var) for member in members):
            return
        number = self.number(ref)
        for place, member in enumerate(members):
            self.insert(rule, Entry(number, member, at), whole=place == 0)

    def affix(
        self,
        rule: Found,
        name: str,
        operands: Sequence[ast.Term],
        constants: dict[str, ast.Term],
        at: int,
    ) -> None:
        ref = self.valid(rule, operands[0])
        base = operands[1]
        if isinstance(base, ast.Var):
            base = constants.get(base.name, base)
        texts: Sequence[ast.Term] = [base]
        if "." in name and isinstance(base, ast.Array | ast.Set):
            texts = base.items
        if ref is None or not texts:
            return
        if not all(isinstance(text, ast.String) for text in texts):
            return
        kind: Kind = "prefix" if _AFFIXES[name] == "prefix" else "suffix"
        for text in texts:
            self.insert(rule, Entry(self.number(ref), text, at, kind))

    def key_of_collection(self, rule: Found, ref: ast.Ref, at: int) -> bool:
        """`data.groups.g1.members[input.user]`."""
        head, *steps = ref.terms
        if len(ref.terms) < 2 or head != ast.Var("data"):
            return False
        prefix = ast.Ref(ref.terms[:-1], ref.loc)
        if not all(map(is_ground, prefix.terms[1:])) or self.is_virtual(prefix):
            return False
        key = steps[-1]
        found: ast.Term | None = None
        if isinstance(key, ast.Ref):
            if all(map(is_ground, key.terms[1:])) and not self.is_virtual(key):
                found = key
        elif isinstance(key, ast.Var):
            found = self.resolve(rule, key)
        if found is None or self.is_virtual(found):
            return False
        rule.keys.append((found, prefix, at))
        self.refs[self.number(found)].count += 1
        return True

    # References -------------------------------------------------------------

    def number(self, ref: ast.Term) -> Hashable:
        key = term_key(ref)
        self.refs.setdefault(key, Level(ref, len(self.refs)))
        return key

    def resolve(self, rule: Found, var: ast.Var) -> ast.Term | None:
        """The document or argument that a variable stands for."""
        places = rule.stand_ins.get(var.name)
        if places:
            return self.refs[rule.entries[places[0]].ref].term
        for entry in rule.outer:
            if isinstance(entry.value, ast.Var) and entry.value.name == var.name:
                return self.refs[entry.ref].term
        for arg in rule.args:
            if isinstance(arg, ast.Var) and arg.name == var.name:
                return arg
        return None

    def rooted(self, rule: Found, term: ast.Term) -> ast.Term | None:
        """A ref whose head is a local, as one from the document it stands for."""
        if isinstance(term, ast.Var):
            return ast.Ref([term], term.loc) if _is_root(term) else None
        if not isinstance(term, ast.Ref):
            return None
        head = term.terms[0]
        if not isinstance(head, ast.Var):
            return None
        if _is_root(head):
            return term
        found = self.resolve(rule, head)
        if found is None:
            return None
        above = found.terms if isinstance(found, ast.Ref) else [found]
        return ast.Ref([*above, *term.terms[1:]], term.loc)

    def valid(self, rule: Found, term: ast.Term) -> ast.Term | None:
        if isinstance(term, ast.Var) and not _is_root(term):
            found = self.resolve(rule, term)
        else:
            found = ast.Ref([term], term.loc) if isinstance(term, ast.Var) else term
        if isinstance(found, ast.Ref) and self.is_base(found):
            return found
        return None

    def is_base(self, ref: ast.Term) -> bool:
        """Whether a ref is ground and leads to a base document or into the input."""
        return (
            isinstance(ref, ast.Ref)
            and _is_root(ref.terms[0])
            and all(map(is_ground, ref.terms[1:]))
            and not self.is_virtual(ref)
        )

    def is_virtual(self, ref: ast.Term) -> bool:
        if not isinstance(ref, ast.Ref) or ref.terms[0] != ast.Var("data"):
            return False
        node: RuleNode = self.planner.compiled.rule_tree
        for step in ref.terms[1:]:
            below = node.child(step)
            if below is None:
                return False
            if below.rules:
                return True
            node = below
        return True

    def insert(self, rule: Found, entry: Entry, *, whole: bool = True) -> None:
        ref = self.refs[entry.ref]
        asked = rule.asked.get(entry.ref)
        if asked is None:
            ref.count += 1
            rule.append(entry)
            return
        new, taken, parts = asked.meet(
            entry.key,
            is_open=entry.is_var,
            affix=entry.is_affix,
            whole=whole and not entry.is_affix,
        )
        ref.alternated = max(ref.alternated, parts)
        if taken >= 0:
            rule.replace_open(entry)
        elif new:
            ref.count += not whole
            rule.append(entry)


def _plugged(term: ast.Term, constants: dict[str, ast.Term]) -> Any:
    """The term, a ref with the scalars that its locals are bound to."""
    if not isinstance(term, ast.Ref) or not constants:
        return term
    steps = [
        constants[step.name]
        if isinstance(step, ast.Var) and isinstance(constants.get(step.name), SCALARS)
        else step
        for step in term.terms[1:]
    ]
    return ast.Ref([term.terms[0], *steps], term.loc)


def _is_root(term: ast.Term) -> bool:
    return isinstance(term, ast.Var) and term.name in ("input", "data")


def _is_flat(term: ast.Term) -> bool:
    if isinstance(term, ast.Array):
        return all(isinstance(item, (ast.Var, *SCALARS)) for item in term.items)
    return isinstance(term, (ast.Var, *SCALARS)) and not _is_root(term)


def _is_plain_glob(pattern: ast.Term, delimiters: ast.Term) -> bool:
    """Whether parts between delimiters are plain, or whole stars."""
    if not isinstance(pattern, ast.String) or not isinstance(delimiters, ast.Array):
        return False
    marks = ""
    for mark in delimiters.items:
        if not isinstance(mark, ast.String):
            return False
        marks += mark.value
    parts = [""]
    escaped = False
    for char in pattern.value:
        if char == "\\" or escaped:
            escaped = not escaped
        elif char in (marks or "."):
            parts.append("")
            continue
        parts[-1] += char
    return not any(part != "*" and _SPECIAL.search(part) for part in parts)


def _is_unindexed(body: ast.Body) -> bool:
    return any(
        isinstance(expr.terms, list) and dotted_name(expr.terms[0]) in _UNINDEXED
        for expr in exprs_in(body)
    )


def tests_of(planner: Planner, rules: Sequence[ast.Rule]) -> dict[int, Tests]:
    """What the index asks for each clause of definitions at one place, by `id`."""
    index = _Index(planner)
    clauses: list[ast.Rule] = []
    found = []
    for rule in rules:
        clause: ast.Rule | None = rule
        while clause is not None and not rule.default:
            clauses.append(clause)
            found.append(index.clause(clause, clause.head.args or rule.head.args or ()))
            clause = clause.else_
    tests = tests_for(index.refs, found, keys=not _agree(clauses))
    return {id(clause): test for clause, test in zip(clauses, tests, strict=True)}


def _agree(clauses: Sequence[ast.Rule]) -> bool:
    """Whether all are complete, with the same ground value."""
    values = set()
    for clause in clauses:
        head = clause.head
        if head.key is not None:
            return False
        if not all(map(is_ground, head.reference.terms[1:])):
            return False
        if head.value is not None:
            if not is_ground(head.value):
                return False
            values.add(term_key(head.value))
    return len(values) < 2
