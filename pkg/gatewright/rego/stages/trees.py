"""SetModuleTree and SetRuleTree."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

from gatewright.rego import ast
from gatewright.rego.rule_tree import RuleNode, child_key, term_key
from gatewright.rego.stages.state import State
from gatewright.rego.stages.walk import SCALARS, is_ground

__all__ = [
    "ModuleNode",
    "ground_prefix",
    "rule_ref",
    "set_module_tree",
    "set_rule_tree",
]


@dataclass(slots=True, eq=False)
class ModuleNode:
    """A node of the tree of packages; `modules` have exactly this path."""

    modules: list[ast.Module] = field(default_factory=list)
    children: dict[Hashable, ModuleNode] = field(default_factory=dict)


def rule_ref(rule: ast.Rule) -> list[ast.Term]:
    """The terms of a rule's full ref, `data` first."""
    assert rule.module is not None
    head = rule.head.reference.terms
    name = head[0]
    assert type(name) is ast.Var
    return [
        *rule.module.package.path.terms,
        ast.String(name.name, name.loc),
        *head[1:],
    ]


def ground_prefix(terms: list[ast.Term]) -> list[ast.Term]:
    """The terms before the first that is not ground."""
    for i, term in enumerate(terms):
        if i and type(term) not in SCALARS and not is_ground(term):
            return terms[:i]
    return terms


def set_module_tree(state: State) -> None:
    """Packages by path."""
    root = ModuleNode()
    for module in state.modules.values():
        node = root
        for term in module.package.path.terms[1:]:
            node = node.children.setdefault(term_key(term), ModuleNode())
        node.modules.append(module)
    state.module_tree = root


def _add(root: RuleNode, path: list[ast.Term], rule: ast.Rule | None) -> None:
    node = root
    for term in path[1:]:
        key = child_key(term)
        below = node.children.get(key)
        if below is None:
            below = node.children[key] = RuleNode(term)
        node = below
    if rule is not None:
        node.rules.append(rule)


def set_rule_tree(state: State) -> None:
    """Rules by the ground prefix of their refs; packages without rules too."""
    root = state.rule_tree = RuleNode(ast.Var("data"))
    for module in state.modules.values():
        if not module.rules:
            _add(root, module.package.path.terms, None)
        for rule in module.rules:
            _add(root, ground_prefix(rule_ref(rule)), rule)
    system = root.children.get("system")
    if system is not None:
        system.hide = True
