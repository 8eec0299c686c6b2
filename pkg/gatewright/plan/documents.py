"""`data`: base documents and rules as one tree.

A constant step of a ref moves down the rule tree.  Where it meets rules, their
function is called and the rest of the ref walks in its value; where the tree
has no such child, the rest walks in the base documents.  A package as a value is
its *extent*: every rule that is defined, over it the base documents of that
place (which win).  A step that is not constant at a package goes through
the keys there, and is dispatched to the child of that name or to base data.
"""

from __future__ import annotations

from collections.abc import Sequence

from gatewright.plan import refs, rules, terms, unify
from gatewright.plan.builder import FunctionBuilder
from gatewright.plan.frame import Frame, Operand, is_constant
from gatewright.rego import ast
from gatewright.rego.rule_tree import RuleNode

__all__ = ["plan_data", "plan_extent"]


def plan_data(f: Frame, steps: Sequence[ast.Term], dest: int | None = None) -> Operand:
    """Plan the value of `data` followed by `steps`."""
    return _descend(f, f.planner.compiled.rule_tree, [], steps, dest)


def _descend(
    f: Frame,
    node: RuleNode,
    path: list[ast.Term],
    steps: Sequence[ast.Term],
    dest: int | None,
) -> Operand:
    """Go on below an inner node of the tree; `path` leads to it from `data`."""
    for place, step in enumerate(steps):
        operand = f.known(step)
        if operand is None and f.computed(step):
            operand = terms.plan_term(f, step)
        if operand is None or not is_constant(operand):
            if not node.children:
                return refs.Cursor(f, refs.Cursor.DATA, path).walk(steps[place:], dest)
            return _branch(f, node, path, step, operand, steps[place + 1 :], dest)
        key = f.term_of(operand)
        path = [*path, key]
        child = node.child(key)
        if child is None:
            rest = steps[place + 1 :]
            return refs.Cursor(f, refs.Cursor.DATA, path).walk(rest, dest)
        if child.rules:
            return _rules(f, child, path, steps[place + 1 :], dest)
        node = child
    out = f.b.register() if dest is None else dest
    f.emit("RULE", out, f.planner.extent(node, path), f.fail)
    return out


def _rules(
    f: Frame,
    node: RuleNode,
    path: list[ast.Term],
    steps: Sequence[ast.Term],
    dest: int | None,
) -> Operand:
    """The value of the rules at a node, and the rest of the ref in it."""
    loud = f.planner.loud.rules(node)
    overridden = f.planner.overridden(path)
    if steps and ((f.once and not overridden) or loud):
        key = f.known(steps[0])
        if key is None and f.computed(steps[0]):
            key = terms.plan_term(f, steps[0])
            # Planned only once: what follows finds the value under this name.
            name = ast.Var(f"the key of {f.b.register()}")
            f.bind(name, key)
            steps = [name, *steps[1:]]
        function = None
        if f.once and not overridden and not (loud and f.planner.strict):
            function = f.planner.keyed_rule(node, path)
        if key is not None and function is not None:
            value = f.b.register()
            f.emit("CALL", value, function, f.register(key), f.fail)
            return refs.Cursor(f, value).walk(steps[1:], dest)
        if key is not None and loud:
            count = min(_known(f, steps), rules.most_keys(node, len(path) + 1))
            if count:
                value = _keys_value(f, node, path, steps[:count], overridden=overridden)
                return refs.Cursor(f, value).walk(steps[count:], dest)
    out = f.b.register() if dest is None or steps else dest
    _rule_value(f, node, path, out)
    return refs.Cursor(f, out).walk(steps, dest)


def _known(f: Frame, steps: Sequence[ast.Term]) -> int:
    """How many steps at the start have a value already."""
    for place, step in enumerate(steps):
        if f.known(step) is None:
            return place
    return len(steps)


