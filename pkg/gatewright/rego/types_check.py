"""The type checker: operands of calls, sides of equalities, `in`, `with`.

Variables get their types from the first expression that tells; expressions come
in the order of evaluation.  A rule with an error counts as `any`, so that one
mistake is reported once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from gatewright.builtins.types import (
    ANY,
    AnyType,
    ArrayType,
    FunctionType,
    ObjectType,
    SetType,
    Type,
)
from gatewright.rego import ast, errors
from gatewright.rego.printer import ref_text
from gatewright.rego.rule_tree import term_key
from gatewright.rego.stages.trees import ground_prefix, rule_ref
from gatewright.rego.stages.walk import (
    COMPREHENSIONS,
    children,
    finder,
    holder,
    is_ground,
    ref_name,
)
from gatewright.rego.types_algebra import (
    Maybe,
    is_unknown,
    keys_of,
    or_,
    unifies,
    values_of,
)
from gatewright.rego.types_env import TypeEnv, TypeTree
from gatewright.rego.types_errors import TypeProblem, argument_error, match_error
from gatewright.rego.types_refs import RefChecker
from gatewright.rego.types_schema import put_schema
from gatewright.rego.types_unify import unify, unify_terms

if TYPE_CHECKING:
    from gatewright.builtins.declarations import Builtin

__all__ = ["TypeChecker"]

_comprehensions_in: Final = finder(*COMPREHENSIONS, outermost=True)
_holds_comprehension: Final = holder(*COMPREHENSIONS)


class TypeChecker:
    """Checks rules and bodies.  `rename` restores a ref as the user wrote it;
    `dependents` lists the paths of rules that a `with` target affects."""

    __slots__ = (
        "builtins",
        "closures",
        "dependents",
        "older",
        "rename",
        "with_trees",
    )

    def __init__(
        self,
        builtins: Mapping[str, Builtin],
        *,
        rename: Callable[[ast.Ref], ast.Ref],
        dependents: Callable[[ast.Ref], list[list[ast.Term]]],
        older: bool = False,
    ) -> None:
        self.builtins = builtins
        self.rename = rename
        self.dependents = dependents
        self.older = older
        #: Types of the comprehensions of the expression under check, by `id`.
        self.closures: dict[int, Maybe] = {}
        self.with_trees: dict[Any, TypeTree | None] = {}

    # Rules

    def rule(
        self, env: TypeEnv, rule: ast.Rule, schemas: Iterable[tuple[ast.Ref, Type]] = ()
    ) -> list[errors.Error]:
        """Check one rule and record its type; what it needs comes before it.

        `schemas` are types that metadata gives to documents within the rule.
        """
        tree = env.trees[-1]
        around = env
        for path, of_path in schemas:
            if around is env:
                around = env.over(TypeTree())
                around.vars = {}
            put_schema(around, path, of_path)
        inner, problems = self.body(around, rule.body)
        terms = rule_ref(rule)
        if problems:
            tree.put(terms, ANY)
            return [problem.error for problem in problems]
        of = self.rule_type(inner, rule, terms)
        if of is not None:
            tree.insert(ground_prefix(terms), of, env)
        return []

    def rule_type(self, env: TypeEnv, rule: ast.Rule, terms: list[ast.Term]) -> Maybe:
        head = rule.head
        if head.args:
            for arg in head.args:
                self.untyped_args(env, arg)
            args = tuple(map(env.get, head.args))
            result = None if head.value is None else env.get(head.value)
            return FunctionType(args, result)  # type: ignore[arg-type]
        if head.value is not None:
            of = env.get(head.value)
        else:
            member = env.get(head.key)
            if member is None:
                return None
            of = SetType(member)
        prefix = ground_prefix(terms)
        for term in reversed(terms[len(prefix) :]):
            if of is None:
                return None
            key = env.get(term)
            if key is None:
                return None
            of = ObjectType((), (key, of))
        return of

    def untyped_args(self, env: TypeEnv, arg: Any) -> None:
        """Parameters that the body says nothing about are `any`."""
        if type(arg) is ast.Var:
            if env.var(arg.name) is None:
                env.vars[arg.name] = ANY
        else:
            for child in children(arg):
                self.untyped_args(env, child)

    # Bodies

    def body(self, env: TypeEnv, body: ast.Body) -> tuple[TypeEnv, list[TypeProblem]]:
        """Check a body; the environment that comes back types its variables."""
        env = env.inner()
        env.closure = self.closure_type
        problems: list[TypeProblem] = []
        for expr in body:
            here = self.with_env(env, expr) if expr.with_ and not self.older else env
            in_closures: list[TypeProblem] = []
            refs = RefChecker(here, self.rename)
            if _holds_comprehension(expr):
                in_closures = self.check_closures(here, expr)
                problems += in_closures
            refs.expr(expr)
            problems += refs.problems
            problem = self.expr(here, expr)
            if problem is not None and not (
                problem.unknown and (in_closures or refs.problems)
            ):
                problems.append(problem)
        return env, problems

    def closure_type(self, env: TypeEnv, node: Any) -> Maybe:
        """The type of a comprehension; None when its body has errors."""
        if id(node) in self.closures:
            return self.closures[id(node)]
        inner, problems = self.body(env, node.body)
        of: Maybe = None
        if not problems:
            kind = type(node)
            if kind is ast.ArrayComprehension:
                of = ArrayType((), inner.get(node.term))
            elif kind is ast.SetComprehension:
                of = SetType(inner.get(node.term))  # type: ignore[arg-type]
            else:
                of = ObjectType((), (inner.get(node.key), inner.get(node.value)))  # type: ignore[arg-type]
        self.closures[id(node)] = of
        return of

    def check_closures(self, env: TypeEnv, expr: ast.Expr) -> list[TypeProblem]:
        """Errors in comprehensions of an expression (the last one's, as in OPA)."""
        result: list[TypeProblem] = []
        for node in _comprehensions_in(expr):
            inner, problems = self.body(env, node.body)
            if problems:
                result = problems
                self.closures[id(node)] = None
            else:
                self.record(inner, node)
        return result

    def record(self, inner: TypeEnv, node: Any) -> None:
        kind = type(node)
        of: Maybe
        if kind is ast.ArrayComprehension:
            of = ArrayType((), inner.get(node.term))
        elif kind is ast.SetComprehension:
            of = SetType(inner.get(node.term))  # type: ignore[arg-type]
        else:
            of = ObjectType((), (inner.get(node.key), inner.get(node.value)))  # type: ignore[arg-type]
        self.closures[id(node)] = of

    # `with`

    def with_env(self, env: TypeEnv, expr: ast.Expr) -> TypeEnv:
        """Types under `with`: what is replaced may have either type, and rules that
        depend on it may have any."""
        out = env
        replaced: list[tuple[list[ast.Term], Maybe]] = []
        for with_ in expr.with_:
            target = with_.target
            of = env.function(target)
            is_function = isinstance(of, FunctionType)
            tree = self.relaxed(target, is_function=is_function)
            if tree is not None:
                out = out.over(tree)
            if is_function:
                continue
            new: Maybe = ANY
            if of is not None and is_ground(target):
                value = env.get(with_.value)
                if value is not None:
                    new = or_(of, value) or ANY
            replaced.append((ground_prefix(target.terms), new))
        if not replaced:
            return out
        tree = TypeTree()
        for terms, new in replaced:
            tree.put(terms, new)
        return out.over(tree)

    def relaxed(self, target: ast.Ref, *, is_function: bool) -> TypeTree | None:
        key = (term_key(target), is_function)
        if key in self.with_trees:
            return self.with_trees[key]
        tree: TypeTree | None = None
        own = term_key(target)
        for terms in self.dependents(target):
            if is_function and term_key(ast.Ref(terms)) == own:
                continue
            if tree is None:
                tree = TypeTree()
            tree.put(terms, ANY)
        self.with_trees[key] = tree
        return tree

    # Expressions

    def expr(self, env: TypeEnv, expr: ast.Expr) -> TypeProblem | None:
        for with_ in expr.with_:
            of = env.function(with_.target)
            value = with_.value
            new = env.function(value) if type(value) is ast.Ref else env.get(value)
            if (
                isinstance(of, FunctionType)
                and isinstance(new, FunctionType)
                and not unifies(of, new)
            ):
                want = self.builtins.get(ref_name(with_.target), of)
                return argument_error(
                    with_.loc,
                    with_.target,
                    "arity mismatch",
                    new.args,
                    want,
                    whole=self.older,
                )
        terms = expr.terms
        if type(terms) is not list:
            return None
        operator = terms[0]
        assert type(operator) is ast.Ref
        name = ref_name(operator)
        if name == "eq":
            return self.equality(env, expr, terms)
        if name in ("internal.member_2", "internal.member_3") and not self.older:
            problem = self.membership(env, expr, terms[1:])
            if problem is not None:
                return problem
        return self.call(env, expr, operator, terms[1:], name)

    def equality(
        self, env: TypeEnv, expr: ast.Expr, terms: list[Any]
    ) -> TypeProblem | None:
        if len(terms) != 3:
            few = "few" if len(terms) < 3 else "many"
            have = [env.get(term) for term in terms[1:]]
            want = FunctionType((ANY, ANY))
            return argument_error(
                expr.loc,
                terms[0],
                f"too {few} arguments",
                have,
                want,
                whole=self.older,
            )
        left, right = terms[1], terms[2]
        of_left, of_right = env.get(left), env.get(right)
        if unify_terms(env, left, of_left, right, of_right):
            return None
        return match_error(expr.loc, of_left, of_right, whole=self.older)

    def membership(
        self, env: TypeEnv, expr: ast.Expr, args: list[Any]
    ) -> TypeProblem | None:
        arity = len(self.builtins[ref_name(expr.terms[0])].args)  # type: ignore[index]
        if len(args) < arity:
            return None
        collection = env.get(args[arity - 1])
        values = values_of(collection)
        if values is None:
            return None
        if arity == 3:
            problem = self.member(env, expr, args[0], keys_of(collection))
            if problem is not None:
                return problem
        return self.member(env, expr, args[arity - 2], values)

    def member(
        self, env: TypeEnv, expr: ast.Expr, term: Any, of: Maybe
    ) -> TypeProblem | None:
        if is_unknown(of):
            return None
        have = env.get(term)
        if not is_unknown(have) and not unifies(have, of):
            return match_error(expr.loc, have, of)
        if not unify(env, term, of):
            return match_error(expr.loc, have, of)
        return None

    def call(
        self,
        env: TypeEnv,
        expr: ast.Expr,
        operator: ast.Ref,
        args: list[Any],
        name: str,
    ) -> TypeProblem | None:
        builtin = self.builtins.get(name) if name else None
        want: Builtin | FunctionType
        if builtin is not None:
            want = builtin
        else:
            of = env.ref(operator)
            if isinstance(of, AnyType) and not of.of:
                return None
            if not isinstance(of, FunctionType):
                return TypeProblem(self.undefined(expr, operator))
            want = of
        wanted: tuple[Maybe, ...] = want.args
        if want.result is not None:
            wanted = (*wanted, want.result)
        have = [env.get(arg) for arg in args]
        message = ""
        if len(args) > len(wanted) and want.variadic is None:
            message = "too many arguments"
        elif len(args) < len(want.args):
            message = "too few arguments"
        else:
            for i, arg in enumerate(args):
                accepts = wanted[i] if i < len(wanted) else want.variadic
                given = have[i]
                if not is_unknown(given) and not unifies(given, accepts):
                    message = "invalid argument(s)"
                elif not unify(env, arg, accepts):
                    have = [env.get(other) for other in args]
                    message = "invalid argument(s)"
                if message:
                    break
        if not message:
            return None
        return argument_error(
            expr.loc, operator, message, have, want, output=True, whole=self.older
        )

    def undefined(self, expr: ast.Expr, operator: ast.Ref) -> errors.Error:
        return errors.Error(
            errors.TYPE_ERROR, f"undefined function {ref_text(operator)}", expr.loc
        )
