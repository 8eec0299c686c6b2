"""The tree as the JSON that `opa parse --format json` prints.

Numbers keep their spelling, so the text is written here and not by `json`.  With
`locations`, every node has its place and, base64-encoded, its source text.
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any, Final

from gatewright.rego import ast, order
from gatewright.rego.depth import deeply

__all__ = ["RawNumber", "body_json", "dumps", "module_json", "rule_json", "term_json"]


#: Bytes that are no UTF-8 (PEP 383), which Go's encoder replaces one by one.
_INVALID: Final = re.compile("[\ud800-\udfff]")


class RawNumber(str):
    """A number that is printed as it was written."""

    __slots__ = ()


@deeply
def module_json(
    module: ast.Module, *, locations: bool = False, older: bool = False
) -> dict[str, Any]:
    """Return the JSON form of a module; numbers are `RawNumber`.

    `older`: as before OPA 1.18, which did not mark a body that nobody wrote.
    """
    writer = _Writer(locations=locations, older=older)
    out: dict[str, Any] = {
        "package": writer.placed(
            module.package, {"path": writer.terms(module.package.path.terms)}
        )
    }
    if module.imports:
        out["imports"] = [writer.import_(item) for item in module.imports]
    if module.annotations:
        out["annotations"] = [writer.annotations(a) for a in module.annotations]
    if module.rules:
        out["rules"] = [writer.rule(rule) for rule in module.rules]
    if module.comments:
        out["comments"] = [writer.comment(item) for item in module.comments]
    return out


@deeply
def body_json(body: ast.Body, *, locations: bool = False) -> list[Any]:
    """Return the JSON form of a query."""
    return _Writer(locations=locations).body(body)


@deeply
def rule_json(rule: ast.Rule, *, locations: bool = False) -> dict[str, Any]:
    """Return the JSON form of a rule."""
    return _Writer(locations=locations).rule(rule)


@deeply
def term_json(term: ast.Term, *, locations: bool = False) -> dict[str, Any]:
    """Return the JSON form of one term."""
    return _Writer(locations=locations).term(term)


@deeply
def dumps(value: Any, *, indent: int | None = 2) -> str:
    """Write a JSON form as text, as Go's encoder does (`<`, `>`, `&` escaped)."""
    out: list[str] = []
    _dump(value, out, indent, "\n" if indent is not None else "")
    return "".join(out)


def _dump(value: Any, out: list[str], indent: int | None, newline: str) -> None:
    deeper = newline + " " * (indent or 0)
    if isinstance(value, RawNumber):
        out.append(value)
    elif isinstance(value, dict) and value:
        opening = "{"
        for key, item in value.items():
            out.append(f"{opening}{deeper}{_string(key)}: ")
            _dump(item, out, indent, deeper)
            opening = ","
        out.append(newline + "}")
    elif isinstance(value, list | tuple) and value:
        opening = "["
        for item in value:
            out.append(opening + deeper)
            _dump(item, out, indent, deeper)
            opening = ","
        out.append(newline + "]")
    elif isinstance(value, str):
        out.append(_string(value))
    else:
        out.append(json.dumps(value))


def _string(text: str) -> str:
    out = json.dumps(text, ensure_ascii=False)
    if not out.isascii():
        out = _INVALID.sub(r"\\ufffd", out)
    for char in "<>&\u2028\u2029":
        out = out.replace(char, f"\\u{ord(char):04x}")
    return out


