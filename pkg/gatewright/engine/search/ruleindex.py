"""Which definitions of a document a look-up need not try.

What a definition's body demands of the input, of base data or of its arguments is
read off its expressions once: `input.kind == "Pod"`, `"x" in input.tags`,
`startswith(input.path, "/a")`, a glob, or only that something is defined.  A
look-up leaves out the definitions of which a demand is not met.  That never changes
a value; it decides which steps there are, so it has to agree with OPA's index
(ast/index.go of 1.22), and the limits of that one are kept on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeAlias

from gatewright.engine.search.demands import (
    ARGUMENTS,
    PREFIX,
    SUFFIX,
    Demand,
    Reader,
    Ref,
    Refs,
    Way,
    elements,
    named,
    split_glob,
)
from gatewright.engine.search.terms import (
    AND,
    CALL,
    EQUALITY,
    EVERY,
    NODES,
    NOT,
    OR,
    Body,
    Comprehension,
    Definition,
    equal,
    is_collection,
)
from gatewright.engine.values import UNDEFINED, Set, pairs
from gatewright.rego import ast
from gatewright.rego.stages.walk import ref_name

__all__ = ["ARGUMENTS", "UNKNOWN", "Found", "RuleIndex"]

#: What a resolver gives for arguments while there are none: no demand fails on it.
UNKNOWN: Final = object()

_KEPT: Final = frozenset({"internal.print", "internal.test_case"})

#: Gives the value at a ref: UNDEFINED when there is none.
Resolver: TypeAlias = Callable[[Ref], Any]


class Found:
    """What a look-up gives.  `else_`: by the first tried of a chain, the rest."""

    __slots__ = ("default", "early_exit", "else_", "ground", "many", "rules")

    def __init__(self, index: RuleIndex, rules: list[Definition]) -> None:
        self.rules = rules
        self.else_: dict[int, list[Definition]] = {}
        self.default = index.default
        self.many = index.many
        self.ground = index.ground
        self.early_exit = False


class RuleIndex:
    """The definitions at one place, and what each demands.

    `chains`: each rule with its else branches; `virtual` tells whether a ref leads
    to rules.
    """

    def __init__(
        self, chains: Sequence[Sequence[Definition]], virtual: Callable[[Ref], bool]
    ) -> None:
        self.default: Definition | None = None
        self.many = chains[0][0].many
        self.ground = True
        self._chains: list[list[Definition]] = []
        self._refs = Refs()
        readers: dict[int, Reader] = {}
        for chain in chains:
            kept = []
            for definition in chain:
                if definition.node.default:
                    self.default = definition
                    continue
                kept.append(definition)
                self.ground &= all(
                    type(part) not in NODES for part in definition.ref[1:]
                )
                reader = Reader(definition, self._refs, virtual)
                if not _is_kept(definition.body):
                    reader.read(definition.body.steps, {})
                readers[id(definition)] = reader
            if kept:
                self._chains.append(kept)
        self._one_value = _agree([d for chain in self._chains for d in chain])
        self._build(readers)

    def _build(self, readers: dict[int, Reader]) -> None:
        order = self._refs.ordered()
        valued: set[int] = set()
        globs: dict[int, set[str]] = {}
        paths_of = {key: reader.paths() for key, reader in readers.items()}
        for reader in readers.values():
            choices = [p for paths in reader.alternatives for p in paths]
            for path in (reader.demands, *choices):
                valued.update(demand.ref for demand in path if not demand.open)
                for demand in path:
                    if demand.delimiter is not None:
                        globs.setdefault(demand.ref, set()).add(demand.delimiter)
        levels = {ref: place for place, ref in enumerate(order) if ref in valued}
        bare = {ref: place for place, ref in enumerate(order) if ref not in valued}
        self._tests: dict[int, list[list[tuple[int, list[Demand]]]]] = {}
        self._required: dict[int, list[int]] = {}
        self._memberships = {k: r.memberships for k, r in readers.items()}
        self._globs = globs
        for key, paths in paths_of.items():
            self._tests[key] = [list(_levels(path, levels)) for path in paths]
            first, *others = ({demand.ref for demand in path} for path in paths)
            required = first.intersection(bare, *others)
            self._required[key] = sorted(required, key=bare.__getitem__)

    def everything(self) -> Found:
        """All definitions."""
        definitions = [d for chain in self._chains for d in chain]
        complete = [d for d in definitions if _is_complete(d)]
        return self._found(lambda _definition: True, one_value=_agree(complete))

    def lookup(self, resolve: Resolver) -> Found:
        """The definitions whose demands are met."""
        known: dict[int, Any] = {}
        refs = self._refs.refs

        def value(ref: int) -> Any:
            if ref not in known:
                known[ref] = resolve(refs[ref])
            return known[ref]

        def met(definition: Definition) -> bool:
            key = id(definition)
            if not any(
                all(self._holds(ref, demands, value(ref)) for ref, demands in path)
                for path in self._tests[key]
            ):
                return False
            if any(value(ref) is UNDEFINED for ref in self._required[key]):
                return False
            return self._one_value or all(
                _is_key(resolve(key_ref), resolve(collection))
                for key_ref, collection in self._memberships[key]
            )

        return self._found(met, one_value=None)

    def _found(
        self, met: Callable[[Definition], bool], *, one_value: bool | None
    ) -> Found:
        out = Found(self, [])
        every: list[Definition] = []
        for chain in self._chains:
            kept = [definition for definition in chain if met(definition)]
            if kept:
                out.rules.append(kept[0])
                every += kept
                if len(kept) > 1:
                    out.else_[id(kept[0])] = kept[1:]
        out.early_exit = _agree(every) if one_value is None else one_value
        return out

    def _holds(self, ref: int, demands: list[Demand], value: Any) -> bool:
        if value is UNDEFINED:
            return False
        if value is UNKNOWN or any(_meets(demand, value) for demand in demands):
            return True
        if isinstance(value, str):
            for delimiter in self._globs.get(ref, ()):
                parts = split_glob(value, delimiter)
                if any(_meets(demand, parts) for demand in demands):
                    return True
        return False


def _levels(path: Way, order: dict[int, int]) -> Iterator[tuple[int, list[Demand]]]:
    """The tests of one path: a ref, and the demands of which one has to hold.

    `order`: the places of refs in the tree.
    """
    asked: dict[int, list[Demand]] = {}
    for demand in path:
        if demand.ref in order:
            asked.setdefault(demand.ref, []).append(demand)
    for ref in sorted(asked, key=order.__getitem__):
        demands = asked[ref]
        if len(demands) > 1:
            demands = [demand for demand in demands if not demand.open] or demands
        several = len(demands) > 1 and not any(demand.open for demand in demands)
        if several and any(demand.end or demand.composite for demand in demands):
            # What comes below cannot be tested for each of them.
            yield ref, _one_end(demands)
            return
        yield ref, demands


def _one_end(demands: list[Demand]) -> list[Demand]:
    sizes = {
        end: min((len(d.value.encode()) for d in demands if d.end == end), default=-1)
        for end in (PREFIX, SUFFIX)
    }
    if min(sizes.values()) < 0:
        return demands
    gone = PREFIX if sizes[SUFFIX] > sizes[PREFIX] else SUFFIX
    return [demand for demand in demands if demand.end != gone]


def _meets(demand: Demand, value: Any) -> bool:
    wanted = demand.value
    if demand.open:
        return True
    if demand.end:
        texts = [value] if isinstance(value, str) else elements(value) or []
        test = str.startswith if demand.end == PREFIX else str.endswith
        return any(isinstance(text, str) and test(text, wanted) for text in texts)
    if demand.member:
        items = elements(value) or []
        return any(not is_collection(item) and equal(item, wanted) for item in items)
    if type(wanted) is ast.Array or isinstance(wanted, list):
        items = wanted if isinstance(wanted, list) else wanted.items
        return (
            isinstance(value, list)
            and len(items) == len(value)
            and all(
                type(item) in NODES
                or is_collection(item)
                or (not is_collection(part) and equal(item, part))
                for item, part in zip(items, value, strict=True)
            )
        )
    if is_collection(wanted) or type(wanted) in NODES:
        return True
    return not is_collection(value) and equal(wanted, value)


def _is_complete(definition: Definition) -> bool:
    """Whether a definition is one of a complete rule or a function."""
    head = definition.node.head
    if definition.many or head.key is not None or head.shown_key is not None:
        return False
    return not any(type(part) is ast.Var for part in definition.ref[1:])


def _agree(definitions: Sequence[Definition]) -> bool:
    """Whether the first of them that holds says what all of them could say."""
    value: Any = UNDEFINED
    for definition in definitions:
        if not _is_complete(definition) or type(definition.value) in NODES:
            return False
        if value is not UNDEFINED and not equal(value, definition.value):
            return False
        value = definition.value
    return True


def _is_key(key: Any, collection: Any) -> bool:
    if key is UNDEFINED or collection is UNDEFINED:
        return False
    if key is UNKNOWN or type(key) in NODES:
        return True
    if isinstance(collection, Set):
        return any(equal(key, item) for item in collection.items)
    if isinstance(collection, list) or not is_collection(collection):
        return True
    return any(equal(key, one) for one, _ in pairs(collection))


def _is_kept(body: Body) -> bool:
    """Whether the body prints, which leaving it out would lose."""
    for step in body.steps:
        if step.kind == CALL and ref_name(named(step.parts[0])) in _KEPT:
            return True
        inner: Sequence[Any] = ()
        if step.kind == EVERY:
            inner = step.parts[1:]
        elif step.kind == NOT:
            inner = (step.parts,)
        elif step.kind in (AND, OR):
            inner = step.parts
        if any(_is_kept(one) or _closures_kept(one) for one in inner):
            return True
    return False


def _closures_kept(body: Body) -> bool:
    terms: list[Any] = []
    for step in body.steps:
        if step.kind in (EQUALITY, CALL):
            terms += step.parts[1:]
    return any(type(term) is Comprehension and _is_kept(term.body) for term in terms)
