"""CheckRuleConflicts: definitions that contradict each other wherever they stand."""

from __future__ import annotations

from collections.abc import Iterator

from gatewright.rego import ast, errors
from gatewright.rego.order import sorted_terms
from gatewright.rego.printer import ref_text
from gatewright.rego.rule_tree import RuleNode, term_key
from gatewright.rego.stages.rename import renamed
from gatewright.rego.stages.state import State
from gatewright.rego.stages.trees import ModuleNode, rule_ref
from gatewright.rego.stages.walk import is_ground

__all__ = ["check_rule_conflicts", "place"]


def place(loc: ast.Location) -> str:
    """A location within a message."""
    return f"{loc.file}:{loc.row}" if loc.file else (loc.text or f"{loc.row}:{loc.col}")


def _ref_ground(rule: ast.Rule) -> bool:
    return all(map(is_ground, rule.head.reference.terms[1:]))


def _name(state: State, rule: ast.Rule) -> str:
    return ref_text([renamed(term, state.rewritten) for term in rule_ref(rule)])


def _below(
    state: State, node: RuleNode, *, functions: bool = False
) -> list[tuple[str, ast.Location]]:
    """Rules below a node, without those in the extent of another of them."""
    found: list[tuple[list[ast.Term], tuple[object, ...], ast.Rule]] = []
    for child in node.children.values():
        for inner in child.walk():
            for rule in inner.rules:
                if functions and not rule.head.args:
                    continue
                terms = rule_ref(rule)
                keys = tuple(map(term_key, terms))
                if any(keys[: len(k)] == k for _, k, _ in found):
                    continue
                found = [f for f in found if f[1][: len(keys)] != keys]
                found.append((terms, keys, rule))
    refs = [ast.Ref(terms, rule.loc) for terms, _, rule in found]
    by_id = {id(ref): rule for ref, (_, _, rule) in zip(refs, found, strict=True)}
    ordered = sorted_terms(refs)
    return [(_name(state, by_id[id(ref)]), by_id[id(ref)].loc) for ref in ordered]


def _check_node(state: State, node: RuleNode) -> errors.Error | None:
    rules = node.rules
    kinds = {rule.head.value is None for rule in rules}
    arities = {len(rule.head.args or ()) for rule in rules}
    complete = partial = 0
    set_rules = set_objects = False
    conflicts: list[tuple[str, ast.Location]] = []
    for rule in rules:
        ground = _ref_ground(rule)
        multi = rule.head.value is None
        if ground and node.children and not conflicts:
            conflicts = _below(state, node)
        if ground and not multi:
            complete += 1
        else:
            partial += 1
        if multi:
            set_rules = set_rules or ground
            set_objects = set_objects or not ground
    if not conflicts and node.children and any(not _ref_ground(rule) for rule in rules):
        conflicts = _below(state, node, functions=True)
    name = _name(state, rules[-1])
    if conflicts and state.options.older:
        listed = " ".join(ref for ref, _ in conflicts)
        message = f"rule {name} conflicts with [{listed}]"
        return errors.Error(errors.TYPE_ERROR, message, rules[0].loc)
    if conflicts:
        lines = "".join(f"\n  rule {ref} at {place(loc)}" for ref, loc in conflicts)
        message = f"rule {name} conflicts with:{lines}"
        return errors.Error(errors.TYPE_ERROR, message, rules[0].loc)
    if (
        len(kinds) > 1
        or len(arities) > 1
        or (complete and partial)
        or (set_rules and set_objects)
    ):
        message = f"conflicting rules {name} found"
        return errors.Error(errors.TYPE_ERROR, message, rules[0].loc)
    defaults = [rule for rule in rules if rule.default]
    if len(defaults) > 1:
        places = ", ".join(place(rule.loc) for rule in defaults)
        module = defaults[0].module
        assert module is not None
        message = f"multiple default rules {name} found at {places}"
        return errors.Error(errors.TYPE_ERROR, message, module.package.loc)
    return None


def _rule_nodes(state: State) -> None:
    """Every node that holds rules, parents first."""
    for node in state.rule_tree.walk():
        if node.rules:
            error = _check_node(state, node)
            if error is not None and not state.fail(error):
                return


def _paths(state: State, node: RuleNode, path: tuple[str, ...]) -> None:
    if not isinstance(node.key, ast.String):
        return
    path = (*path, node.key.value)
    if node.rules:
        exists = state.options.path_exists
        assert exists is not None
        if exists(path):
            state.fail(
                errors.Error(
                    errors.COMPILE_ERROR,
                    f"conflicting rule for data path {'/'.join(path)} found",
                    node.rules[0].loc,
                )
            )
            return
    for child in node.children.values():
        _paths(state, child, path)


def _module_nodes(node: ModuleNode) -> Iterator[ModuleNode]:
    yield node
    for child in node.children.values():
        yield from _module_nodes(child)


def _packages(state: State) -> None:
    """A package's path is not the path of a rule."""
    for node in _module_nodes(state.module_tree):
        if not node.children:
            continue
        for module in node.modules:
            for rule in module.rules:
                if _ref_ground(rule):
                    _package_at(state, node, module, rule)


def _package_at(
    state: State, node: ModuleNode, module: ast.Module, rule: ast.Rule
) -> None:
    at: ModuleNode | None = node.children.get(rule.head.name)
    for term in rule.head.reference.terms[1:]:
        at = None if at is None else at.children.get(term_key(term))
    if at is None:
        return
    for other in at.modules:
        package = ref_text(other.package.path.terms[1:])
        state.fail(
            errors.Error(
                errors.TYPE_ERROR,
                f"package {package} conflicts with rule"
                f" {ref_text(rule.head.reference)} defined at {place(rule.loc)}",
                module.package.loc,
            )
        )


def check_rule_conflicts(state: State) -> None:
    """CheckRuleConflicts: rules with rules, with base data, with packages."""
    _rule_nodes(state)
    if state.options.path_exists is not None:
        for child in state.rule_tree.children.values():
            _paths(state, child, ())
    _packages(state)