def _keys_value(
    f: Frame,
    node: RuleNode,
    path: list[ast.Term],
    steps: Sequence[ast.Term],
    *,
    overridden: bool,
) -> int:
    """What rules that may fail put at some keys: only that is evaluated where the
    whole would fail, or where that would be heard of."""
    out = f.b.register()
    join = f.b.label()
    base = terms.plan_block(f, steps)

    def look_up(whole: int) -> None:
        f.put(refs.Cursor(f, whole).walk(steps), out)

    if overridden:
        value, none = f.b.register(), f.b.label()
        where = ~f.constant(ast.Array(list(path)))
        f.emit("OVERRIDE", value, where, f.fail, none)
        look_up(value)
        f.jump(join)
        f.b.place(none)
    if not f.planner.strict:
        whole, conflict = f.b.register(), f.b.label()
        f.emit("TRY", whole, f.planner.rule(node, path), f.fail, conflict)
        look_up(whole)
        f.jump(join)
        f.b.place(conflict)
    f.emit("CALL", out, f.planner.keys_rule(node, path, len(steps)), base, f.fail)
    f.b.place(join)
    return out


def _rule_value(f: Frame, node: RuleNode, path: Sequence[ast.Term], out: int) -> None:
    join = None
    if f.planner.overridden(path):
        join, none = f.b.label(), f.b.label()
        where = ~f.constant(ast.Array(list(path)))
        f.emit("OVERRIDE", out, where, f.fail, none)
        f.jump(join)
        f.b.place(none)
    if node.rules[0].head.args:
        f.jump(f.fail)
    else:
        f.emit("RULE", out, f.planner.rule(node, path), f.fail)
    if join is not None:
        f.b.place(join)


# A step that is not constant ------------------------------------------------


def _branch(
    f: Frame,
    node: RuleNode,
    path: list[ast.Term],
    step: ast.Term,
    operand: Operand | None,
    rest: Sequence[ast.Term],
    dest: int | None,
) -> Operand:
    """A step that names a child, or a key of the base documents, at run time."""
    if operand is not None:
        new = f.unbound(ast.Ref(list(rest)))
        if not new:
            return _switch(f, node, path, operand, rest, dest)
        return _collect(f, node, path, step, operand, rest, new)
    inside = set(f.unbound(step))
    if all(name in inside for name in f.unbound(ast.Ref(list(rest)))):
        key = _keys(f, node, path)
        unify.unify_value(f, step, key)
        return _switch(f, node, path, key, rest, dest)
    new = f.unbound(ast.Ref([step, *rest]))
    return _collect(f, node, path, step, None, rest, new)


def _keys(f: Frame, node: RuleNode, path: list[ast.Term]) -> int:
    """Loop over the keys at a node: those of the base documents in their order,
    then the children that are not among them."""
    builder = f.b.register()
    f.emit("ANEW", builder)
    end = f.b.label()
    with f.nested(end):
        base = refs.Cursor(f, refs.Cursor.DATA, path).take()
        key, _ = f.loop(base, key=True, value=False)
        f.emit("AADD", builder, key)
        f.jump(f.fail)
    f.b.place(end)
    for child in node.sorted_children():
        absent, after = f.b.label(), f.b.label()
        with f.nested(absent):
            refs.Cursor(f, refs.Cursor.DATA, [*path, child.key]).take()
        f.jump(after)
        f.b.place(absent)
        f.emit("AADD", builder, f.register(f.constant(child.key)))
        f.b.place(after)
    keys = f.b.register()
    f.emit("DONE", keys, builder)
    _, key = f.loop(keys, key=False, value=True)
    return key


def _switch(
    f: Frame,
    node: RuleNode,
    path: list[ast.Term],
    operand: int,
    rest: Sequence[ast.Term],
    dest: int | None,
) -> Operand:
    """At most one solution: the child that the operand names, or base data."""
    out = f.b.register() if dest is None else dest
    join = f.b.label()
    for child in node.sorted_children():
        other = f.b.label()
        _named(f, operand, child, other)
        with f.nested(f.fail):
            f.put(_child(f, child, path, rest), out)
        f.jump(join)
        f.b.place(other)
    base = refs.Cursor(f, refs.Cursor.DATA, path).take()
    value = f.b.register()
    f.emit("DOTD", value, f.register(base), operand, f.fail)
    f.put(refs.Cursor(f, value, stored=True).walk(rest), out)
    f.b.place(join)
    return out


