"""The compiled library: rule tree, dependencies, options."""

from __future__ import annotations

import pytest

from gatewright.builtins.declarations import TABLE, Builtin
from gatewright.builtins.types import ANY, NUMBER
from gatewright.rego import ast, compiler, errors, parser
from gatewright.rego.compiled import Compiled, CompileOptions

TEXT = """package a.b
default p := 1
p := 2 if q[input.x]
q[x].y := z if { z := input.z; x := "k" }
q.s := r(1)
r(x) := x
system.u := 1
"""


def compiled(text: str = TEXT, **options: object) -> Compiled:
    module = parser.parse_module("t.rego", text)
    return compiler.compile_modules(
        {"t.rego": module},
        options=CompileOptions(**options),  # type: ignore[arg-type]
    )


def path(text: str) -> ast.Ref:
    return parser.parse_ref(text)


def test_rules_stand_at_their_ground_prefix() -> None:
    """A rule with variables in its ref is found at the path before them."""
    library = compiled()

    assert library.rule_tree.key == ast.Var("data")
    assert [rule.default for rule in library.rules_at(path("data.a.b.p"))] == [
        True,
        False,
    ]
    assert len(library.rules_at(path("data.a.b.q"))) == 1
    assert len(library.rules_at(path("data.a.b.q.s"))) == 1
    assert library.rules_at(path("data.a.b.nope")) == []
    assert library.rule_tree.size() == 6


def test_system_is_hidden() -> None:
    """`data.system` is left out when the root is enumerated."""
    library = compiled("package system.x\np := 1\n")

    system = library.rule_tree.find(path("data.system"))
    assert system is not None
    assert system.hide


def test_dependencies_come_first() -> None:
    """`order` lists each rule after the rules that it refers to."""
    library = compiled()
    (rule,) = library.rules_at(path("data.a.b.q.s"))

    assert [other.head.name for other in library.dependencies(rule)] == ["r"]
    place = {id(rule): i for i, rule in enumerate(library.order)}
    for rule in library.order:
        for other in library.dependencies(rule):
            assert place[id(other)] < place[id(rule)]


def test_extra_builtins() -> None:
    """Functions of the host are declared beside OPA's."""
    text = "package t\np := host.twice(1)\n"
    with pytest.raises(errors.RegoErrors, match=r"undefined function host\.twice"):
        compiled(text)

    twice = Builtin("host.twice", (NUMBER,), NUMBER)
    compiled(text, extra_builtins={"host.twice": twice})


def test_capabilities() -> None:
    """A built-in that is not in the table is an undefined function."""
    table = {name: builtin for name, builtin in TABLE.items() if name != "count"}

    with pytest.raises(errors.RegoErrors, match="undefined function count"):
        compiled("package t\np := count([1])\n", builtins=table)


def test_unsafe_builtins() -> None:
    """A built-in may be known and still be refused."""
    refused = frozenset({"http.send"})
    with pytest.raises(errors.RegoErrors) as found:
        compiled("package t\np := http.send({})\n", unsafe_builtins=refused)
    assert found.value.errors[0].format() == (
        "t.rego:2: rego_type_error: unsafe built-in function calls in expression:"
        " http.send"
    )

    with pytest.raises(errors.RegoErrors, match="target must not be unsafe"):
        compiled(
            "package t\np if count([1]) with http.send as 1\n",
            unsafe_builtins=refused,
        )


def test_base_documents_conflict() -> None:
    """A rule may not stand where base data is, when the caller can tell."""
    held = {("a",), ("a", "b"), ("a", "b", "p")}
    with pytest.raises(errors.RegoErrors) as found:
        compiled(path_exists=lambda keys: tuple(keys) in held)

    assert [error.message for error in found.value.errors] == [
        "conflicting rule for data path a/b/p found"
    ]


def test_error_limit() -> None:
    """Errors stop at the limit; zero means there is none."""
    text = "package t\n" + "".join(f"p{i} := x{i}\n" for i in range(12))
    with pytest.raises(errors.RegoErrors) as found:
        compiled(text)
    assert len(found.value.errors) == 11
    assert found.value.errors[-1].message == "error limit reached"

    with pytest.raises(errors.RegoErrors) as found:
        compiled(text, max_errors=0)
    assert len(found.value.errors) == 12


def test_types_of_rules() -> None:
    """The type environment knows what rules and functions yield."""
    library = compiled()

    assert str(library.types.ref(path("data.a.b.r"))) == "(any) => any"
    assert library.types.ref(path("data.a.b.p")) == NUMBER
    assert library.types.ref(path("data.elsewhere")) == ANY


def test_stage_names_are_opa_names() -> None:
    """Every stage that rewrites or checks runs, under OPA's name, in its order."""

    assert list(compiler.stage_names()) == [
        "ResolveRefs",
        "CheckUnusedImports",
        "RewriteRuleHeadRefs",
        "CheckKeywordOverrides",
        "CheckDuplicateImports",
        "RemoveImports",
        "SetModuleTree",
        "SetRuleTree",
        "RewriteLocalVars",
        "RewriteTemplateStrings",
        "CheckVoidCalls",
        "RewritePrintCalls",
        "RewriteExprTerms",
        "ParseMetadataBlocks",
        "SetAnnotationSet",
        "RewriteRegoMetadataCalls",
        "SetGraph",
        "RewriteComprehensionTerms",
        "RewriteRefsInHead",
        "RewriteWithValues",
        "CheckRuleConflicts",
        "CheckUndefinedFuncs",
        "CheckSafetyRuleHeads",
        "CheckSafetyRuleBodies",
        "RewriteEquals",
        "RewriteDynamicTerms",
        "CheckRecursion",
        "CheckTypes",
        "CheckUnsafeBuiltins",
        "CheckDeprecatedBuiltins",
    ]
