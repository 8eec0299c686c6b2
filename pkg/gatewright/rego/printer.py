"""The tree as Rego text, in the form OPA uses in its error messages.

Calls print as `plus(x, 1)`, infix only in comprehension heads; refs as
`data.a["b-c"][x]`; wildcards as `_`; sets and objects in sorted order.  This is
not a formatter: it prints one line and drops comments.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from gatewright.rego import ast, order, tokens
from gatewright.rego.quoting import quote

__all__ = [
    "body_text",
    "call_text",
    "expr_text",
    "head_text",
    "module_text",
    "ref_text",
    "rule_text",
    "term_text",
    "value_name",
]

#: Words that a ref prints in brackets (OPA prints for Rego v1 here).
_BRACKETED: Final = tokens.keywords_of(1)
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

#: Built-ins with an infix form, by name.
INFIX: Final = {
    "eq": "=",
    "assign": ":=",
    "plus": "+",
    "minus": "-",
    "mul": "*",
    "div": "/",
    "rem": "%",
    "and": "&",
    "or": "|",
    "equal": "==",
    "neq": "!=",
    "lt": "<",
    "lte": "<=",
    "gt": ">",
    "gte": ">=",
}

_VALUE_NAMES: Final[dict[type, str]] = {
    ast.Null: "null",
    ast.Boolean: "boolean",
    ast.Number: "number",
    ast.String: "string",
    ast.Var: "var",
    ast.Ref: "ref",
    ast.Array: "array",
    ast.Set: "set",
    ast.Object: "object",
    ast.ArrayComprehension: "arraycomprehension",
    ast.SetComprehension: "setcomprehension",
    ast.ObjectComprehension: "objectcomprehension",
    ast.Call: "call",
    ast.TemplateString: "templatestring",
}


def value_name(term: ast.Term) -> str:
    """Return the kind of a term as messages name it (`setcomprehension`)."""
    return _VALUE_NAMES[type(term)]


def term_text(term: ast.Term) -> str:
    """Return one term as Rego text."""
    match term:
        case ast.Var(name=name):
            return "_" if name.startswith("$") else name
        case ast.String(value=value):
            return quote(value)
        case ast.Number(text=text):
            return text
        case ast.Ref():
            return ref_text(term)
        case ast.Boolean(value=value):
            return "true" if value else "false"
        case ast.Null():
            return "null"
        case ast.Call():
            return call_text(term.operator, term.args)
        case ast.Array(items=items):
            return "[" + _list(items) + "]"
        case ast.Set(items=items):
            if not items:
                return "set()"
            return "{" + _list(order.sorted_terms(items)) + "}"
        case ast.Object(items=pairs):
            return (
                "{"
                + ", ".join(
                    f"{term_text(key)}: {term_text(value)}"
                    for key, value in order.sorted_pairs(pairs)
                )
                + "}"
            )
        case ast.ArrayComprehension():
            return f"[{_head_term(term.term)} | {body_text(term.body)}]"
        case ast.SetComprehension():
            return f"{{{_head_term(term.term)} | {body_text(term.body)}}}"
        case ast.ObjectComprehension():
            head = f"{_head_term(term.key)}: {_head_term(term.value)}"
            return f"{{{head} | {body_text(term.body)}}}"
        case ast.TemplateString():
            return _template(term)
    raise TypeError(f"no text for {type(term).__name__}")


def ref_text(ref: ast.Ref | Sequence[ast.Term]) -> str:
    """Return a ref (or its terms) as text: `data.a["b-c"][x]`."""
    terms = ref.terms if isinstance(ref, ast.Ref) else ref
    if not terms:
        return ""
    head = terms[0]
    out = [head.value if isinstance(head, ast.String) else term_text(head)]
    for term in terms[1:]:
        if not isinstance(term, ast.String):
            out.append(f"[{term_text(term)}]")
            continue
        value = term.value
        if _NAME.match(value) and value not in _BRACKETED:
            out.append("." + value)
        elif any(_control(char) for char in value):
            out.append(f"[{quote(value)}]")
        else:
            out.append(f'["{value}"]')
    return "".join(out)


def call_text(operator: ast.Term, args: Sequence[ast.Term]) -> str:
    """Return a call in prefix form."""
    return f"{term_text(operator)}({_list(args)})"


def body_text(body: ast.Body) -> str:
    """Return the expressions joined by `; `."""
    return "; ".join(map(expr_text, body))


def expr_text(expr: ast.Expr) -> str:
    """Return one literal of a body, with its modifiers."""
    out = ["not "] if expr.negated else []
    if expr.negated_body is not None:
        out.append(_not(expr.negated_body, explicit=expr.explicit_body))
    else:
        out.append(_expr_terms(expr))
    out += [
        f" with {term_text(mod.target)} as {term_text(mod.value)}" for mod in expr.with_
    ]
    return "".join(out)


def head_text(head: ast.Head, *, version: int = 1) -> str:
    """Return a rule head; a partial set prints as `p contains x` (v0: `p[x]`)."""
    out = [ref_text(head.reference)]
    if head.args:
        out.append(f"({_list(head.args)})")
    elif head.key is not None and head.value is None:
        key = term_text(head.key)
        bracket = version == 0 and len(head.reference.terms) == 1
        out.append(f"[{key}]" if bracket else f" contains {key}")
    if head.value is not None:
        out.append(" := " if head.assign else " = ")
        out.append(term_text(head.value))
    return "".join(out)


def rule_text(rule: ast.Rule, *, version: int = 1) -> str:
    """Return a whole rule, `else` branches included, on one line."""
    opening = " { " if version == 0 else " if { "
    out = ["default "] if rule.default else []
    out.append(head_text(rule.head, version=version))
    if not rule.default:
        out.append(f"{opening}{body_text(rule.body)} }}")
    branch = rule.else_
    while branch is not None:
        out.append(" else ")
        if branch.head.value is not None:
            out.append(f"= {term_text(branch.head.value)}")
        out.append(f"{opening}{body_text(branch.body)} }}")
        branch = branch.else_
    return "".join(out)


def module_text(module: ast.Module) -> str:
    """Return a module: package, imports and rules, a rule a line."""
    out = [f"package {ref_text(module.package.path.terms[1:])}", ""]
    if module.imports:
        for item in module.imports:
            alias = f" as {item.alias}" if item.alias else ""
            out.append(f"import {ref_text(item.path)}{alias}")
        out.append("")
    out += [rule_text(rule, version=module.rego_version) for rule in module.rules]
    return "\n".join(out)


def _list(terms: Sequence[ast.Term]) -> str:
    return ", ".join(map(term_text, terms))


def _control(char: str) -> bool:
    return char == "\\" or char < " " or "\x7f" <= char <= "\x9f"


def _head_term(term: ast.Term) -> str:
    if isinstance(term, ast.Call) and len(term.args) == 2:
        infix = INFIX.get(ref_text(term.operator))
        if infix is not None:
            left, right = map(_head_term, term.args)
            return f"({left} {infix} {right})"
    return term_text(term)


def _expr_terms(expr: ast.Expr) -> str:
    match expr.terms:
        case list() as terms:
            operator, *args = terms
            if len(args) == 2 and _is_eq(operator):
                return f"{term_text(args[0])} = {term_text(args[1])}"
            return call_text(operator, args)
        case ast.SomeDecl(symbols=symbols):
            return "some " + _symbols(symbols)
        case ast.Every() as every:
            key = "" if every.key is None else f"{term_text(every.key)}, "
            head = f"{key}{term_text(every.value)} in {term_text(every.domain)}"
            return f"every {head} {{ {body_text(every.body)} }}"
        case ast.Logical() as logical:
            left = _operand(
                logical.left, logical.op, explicit=logical.explicit_left, right=False
            )
            right = _operand(
                logical.right, logical.op, explicit=logical.explicit_right, right=True
            )
            return f"{left} {logical.op} {right}"
        case term:
            return term_text(term)


def _is_eq(operator: ast.Term) -> bool:
    return (
        isinstance(operator, ast.Ref)
        and len(operator.terms) == 1
        and isinstance(operator.terms[0], ast.Var)
        and operator.terms[0].name == "eq"
    )


def _symbols(symbols: Sequence[ast.Term]) -> str:
    first = symbols[0]
    if isinstance(first, ast.Call):
        *names, domain = map(term_text, first.args)
        return f"{', '.join(names)} in {domain}"
    return _list(symbols)


def _leading_brace(term: ast.Term) -> bool:
    match term:
        case ast.Set(items=items):
            return bool(items)
        case ast.Object() | ast.SetComprehension() | ast.ObjectComprehension():
            return True
        case ast.Ref(terms=[head, *_]):
            return _leading_brace(head)
        case _:
            return False


def _not(body: ast.Body, *, explicit: bool) -> str:
    if explicit or len(body) != 1:
        return f"not {{{body_text(body)}}}"
    expr = body[0]
    wrap = (
        bool(expr.with_)
        or expr.negated_body is not None
        or isinstance(expr.terms, ast.Logical)
        or (
            not isinstance(expr.terms, list | ast.SomeDecl | ast.Every)
            and _leading_brace(expr.terms)
        )
    )
    text = expr_text(expr)
    return f"not ({text})" if wrap else f"not {text}"


def _operand(body: ast.Body, op: str, *, explicit: bool, right: bool) -> str:
    if explicit or len(body) != 1:
        return f"{{ {body_text(body)} }}"
    expr = body[0]
    terms = expr.terms
    wrap = bool(expr.with_)
    if expr.negated_body is None and not wrap:
        if isinstance(terms, ast.Logical):
            wrap = (op == "and" or right) if terms.op == "or" else op == "and" and right
        elif not isinstance(terms, list | ast.SomeDecl | ast.Every):
            wrap = _leading_brace(terms)
    text = expr_text(expr)
    return f"({text})" if wrap else text


def _template(term: ast.TemplateString) -> str:
    out = []
    for part in term.parts:
        if isinstance(part, ast.Expr):
            out.append(f"{{{expr_text(part)}}}")
        elif isinstance(part, ast.String):
            out.append(re.sub(r"(?<!\\)\{", r"\\{", quote(part.value)[1:-1]))
        else:
            out.append(term_text(part))
    return '$"' + "".join(out) + '"'
