"""The type environment: what is known about variables, documents and functions."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from gatewright.builtins.types import (
    ANY,
    BOOLEAN,
    NULL,
    NUMBER,
    STRING,
    AnyType,
    ArrayType,
    ObjectType,
    SetType,
    Type,
)
from gatewright.rego import ast
from gatewright.rego.graph import is_constant
from gatewright.rego.rule_tree import term_key
from gatewright.rego.stages.walk import COMPREHENSIONS, RESERVED, ref_name
from gatewright.rego.types_algebra import (
    Maybe,
    constant_key,
    is_empty,
    make_object,
    or_,
    select,
    values_of,
)

if TYPE_CHECKING:
    from gatewright.builtins.declarations import Builtin

__all__ = ["TypeEnv", "TypeTree"]


class TypeTree:
    """Types of documents by path; `term` is the key that leads here."""

    __slots__ = ("children", "term", "value")

    def __init__(self, term: ast.Term | None = None) -> None:
        self.term = term
        self.value: Maybe = None
        self.children: dict[Hashable, TypeTree] = {}

    def child(self, term: ast.Term) -> TypeTree | None:
        return self.children.get(term_key(term))

    def step(self, term: ast.Term) -> TypeTree:
        """The child under a term, made when missing."""
        key = term_key(term)
        below = self.children.get(key)
        if below is None:
            below = self.children[key] = TypeTree(term)
        return below

    def put(self, path: Sequence[ast.Term], of: Maybe) -> None:
        """Set the type at a path."""
        node = self
        for term in path:
            node = node.step(term)
        node.value = of

    def insert(self, path: Sequence[ast.Term], of: Type, env: TypeEnv) -> None:
        """Merge a type in at a ground path, and into object types on the way."""
        node = self
        for i, term in enumerate(path):
            key = term_key(term)
            below = node.children.get(key)
            if below is None:
                below = node.children[key] = TypeTree(term)
            elif isinstance(below.value, ObjectType) and i + 1 < len(path):
                below.value = _insert(below.value, path[i + 1 :], of, env)
            node = below
        node.value = merge(node.value, of)
        if isinstance(of, ObjectType) and node.children:
            value = node.value
            for leaf_path, leaf in node.leaves():
                if isinstance(value, ObjectType):
                    value = _insert(value, leaf_path, leaf, env)
            node.value = value

    def leaves(self) -> Iterator[tuple[list[ast.Term], Type]]:
        """Paths below with a type, nearest ones only."""
        for below in self.children.values():
            assert below.term is not None
            if below.value is not None:
                yield [below.term], below.value
            else:
                for path, of in below.leaves():
                    yield [below.term, *path], of

    def extent(self) -> Maybe:
        """The type of the whole document here."""
        if self.value is not None:
            return self.value
        static = [
            (constant_key(node.term), node.extent())
            for node in self.children.values()
            if type(node.term) in (ast.String, ast.Number, ast.Boolean)
        ]
        return make_object(static, (STRING, ANY))


def _insert(
    of: ObjectType, path: Sequence[ast.Term], value: Maybe, env: TypeEnv
) -> ObjectType:
    if not path:
        return of
    key = env.get(path[0])
    if len(path) > 1:
        value = _insert(ObjectType(), path[1:], value, env)
    dynamic: Any = (key, value)
    if of.dynamic is not None:
        dynamic = (or_(of.dynamic[0], key), or_(of.dynamic[1], value))
    return ObjectType(of.static, dynamic)


def merge(one: Maybe, two: Maybe) -> Maybe:
    """The type of a document with two definitions."""
    if one is None:
        return two
    if two is None:
        return one
    if isinstance(one, ObjectType):
        if isinstance(two, ObjectType) and not one.static and not two.static:
            if one.dynamic is None:
                return two
            if two.dynamic is None:
                return one
            dynamic: Any = (
                or_(one.dynamic[0], two.dynamic[0]),
                merge(one.dynamic[1], two.dynamic[1]),
            )
            return ObjectType((), dynamic)
        if isinstance(two, AnyType) and not one.static and one.dynamic is not None:
            members = list(two.of)
            for i, of in enumerate(members):
                if isinstance(of, ObjectType) and not of.static and of.dynamic:
                    dynamic = (
                        or_(of.dynamic[0], one.dynamic[0]),
                        or_(of.dynamic[1], one.dynamic[1]),
                    )
                    members[i] = ObjectType((), dynamic)
                    return AnyType(tuple(members))
    elif isinstance(one, SetType):
        if isinstance(two, SetType):
            return SetType(or_(one.of, two.of))  # type: ignore[arg-type]
    elif isinstance(one, AnyType) and not isinstance(two, AnyType):
        return merge(two, one)
    return or_(one, two)


def _no_closures(_env: TypeEnv, _node: Any) -> Maybe:
    return None


class TypeEnv:
    """Types of variables by scope, over types of documents.

    `vars` are the variables of this scope and `outer` the scope around; `trees`
    are the documents' types, nearest first (`with` puts a tree in front).
    `closure` types a comprehension in an environment.
    """

    __slots__ = ("builtins", "closure", "older", "outer", "trees", "vars")

    def __init__(
        self,
        builtins: Mapping[str, Builtin],
        *,
        closure: Callable[[TypeEnv, Any], Maybe] = _no_closures,
        older: bool = False,
    ) -> None:
        self.builtins = builtins
        self.closure = closure
        self.older = older
        self.outer: TypeEnv | None = None
        self.trees: tuple[TypeTree, ...] = (TypeTree(),)
        self.vars: dict[str, Maybe] = {}

    def inner(self) -> TypeEnv:
        """An environment for a body: variables typed in it stay in it."""
        env = TypeEnv.__new__(TypeEnv)
        env.builtins = self.builtins
        env.closure = self.closure
        env.older = self.older
        env.outer = self
        env.trees = self.trees
        env.vars = {}
        return env

    def over(self, tree: TypeTree) -> TypeEnv:
        """An environment that sees a tree first and shares the variables."""
        env = self.inner()
        env.vars = self.vars
        env.trees = (tree, *self.trees)
        return env

    def var(self, name: str) -> Maybe:
        """The type of a variable; None while unknown."""
        env: TypeEnv | None = self
        while env is not None:
            of = env.vars.get(name)
            if of is not None:
                return of
            env = env.outer
        builtin = self.builtins.get(name)
        return None if builtin is None else builtin.type

    def get(self, term: Any) -> Maybe:
        """The type of a term; None, or a type with None in it, when unknown."""
        kind = type(term)
        if kind is ast.Var:
            return self.var(term.name)
        if kind is ast.String or kind is ast.TemplateString:
            return STRING
        if kind is ast.Number:
            return NUMBER
        if kind is ast.Ref:
            return self.ref(term)
        if kind is ast.Boolean:
            return BOOLEAN
        if kind is ast.Null:
            return NULL
        if self.older and kind in _EMPTY and not term.items:
            return _EMPTY[kind]
        if kind is ast.Array:
            return ArrayType(tuple(map(self.get, term.items)))  # type: ignore[arg-type]
        if kind is ast.Object:
            return self.object(term)
        if kind is ast.Set:
            of: Maybe = None
            for item in term.items:
                of = or_(of, self.get(item))
            if of is None and self.older:
                of = ANY
            return SetType(of)  # type: ignore[arg-type]
        if kind in COMPREHENSIONS:
            return self.closure(self, term)
        return None

    def object(self, term: ast.Object) -> Type:
        static: list[tuple[Any, Any]] = []
        dynamic: Any = None
        for key, value in term.items:
            if is_constant(key):
                static.append((constant_key(key), self.get(value)))
            else:
                dynamic = (self.get(key), self.get(value))
        return make_object(static, dynamic)

    def function(self, operator: ast.Ref) -> Maybe:
        """The type of what a call applies."""
        name = ref_name(operator)
        builtin = self.builtins.get(name) if name else None
        return self.ref(operator) if builtin is None else builtin.type

    def ref(self, ref: ast.Ref) -> Maybe:
        """The type of what a ref selects."""
        terms = ref.terms
        head = terms[0]
        if type(head) is not ast.Var:
            return None
        name = head.name
        if name not in RESERVED:
            of = self.var(name)
            if of is not None:
                return self.select(of, terms, 1)
            builtin_name = ref_name(ref)
            builtin = self.builtins.get(builtin_name) if builtin_name else None
            return None if builtin is None else builtin.type
        for tree in self.trees:
            node = tree.children.get(("v", name))
            if node is None:
                continue
            found, of = self.below(node, terms)
            if found:
                return of
        return ANY

    def below(self, node: TypeTree, terms: Sequence[Any]) -> tuple[bool, Maybe]:
        """Look a path up below its head; False when the tree does not know it."""
        i = 1
        while True:
            if i == len(terms):
                return True, node.extent()
            term = terms[i]
            if node.value is not None:
                below = node.child(term) if node.children else None
                if below is None:
                    return True, self.select(node.value, terms, i)
                node = below
            elif not is_constant(term):
                return True, self.select(node.extent(), terms, i)
            else:
                below = node.child(term)
                if below is None:
                    return False, None
                node = below
            i += 1

    def select(self, of: Maybe, terms: Sequence[Any], start: int) -> Maybe:
        """The type that a path selects from a value of a type."""
        for i in range(start, len(terms)):
            if of is None:
                return None
            term = terms[i]
            if type(term) in _DYNAMIC:
                if is_empty(of) and not self.older:
                    return ANY
                of = values_of(of)
            else:
                of = select(of, constant_key(term))
        return of


#: What OPA 1.17 takes for the types of `[]`, `{}` and `set()`.
_EMPTY: Final[Mapping[type, Type]] = {
    ast.Array: ArrayType((), ANY),
    ast.Object: ObjectType((), (ANY, ANY)),
    ast.Set: SetType(ANY),
}
_DYNAMIC = frozenset({ast.Var, ast.Ref, ast.Array, ast.Object, ast.Set})
