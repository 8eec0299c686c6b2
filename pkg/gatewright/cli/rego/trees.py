"""The tree of a module as indented text, as `opa parse` prints it."""

from __future__ import annotations

from typing import Any

from gatewright.engine.library.gofmt import sprintf
from gatewright.rego import ast
from gatewright.rego.depth import deeply
from gatewright.rego.printer import term_text
from gatewright.rego.quoting import quote

__all__ = ["tree"]


@deeply
def tree(module: ast.Module) -> str:
    """Return a line for each node, one blank deeper than the node that holds it."""
    writer = _Writer()
    writer.module(module)
    # opa prints each with fmt.Printf, which takes a `%` in a text for a verb
    return "".join(
        (sprintf(line, []) if "%" in line else line) + "\n" for line in writer.lines
    )


class _Writer:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.depth = 0

    def node(self, name: str, *children: Any) -> None:
        self.lines.append(" " * self.depth + name)
        self.depth += 1
        for child in children:
            self.any(child)
        self.depth -= 1

    def any(self, node: Any) -> None:
        if isinstance(node, list | tuple):
            for item in node:
                self.any(item)
        elif isinstance(node, ast.Expr):
            self.expr(node)
        elif isinstance(node, ast.Rule):
            self.rule(node)
        elif node is not None:
            self.term(node)

    def module(self, module: ast.Module) -> None:
        self.lines.append("module")
        self.depth += 1
        self.node("package", ast.Ref(module.package.path.terms[:]))
        for item in module.imports:
            # An alias that is not there is a name without letters
            self.node("import", item.path, ast.Var(item.alias or ""))
        for rule in module.rules:
            self.rule(rule)
        for _ in module.annotations:
            self.node("annotations")
        for _ in module.comments:
            self.node("comment")
        self.depth -= 1

    def rule(self, rule: ast.Rule) -> None:
        self.lines.append(" " * self.depth + "rule")
        self.depth += 1
        self.head(rule.head)
        self.body(rule.body)
        if rule.else_ is not None:
            self.rule(rule.else_)
        self.depth -= 1

    def head(self, head: ast.Head) -> None:
        self.lines.append(" " * self.depth + "head")
        self.depth += 1
        self.term(ast.Ref(head.reference.terms))
        if head.args:
            self.node("args", *head.args)
        self.any(head.value)
        self.depth -= 1

    def body(self, body: ast.Body) -> None:
        self.node("body", *body)

    def expr(self, expr: ast.Expr) -> None:
        negated = " negated" if expr.negated else ""
        self.lines.append(" " * self.depth + f"expr{negated} index={expr.index}")
        self.depth += 1
        if expr.negated_body is not None:
            self.node("not")
            self.depth += 1
            self.body(expr.negated_body)
            self.depth -= 1
        elif isinstance(expr.terms, ast.SomeDecl):
            self.node("somedecl", *expr.terms.symbols)
        elif isinstance(expr.terms, ast.Every):
            self.every(expr.terms)
        elif isinstance(expr.terms, ast.Logical):
            self.node(expr.terms.op)
            self.depth += 1
            self.body(expr.terms.left)
            self.body(expr.terms.right)
            self.depth -= 1
        else:
            self.any(expr.terms)
        for item in expr.with_:
            self.node("with", item.target, item.value)
        self.depth -= 1

    def every(self, every: ast.Every) -> None:
        self.node("every", every.key, every.value, every.domain)
        self.depth += 1
        self.body(every.body)
        self.depth -= 1

    def term(self, term: Any) -> None:
        if isinstance(term, ast.Ref):
            self.node("ref", *term.terms)
        elif isinstance(term, ast.Call):
            self.node("call", term.operator, *term.args)
        elif isinstance(term, ast.Array):
            self.node("array", *term.items)
        elif isinstance(term, ast.Set):
            self.node("set", *term.items)
        elif isinstance(term, ast.Object):
            self.node("object", *(part for pair in term.items for part in pair))
        elif isinstance(term, ast.ArrayComprehension):
            self.closure("arraycomprehension", term.body, term.term)
        elif isinstance(term, ast.SetComprehension):
            self.closure("setcomprehension", term.body, term.term)
        elif isinstance(term, ast.ObjectComprehension):
            self.closure("objectcomprehension", term.body, term.key, term.value)
        elif isinstance(term, ast.TemplateString):
            self.node("templatestring")
        elif isinstance(term, ast.String):
            self.node(quote(term.value))
        else:
            self.node(term_text(term))

    def closure(self, name: str, body: ast.Body, *terms: ast.Term) -> None:
        self.node(name, *terms)
        self.depth += 1
        self.body(body)
        self.depth -= 1