def _named(f: Frame, operand: int, child: RuleNode, other: int) -> None:
    """Go to `other` unless the operand names the child."""
    f.emit("EQK", operand, ~f.constant(child.key), other)
    if isinstance(child.key, ast.Number):
        # A number is the name of a child as it is spelled, as in a store.
        names = ast.Object([(ast.String(child.key.text), ast.Boolean(True))])
        f.emit("DOTD", f.b.register(), f.register(f.constant(names)), operand, other)


def _collect(
    f: Frame,
    node: RuleNode,
    path: list[ast.Term],
    step: ast.Term,
    operand: Operand | None,
    rest: Sequence[ast.Term],
    new: Sequence[str],
) -> Operand:
    """Any number of solutions, from places known only to planning: gather the
    variables and the value of each in an array, and iterate that."""
    builder = f.b.register()
    f.emit("ANEW", builder)

    def add(value: Operand) -> None:
        base = f.b.block(len(new) + 1)
        for place, name in enumerate(new):
            f.put(f.env[name], base + place)
        f.put(value, base + len(new))
        solution = f.b.register()
        f.emit("ARR", solution, base, len(new) + 1)
        f.emit("AADD", builder, solution)
        f.jump(f.fail)

    end = f.b.label()
    with f.nested(end):
        if operand is None:
            key = _keys(f, node, path)
            unify.unify_value(f, step, key)
        else:
            key = f.register(operand)
        for child in node.sorted_children():
            other = f.b.label()
            _named(f, key, child, other)
            with f.nested(f.fail):
                add(_child(f, child, path, rest))
            f.b.place(other)
        base = refs.Cursor(f, refs.Cursor.DATA, path).take()
        value = f.b.register()
        f.emit("DOTD", value, f.register(base), key, f.fail)
        add(refs.Cursor(f, value, stored=True).walk(rest))
    f.b.place(end)

    done = f.b.register()
    f.emit("DONE", done, builder)
    _, solution = f.loop(done, key=False, value=True)
    for place, name in enumerate(new):
        out = f.b.register()
        f.emit("DOTK", out, solution, ~f.constant(ast.Number(str(place))), f.fail)
        f.env[name] = out
    out = f.b.register()
    f.emit("DOTK", out, solution, ~f.constant(ast.Number(str(len(new)))), f.fail)
    return out


def _child(
    f: Frame, child: RuleNode, path: list[ast.Term], rest: Sequence[ast.Term]
) -> Operand:
    below = [*path, child.key]
    if child.rules:
        return _rules(f, child, below, rest, None)
    return _descend(f, child, below, rest, None)


# Extents --------------------------------------------------------------------


def plan_extent(
    builder: FunctionBuilder, f: Frame, node: RuleNode, path: list[ast.Term]
) -> None:
    """Plan the function that gives an inner node of the tree as a value."""
    if f.planner.overridden(path):
        value, none = builder.register(), builder.label()
        where = ~f.constant(ast.Array(list(path)))
        f.emit("OVERRIDE", value, where, f.fail, none)
        f.emit("RET", value)
        builder.place(none)
    virtual = builder.register()
    f.emit("ONEW", virtual)
    for child in node.sorted_children():
        if child.hide or (child.rules and child.rules[0].head.args):
            continue
        after = builder.label()
        with f.nested(after):
            out = builder.register()
            below = [*path, child.key]
            if child.rules:
                _rule_value(f, child, below, out)
            else:
                f.emit("RULE", out, f.planner.extent(child, below), f.fail)
            key = f.register(f.constant(child.key))
            # Two spellings of a number are two children and one key.
            f.emit("OADD", virtual, key, out, -1)
        builder.place(after)
    extent = builder.register()
    f.emit("DONE", extent, virtual)
    bare = builder.label()
    with f.nested(bare):
        pair = builder.block(2)
        base = refs.Cursor(f, refs.Cursor.DATA, path).take()
        f.put(extent, pair)
        f.put(base, pair + 1)
        merged = builder.register()
        union = f.planner.tables.builtin("object.union")
        f.emit("BUILTIN", merged, union, pair, 2, f.fail, -1)
        f.emit("RET", merged)
    builder.place(bare)
    f.emit("RET", extent)
    builder.place(f.fail)
    f.emit("RETU")
