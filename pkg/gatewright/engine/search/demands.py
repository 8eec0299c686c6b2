"""What the body of a definition demands: of the input, of base data, of arguments.

Read off its expressions, as OPA's index does (ast/index.go of 1.22); the limits of
that one are kept on purpose, since what it leaves out decides which steps there are.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from gatewright.engine.search.terms import (
    AND,
    CALL,
    EQUALITY,
    NODES,
    OR,
    TERM,
    Body,
    Definition,
    Step,
    is_collection,
    value_key,
)
from gatewright.engine.values import Set, pairs
from gatewright.plan.levels import Asked
from gatewright.rego import ast
from gatewright.rego.stages.walk import ref_name

__all__ = [
    "ARGUMENTS",
    "PREFIX",
    "SUFFIX",
    "Demand",
    "Reader",
    "Ref",
    "Refs",
    "Way",
    "elements",
    "named",
    "split_glob",
]

#: The head of a ref to an argument of a function; its one part is the position.
ARGUMENTS: Final = ast.Var("args")

#: Ways to reach one definition, beyond which alternatives are not looked at.
_MOST_PATHS: Final = 32
_ANY: Final = ast.Var("__any__")
WHOLE, PREFIX, SUFFIX = range(3)

Ref: TypeAlias = list[Any]


class Demand:
    """What a ref has to hold: `value` as a whole, at one `end` of a text, or as a
    `member`; `delimiter`: a glob, `value` being its parts."""

    __slots__ = ("delimiter", "end", "member", "ref", "value")

    def __init__(
        self,
        ref: int,
        value: Any,
        *,
        end: int = WHOLE,
        member: bool = False,
        delimiter: str | None = None,
    ) -> None:
        self.ref = ref
        self.value = value
        self.end = end
        self.member = member
        self.delimiter = delimiter

    @property
    def open(self) -> bool:
        """Whether anything will do, as long as it is defined."""
        return type(self.value) is ast.Var

    @property
    def composite(self) -> bool:
        kind = type(self.value)
        return kind in _COMPOSITE or is_collection(self.value)

    @property
    def key(self) -> tuple[Any, ...]:
        """The same for demands of a ref that demand the same."""
        return self.end, self.member, _key(self.value)


#: Literals with variables in them.
_COMPOSITE: Final = frozenset({ast.Array, ast.Set, ast.Object})

Way: TypeAlias = list[Demand]


def _key(term: Any) -> tuple[Any, ...]:
    kind = type(term)
    if kind is ast.Var:
        return "var", term.name
    if kind is ast.Array:
        return "array", *map(_key, term.items)
    if kind is ast.Set:
        return "set", *map(_key, term.items)
    if kind is ast.Object:
        return "object", *((_key(key), _key(value)) for key, value in term.items)
    return "value", value_key(term)


def _ref_key(ref: Ref) -> tuple[Any, ...]:
    return ref[0].name, *map(value_key, ref[1:])


class Refs:
    """Numbers for refs, and what decides their order."""

    def __init__(self) -> None:
        self.refs: list[Ref] = []
        self.counts: list[int] = []
        self.alternated: list[int] = []
        self._numbers: dict[Any, int] = {}

    def number(self, ref: Ref) -> int:
        key = _ref_key(ref)
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self.refs)
            self.refs.append(ref)
            self.counts.append(0)
            self.alternated.append(0)
        return found

    def ordered(self) -> list[int]:
        def rank(number: int) -> tuple[Any, ...]:
            loc = self.refs[number][0].loc
            count = -self.counts[number]
            return self.alternated[number], count, loc.file, loc.row, loc.col, number

        known = [n for n in range(len(self.refs)) if self.counts[n]]
        return sorted(known, key=rank)


class Reader:
    """Reads the demands off one body."""

    def __init__(
        self,
        definition: Definition,
        refs: Refs,
        virtual: Callable[[Ref], bool],
        outer: Reader | None = None,
    ) -> None:
        self.args: Sequence[Any] = definition.args or ()
        self.definition = definition
        self.refs = refs
        self.virtual = virtual
        self.outer = outer
        self.demands: Way = []
        self._asked: dict[int, Asked] = {}
        #: Where a variable stands for a ref, by its name.
        self.stand_ins: dict[str, list[int]] = {}
        self.alternatives: list[list[Way]] = []
        self.memberships: list[tuple[Ref, Ref]] = []
        self._consulted: set[Any] = set()

    def read(self, steps: Sequence[Step], constants: dict[str, Any]) -> None:
        for step in steps:
            self._step(step, constants)

    def paths(self) -> list[Way]:
        """Each set of demands that is enough to reach the definition."""
        out = [self.demands]
        for choices in self.alternatives:
            if len(out) * len(choices) > _MOST_PATHS:
                return [self.demands]
            out = [[*path, *choice] for path in out for choice in choices]
        return out

    # Expressions

    def _step(self, step: Step, constants: dict[str, Any]) -> None:
        if step.with_ or step.negated:
            return
        kind = step.kind
        if kind == AND:
            left, right = (self._operand(side, constants) for side in step.parts)
            self._require(left)
            self._require(right)
        elif kind == OR:
            left = self._operand(step.parts[0], constants)
            right = self._operand(step.parts[1], constants) if left else []
            if left and right:
                self._require([*left, *right])
        elif kind == TERM:
            term = _plugged(step.parts, constants)
            if type(term) is ast.Ref and not self._collection_key(term.terms):
                self._equality(term, _ANY, constants)
        elif kind in (EQUALITY, CALL):
            operator, *operands = step.parts
            operands = [_plugged(term, constants) for term in operands]
            self._call(ref_name(named(operator)), operands, constants)

    def _call(self, name: str, terms: list[Any], constants: dict[str, Any]) -> None:
        count = len(terms)
        if name == "eq" or (name == "equal" and count == 2):
            a, b = terms[0], terms[1]
            if not (self._wildcard(a, b, constants) or self._wildcard(b, a, constants)):
                self._equality(a, b, constants)
        elif name == "glob.match" and count == 3:
            self._glob(terms)
        elif name == "internal.member_2" and count == 2:
            self._member(terms[0], terms[1], constants)
        elif name == "startswith" and count == 2:
            self._affix(terms, constants, PREFIX)
        elif name == "endswith" and count == 2:
            self._affix(terms, constants, SUFFIX)
        elif name == "strings.any_prefix_match" and count == 2:
            self._affixes(terms, constants, PREFIX)
        elif name == "strings.any_suffix_match" and count == 2:
            self._affixes(terms, constants, SUFFIX)

    def _operand(self, body: Body, constants: dict[str, Any]) -> list[Way]:
        """The ways to satisfy an operand of `and` or `or`; none: it says nothing."""
        inner = Reader(self.definition, self.refs, self.virtual, self)
        inner.read(body.steps, dict(constants))
        paths = inner.paths()
        if len(paths) == 1 and not paths[0]:
            return []
        for path in paths:
            for place, demand in enumerate(path):
                if demand.open:
                    path[place] = Demand(demand.ref, _ANY, delimiter=demand.delimiter)
        return paths

    def _require(self, paths: list[Way]) -> None:
        if len(paths) == 1:
            for demand in paths[0]:
                self._insert(demand)
        elif paths:
            for path in paths:
                for demand in path:
                    self.refs.counts[demand.ref] += 1
            self.alternatives.append(paths)

    # Kinds of demands

    def _equality(self, a: Any, b: Any, constants: dict[str, Any]) -> None:
        if not self._equal_to(a, b, constants):
            self._equal_to(b, a, constants)

    def _equal_to(self, a: Any, b: Any, constants: dict[str, Any]) -> bool:
        kind = type(a)
        if kind is ast.Var:
            if type(b) not in NODES:
                constants[a.name] = b
            elif type(b) is ast.Var and b.name in constants:
                constants[a.name] = constants[b.name]
            if not _indexable(b):
                return False
            ref = self._resolved(a)
            if ref is None:
                return False
            self._insert(Demand(self.refs.number(ref), b))
            return True
        if kind is not ast.Ref:
            return False
        ref = self._rooted(a.terms)
        if ref is None or not self._usable(ref):
            return False
        if type(b) is ast.Var and b.name in constants:
            b = constants[b.name]
        elif not _indexable(b):
            return False
        self._insert(Demand(self.refs.number(ref), b))
        return True

    def _wildcard(self, a: Any, b: Any, constants: dict[str, Any]) -> bool:
        """`input.xs[_] == "v"`."""
        if type(a) is not ast.Ref:
            return False
        ref = self._rooted(a.terms)
        if ref is None:
            return False
        prefix = _ground_prefix(ref)
        if len(prefix) != len(ref) - 1 or not self._usable(prefix):
            return False
        if type(b) is ast.Var:
            b = constants.get(b.name, b)
        if type(b) in NODES or is_collection(b):
            return False
        self._insert(Demand(self.refs.number(prefix), b, member=True))
        return True

    def _glob(self, terms: list[Any]) -> None:
        delimiter = _delimiter(terms[1])
        parts = None if delimiter is None else _glob_parts(terms[0], delimiter)
        if parts is None or type(terms[2]) is not ast.Var:
            return
        ref = self._resolved(terms[2])
        if ref is not None:
            number = self.refs.number(ref)
            self._insert(Demand(number, ast.Array(parts), delimiter=delimiter))

    def _member(self, item: Any, among: Any, constants: dict[str, Any]) -> None:
        if type(item) is ast.Var:
            ref = self._resolved(item)
            if ref is not None:
                self._member_of_value(ref, among, constants)
                return
            item = constants.get(item.name, item)
        if type(item) is not ast.Var and (type(item) in NODES or is_collection(item)):
            return
        ref = self._resolved_usable(among)
        if ref is not None:
            member = type(item) is not ast.Var
            self._insert(Demand(self.refs.number(ref), item, member=member))

    def _member_of_value(self, ref: Ref, among: Any, constants: dict[str, Any]) -> None:
        if type(among) is ast.Var:
            among = constants.get(among.name, among)
        items = elements(among)
        if items is None or any(type(item) is ast.Var for item in items):
            return
        number = self.refs.number(ref)
        if len(items) < 2:
            for item in items:
                self._insert(Demand(number, item))
            return
        self._insert(Demand(number, items[0]))
        for item in items[1:]:
            self._append_new(Demand(number, item))
        self.refs.counts[number] += len(items) - 1
        if self._asked[number].count > 1:
            self._alternate(number, 1)

    def _affix(self, terms: list[Any], constants: dict[str, Any], end: int) -> None:
        ref = self._resolved_usable(terms[0])
        base = terms[1]
        if type(base) is ast.Var:
            base = constants.get(base.name)
        if ref is not None and isinstance(base, str):
            self._insert(Demand(self.refs.number(ref), base, end=end))

    def _affixes(self, terms: list[Any], constants: dict[str, Any], end: int) -> None:
        ref = self._resolved_usable(terms[0])
        base = terms[1]
        if type(base) is ast.Var:
            base = constants.get(base.name, base)
        if ref is None:
            return
        number = self.refs.number(ref)
        if isinstance(base, str):
            self._insert(Demand(number, base, end=end))
            return
        bases = elements(base)
        if not bases or not all(isinstance(one, str) for one in bases):
            return
        self.refs.counts[number] += len(bases) - (number in self._asked)
        for one in bases:
            self._append_new(Demand(number, one, end=end))
        if self._asked[number].count > 1:
            self._alternate(number, 2)

    def _collection_key(self, ref: Ref) -> bool:
        """`data.groups.g1[input.subject]`: the key of a base document."""
        if len(ref) < 2 or ref[0].name != "data":
            return False
        prefix, last = ref[:-1], ref[-1]
        if len(_ground_prefix(prefix)) != len(prefix) or self.virtual(prefix):
            return False
        key: Ref | None = None
        if type(last) is ast.Var:
            key = self._resolved(last)
        elif type(last) is ast.Ref and len(_ground_prefix(last.terms)) == len(
            last.terms
        ):
            key = last.terms
        if key is None or self.virtual(key):
            return False
        consulted = _ref_key(key), _ref_key(prefix)
        if consulted not in self._consulted:
            self._consulted.add(consulted)
            self.memberships.append((key, prefix))
            self.refs.counts[self.refs.number(key)] += 1
        return True

    # Refs

    def _resolved(self, var: ast.Var) -> Ref | None:
        """The ref that a variable stands for, if that was seen."""
        reader: Reader | None = self
        while reader is not None:
            places = reader.stand_ins.get(var.name)
            if places:
                return self.refs.refs[reader.demands[places[0]].ref]
            reader = reader.outer
        for place, arg in enumerate(self.args):
            if type(arg) is ast.Var and arg.name == var.name:
                return [ARGUMENTS, place]
        return None

    def _rooted(self, ref: Ref) -> Ref | None:
        head = ref[0]
        if type(head) is not ast.Var:
            return None
        if head.name in ("data", "input"):
            return ref
        start = self._resolved(head)
        return None if start is None else [*start, *ref[1:]]

    def _usable(self, ref: Ref) -> bool:
        head = ref[0]
        return (
            head.name in ("data", "input")
            and len(_ground_prefix(ref)) == len(ref)
            and not self.virtual(ref)
        )

    def _resolved_usable(self, term: Any) -> Ref | None:
        ref: Ref | None = None
        if type(term) is ast.Ref:
            ref = term.terms
        elif type(term) is ast.Var:
            ref = self._resolved(term)
        return ref if ref is not None and self._usable(ref) else None

    def _alternate(self, number: int, kind: int) -> None:
        self.refs.alternated[number] = max(self.refs.alternated[number], kind)

    def _insert(self, demand: Demand) -> None:
        asked = self._asked.get(demand.ref)
        if asked is None:
            self.refs.counts[demand.ref] += 1
            self._append(demand)
            return
        new, taken, parts = asked.meet(
            demand.key,
            is_open=demand.open,
            affix=demand.end != WHOLE,
            whole=demand.end == WHOLE,
        )
        self._alternate(demand.ref, parts)
        if taken >= 0:
            self._replace_open(asked, demand)
        elif new:
            self._append(demand)

    def _append(self, demand: Demand) -> None:
        place = len(self.demands)
        self.demands.append(demand)
        self._note(demand, place)
        if demand.open:
            self.stand_ins.setdefault(demand.value.name, []).append(place)

    def _append_new(self, demand: Demand) -> None:
        asked = self._asked.get(demand.ref)
        if asked is None or demand.key not in asked.places:
            self._append(demand)

    def _replace_open(self, asked: Asked, demand: Demand) -> None:
        gone = self.demands[asked.open[0]]
        place = asked.take(gone.key)
        self.stand_ins[gone.value.name].remove(place)
        self.demands[place] = demand
        self._note(demand, place)

    def _note(self, demand: Demand, place: int) -> None:
        asked = self._asked.setdefault(demand.ref, Asked())
        affix = demand.end != WHOLE
        asked.add(demand.key, place, is_open=demand.open, affix=affix)


# Terms ----------------------------------------------------------------------


def named(operator: Any) -> ast.Ref:
    """The operator as the tree has it: names as strings."""
    parts = [ast.String(p) if isinstance(p, str) else p for p in operator.terms]
    return ast.Ref(parts)


def _plugged(term: Any, constants: dict[str, Any]) -> Any:
    """A ref with the variables in it replaced that are known to be scalars."""
    if type(term) is not ast.Ref or not constants:
        return term

    def part(one: Any) -> Any:
        if type(one) is ast.Var and one.name in constants:
            found = constants[one.name]
            return one if is_collection(found) else found
        return one

    head, *rest = term.terms
    out = copy.copy(term)
    out.terms = [head, *map(part, rest)]
    return out


def _ground_prefix(ref: Ref) -> Ref:
    for place, part in enumerate(ref):
        if place and type(part) in NODES:
            return ref[:place]
    return ref


def _indexable(term: Any) -> bool:
    kind = type(term)
    if kind is ast.Var:
        return True
    if kind is ast.Array:
        return all(
            type(item) is ast.Var
            or (type(item) not in NODES and not is_collection(item))
            for item in term.items
        )
    if isinstance(term, list):
        return not any(map(is_collection, term))
    return kind not in NODES and not is_collection(term)


def elements(term: Any) -> list[Any] | None:
    """Elements of an array or set, values of an object; None for what is neither."""
    kind = type(term)
    if kind is ast.Array or kind is ast.Set:
        return list(term.items)
    if kind is ast.Object:
        return [value for _, value in term.items]
    if isinstance(term, list):
        return term
    if isinstance(term, Set):
        return list(term.items)
    if is_collection(term):
        return [value for _, value in pairs(term)]
    return None


def _delimiter(term: Any) -> str | None:
    if not isinstance(term, list) or not all(isinstance(one, str) for one in term):
        return None
    return "".join(term) if term else "."


def _glob_parts(pattern: Any, delimiter: str) -> list[Any] | None:
    if not isinstance(pattern, str):
        return None
    parts: list[Any] = []
    for part in split_glob(pattern, delimiter):
        if part == "*":
            parts.append(ast.Var("$globwildcard"))
            continue
        escaped = False
        for char in part:
            if char == "\\":
                escaped = not escaped
                continue
            if not escaped and char in "[?{*":
                return None
            escaped = False
        parts.append(part)
    return parts


def split_glob(text: str, delimiter: str) -> list[str]:
    """Split at characters of the delimiter that no backslash precedes."""
    parts, last, escaped = [], 0, False
    for place, char in enumerate(text):
        if char == "\\" or escaped:
            escaped = not escaped
        elif char in delimiter:
            parts.append(text[last:place])
            last = place + 1
    parts.append(text[last:])
    return parts