class _Writer:
    __slots__ = ("locations", "older")

    def __init__(self, *, locations: bool, older: bool = False) -> None:
        self.locations = locations
        self.older = older

    def placed(self, node: Any, out: dict[str, Any]) -> dict[str, Any]:
        """Add the place of a node to its form."""
        if self.locations and node.loc.row:
            out["location"] = self.loc(node.loc)
        return out

    def loc(self, loc: ast.Location) -> dict[str, Any]:
        out: dict[str, Any] = {"file": loc.file, "row": loc.row, "col": loc.col}
        if self.locations:
            text = loc.text.encode("utf-8", "surrogateescape")
            out["text"] = base64.b64encode(text).decode()
        return out

    # Module level ------------------------------------------------------------

    def comment(self, item: ast.Comment) -> dict[str, Any]:
        text = base64.b64encode(item.text.encode()).decode()
        return {"Text": text, "Location": self.loc(item.loc)}

    def import_(self, item: ast.Import) -> dict[str, Any]:
        out: dict[str, Any] = {"path": self.term(item.path)}
        if item.alias:
            out["alias"] = item.alias
            if self.locations and item.alias_loc.row:
                out["alias_location"] = self.loc(item.alias_loc)
        return self.placed(item, out)

    def annotations(self, item: ast.Annotations) -> dict[str, Any]:
        out = {key: self.plain(value) for key, value in item.data.items()}
        for schema, shown in zip(
            item.data.get("schemas", ()), out.get("schemas", ()), strict=True
        ):
            # The path was parsed on its own, so its places mean nothing here.
            shown["path"] = _Writer(locations=False).terms(schema["path"].terms)
        return self.placed(item, out)

    def plain(self, value: Any) -> Any:
        """Return a value of a metadata block; refs of schemas become terms."""
        if isinstance(value, ast.Ref):
            return self.terms(value.terms)
        if isinstance(value, dict):
            return {key: self.plain(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.plain(item) for item in value]
        return value

    def rule(self, rule: ast.Rule) -> dict[str, Any]:
        out: dict[str, Any] = {}
        if rule.annotations:
            out["annotations"] = [self.annotations(a) for a in rule.annotations]
        out["body"] = self.body(rule.body)
        if rule.default:
            out["default"] = True
        if rule.else_ is not None:
            out["else"] = self.rule(rule.else_)
        out["head"] = self.head(rule.head)
        return self.placed(rule, out)

    def head(self, head: ast.Head) -> dict[str, Any]:
        terms = head.reference.terms
        out: dict[str, Any] = {}
        if len(terms) == 1 or head.shows_name:
            out["name"] = head.name
        if head.args:
            out["args"] = self.terms(head.args)
        if head.key is not None:
            out["key"] = self.term(head.key)
        elif head.shown_key is not None:
            out["key"] = self.term(head.shown_key)
        if head.value is not None:
            out["value"] = self.term(head.value)
        if head.assign:
            out["assign"] = True
        out["ref"] = self.terms(terms)
        return self.placed(head, out)

    # Expressions -------------------------------------------------------------

    def body(self, body: ast.Body) -> list[Any]:
        return [self.expr(expr) for expr in body]

    def expr(self, expr: ast.Expr) -> dict[str, Any]:
        out: dict[str, Any] = {}
        if expr.generated and not self.older:
            out["generated"] = True
        out["index"] = expr.index
        if expr.negated:
            out["negated"] = True
        out["terms"] = self.expr_terms(expr)
        if expr.with_:
            out["with"] = [self.modifier(item) for item in expr.with_]
        return self.placed(expr, out)

    def modifier(self, item: ast.With) -> dict[str, Any]:
        target: ast.Term = item.target
        match item.target.terms:
            case [ast.Var(name=name) as var] if name not in ("data", "input"):
                target = var
        return self.placed(
            item, {"target": self.term(target), "value": self.term(item.value)}
        )

    def expr_terms(self, expr: ast.Expr) -> Any:
        if expr.negated_body is not None:
            return {
                "body": self.body(expr.negated_body),
                "explicit_body": expr.explicit_body,
                "type": "not",
            }
        terms = expr.terms
        match terms:
            case list():
                return self.terms(terms)
            case ast.SomeDecl(symbols=symbols):
                return self.placed(terms, {"symbols": self.terms(symbols)})
            case ast.Every():
                every = {
                    "body": self.body(terms.body),
                    "domain": self.term(terms.domain),
                    "key": None if terms.key is None else self.term(terms.key),
                    "value": self.term(terms.value),
                }
                return self.placed(terms, every)
            case ast.Logical():
                out: dict[str, Any] = {
                    "lhs": self.body(terms.left),
                    "rhs": self.body(terms.right),
                    "type": terms.op,
                }
                if terms.explicit_left:
                    out["explicit_lhs"] = True
                if terms.explicit_right:
                    out["explicit_rhs"] = True
                return out
            case _:
                return self.term(terms)

    # Terms -------------------------------------------------------------------

    def terms(self, terms: list[ast.Term]) -> list[Any]:
        return [self.term(term) for term in terms]

    def term(self, term: ast.Term) -> dict[str, Any]:
        kind, value = self.typed(term)
        return self.placed(term, {"type": kind, "value": value})

    def typed(self, term: ast.Term) -> tuple[str, Any]:
        match term:
            case ast.Var(name=name):
                return "var", name
            case ast.String(value=value):
                return "string", value
            case ast.Number(text=text):
                return "number", RawNumber(text)
            case ast.Boolean(value=flag):
                return "boolean", flag
            case ast.Null():
                return "null", {}
            case ast.Ref(terms=terms):
                return "ref", self.terms(terms)
            case ast.Call(operator=operator, args=args):
                return "call", self.terms([operator, *args])
            case ast.Array(items=items):
                return "array", self.terms(items)
            case ast.Set(items=items):
                return "set", self.terms(order.sorted_terms(items))
            case ast.Object(items=pairs):
                return "object", [
                    [self.term(key), self.term(value)]
                    for key, value in order.sorted_pairs(pairs)
                ]
            case ast.ArrayComprehension() | ast.SetComprehension():
                array = isinstance(term, ast.ArrayComprehension)
                return "arraycomprehension" if array else "setcomprehension", {
                    "term": self.term(term.term),
                    "body": self.body(term.body),
                }
            case ast.ObjectComprehension():
                return "objectcomprehension", {
                    "key": self.term(term.key),
                    "value": self.term(term.value),
                    "body": self.body(term.body),
                }
            case ast.TemplateString():
                return "templatestring", {
                    "parts": [
                        self.expr(part)
                        if isinstance(part, ast.Expr)
                        else self.term(part)
                        for part in term.parts
                    ]
                    or None,
                    "multi_line": term.multi_line,
                }
        raise TypeError(f"no JSON form for {type(term).__name__}")
