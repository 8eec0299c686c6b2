"""GraphQL documents as the trees that `graphql.parse_*` return.

Nodes are dicts with OPA's member names. Each also has `_at`, its (line, column) in
the text; `pruned` takes that away, and what is empty.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from gatewright.engine.library.errors import BuiltinError
from gatewright.engine.library.gotext import quote
from gatewright.engine.library.graphql_lexer import INVALID, Token, tokens

__all__ = ["LOCATIONS", "Node", "located", "parse_query", "parse_schema", "pruned"]

Node = dict[str, Any]
MAX_DEPTH: Final = 200
LOCATIONS: Final = frozenset(
    [
        "QUERY",
        "MUTATION",
        "SUBSCRIPTION",
        "FIELD",
        "FRAGMENT_DEFINITION",
        "FRAGMENT_SPREAD",
        "INLINE_FRAGMENT",
        "VARIABLE_DEFINITION",
        "SCHEMA",
        "SCALAR",
        "OBJECT",
        "FIELD_DEFINITION",
        "ARGUMENT_DEFINITION",
        "INTERFACE",
        "UNION",
        "ENUM",
        "ENUM_VALUE",
        "INPUT_OBJECT",
        "INPUT_FIELD_DEFINITION",
    ]
)
_OPERATIONS: Final = ("query", "mutation", "subscription")
_KINDS: Final = {"Int": 1, "Float": 2, "String": 3, "BlockString": 4}
_PARTS: Final = ("Directives", "Interfaces", "Fields", "Types", "EnumValues")
_DEFINITIONS: Final = {
    "scalar": "SCALAR",
    "type": "OBJECT",
    "interface": "INTERFACE",
    "union": "UNION",
    "enum": "ENUM",
    "input": "INPUT_OBJECT",
}


def located(message: str, line: int, column: int) -> BuiltinError:
    """Return an error with its place in OPA's words, which is none below 0."""
    if line < 0 or column < 0:
        return BuiltinError(f"GraphQL parse error: input:{line}:{column}: {message}")
    return BuiltinError(f"{message} in GraphQL string at location {line}:{column}")


def pruned(node: Any) -> Any:
    """Return a tree without places, what is empty and what is not there."""
    if isinstance(node, list):
        kept = (pruned(item) for item in node if item is not None)
        return [item for item in kept if item not in ([], {})]
    if not isinstance(node, dict):
        return node
    out = {}
    for name, entry in node.items():
        if not name.startswith("_") and entry is not None:
            kept = pruned(entry)
            if kept not in ([], {}):
                out[name] = kept
    return out


def parse_query(text: str) -> Node:
    """Read operations and fragments."""
    return _Queries(text).document()


def parse_schema(text: str) -> Node:
    """Read definitions of types, directives and the schema."""
    return _Schemas(text).document()


def _group(token: Token) -> Node:
    return {"List": [{"Value": text} for text in token.comments]}


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = tokens(text)
        self.spot = 0
        self.depth = 0

    def peek(self) -> Token:
        return self.tokens[self.spot]

    def next(self) -> Token:
        token = self.tokens[self.spot]
        if token.kind == INVALID:
            raise self.unexpected(token)
        if token.kind != "<EOF>":
            self.spot += 1
        return token

    def fail(self, token: Token, message: str) -> BuiltinError:
        return located(message, token.line, token.column)

    def unexpected(self, token: Token | None = None) -> BuiltinError:
        token = token or self.peek()
        return self.fail(token, f"Unexpected {token}")

    def skip(self, kind: str) -> bool:
        if self.peek().kind != kind:
            return False
        self.spot += 1
        return True

    def expect(self, kind: str) -> Token:
        token = self.peek()
        if token.kind != kind:
            raise self.fail(token, f"Expected {kind}, found {token.kind}")
        self.spot += 1
        return token

    def keyword(self, word: str) -> Token:
        token = self.peek()
        if token.kind != "Name" or token.value != word:
            raise self.fail(token, f"Expected {quote(word)}, found {token}")
        self.spot += 1
        return token

    def name(self) -> str:
        return self.expect("Name").value

    def comments(self) -> Node:
        """Comments before the next token, as trees have them."""
        return _group(self.peek())

    def place(self) -> tuple[int, int]:
        return self.peek().line, self.peek().column

    def many(self, opening: str, closing: str, one: Callable[[], Any]) -> list[Any]:
        """Read a list in brackets, if it is there, that may be empty."""
        out: list[Any] = []
        if not self.skip(opening):
            return out
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.fail(self.peek(), "nested too deep")
        while not self.skip(closing):
            out.append(one())
        self.depth -= 1
        return out

    def some(self, opening: str, closing: str, one: Callable[[], Any]) -> list[Any]:
        """Read a list in brackets, if it is there, that may not be empty."""
        there = self.peek().kind == opening
        out = self.many(opening, closing, one)
        if there and not out:
            token = self.closing()
            raise self.fail(
                token, f"expected at least one definition, found {token.kind}"
            )
        return out

    def closing(self) -> Token:
        """The token that was taken last."""
        return self.tokens[self.spot - 1]

    def value(self, *, constant: bool) -> Node:
        token = self.peek()
        at = self.place()
        out: Node = {"Raw": "", "Kind": 0, "ExpectedTypeHasDefault": False, "_at": at}
        if token.kind == "[":
            out["Comment"] = self.comments()
            out["Kind"] = 8
            out["Children"] = self.many(
                "[",
                "]",
                lambda: {"Name": "", "Value": self.value(constant=constant)},
            )
        elif token.kind == "{":
            out["Comment"] = self.comments()
            out["Kind"] = 9
            out["Children"] = self.many("{", "}", lambda: self.member(constant))
        elif token.kind == "$" and not constant:
            self.spot += 1
            out["Raw"] = self.name()
        elif token.kind in _KINDS:
            out.update(Kind=_KINDS[token.kind], Raw=token.value)
            self.spot += 1
        elif token.kind == "Name":
            kind = 5 if token.value in ("true", "false") else 7
            out.update(Kind=6 if token.value == "null" else kind, Raw=token.value)
            self.spot += 1
        else:
            raise self.unexpected()
        return out

    def member(self, constant: bool) -> Node:
        out: Node = {"Comment": self.comments(), "_at": self.place()}
        out["Name"] = self.name()
        self.expect(":")
        out["Value"] = self.value(constant=constant)
        return out

    def arguments(self, *, constant: bool) -> list[Node]:
        return self.some("(", ")", lambda: self.member(constant))

    def directives(self, *, constant: bool) -> list[Node]:
        out: list[Node] = []
        while self.peek().kind == "@":
            self.spot += 1
            at = self.place()
            name = self.name()
            arguments = self.arguments(constant=constant)
            out.append(
                {"Name": name, "Arguments": arguments, "Location": "", "_at": at}
            )
        return out

    def type(self) -> Node:
        inside = self.skip("[")
        at = self.place()
        if inside:
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise self.fail(self.peek(), "nested too deep")
            inner = self.type()
            self.depth -= 1
            self.expect("]")
            out: Node = {"NamedType": "", "Elem": inner, "_at": at}
        else:
            out = {"NamedType": self.name(), "_at": at}
        out["NonNull"] = self.skip("!")
        return out

    def variables(self) -> list[Node]:
        return self.some("(", ")", self.variable)

    def variable(self) -> Node:
        out: Node = {"Comment": self.comments(), "_at": self.place()}
        self.expect("$")
        out.update(Variable=self.name(), Used=False)
        self.expect(":")
        out["Type"] = self.type()
        if self.skip("="):
            out["DefaultValue"] = self.value(constant=True)
        out["Directives"] = self.directives(constant=False)
        return out


class _Queries(_Parser):
    def document(self) -> Node:
        operations: list[Node] = []
        fragments: list[Node] = []
        while self.peek().kind != "<EOF>":
            token = self.peek()
            if token.kind == "{" or token.value in _OPERATIONS:
                operations.append(self.operation())
            elif token.kind == "Name" and token.value == "fragment":
                fragments.append(self.fragment())
            else:
                raise self.unexpected()
        return {"Operations": operations, "Fragments": fragments}

    def operation(self) -> Node:
        out: Node = {"Operation": "query", "Name": "", "_at": self.place()}
        if self.peek().kind != "{":
            out["Comment"] = self.comments()
            out["Operation"] = self.name()
            if self.peek().kind == "Name":
                out["Name"] = self.name()
            out["VariableDefinitions"] = self.variables()
            out["Directives"] = self.directives(constant=False)
        out["SelectionSet"] = self.selections()
        return out

    def selections(self) -> list[Node]:
        if self.peek().kind != "{":
            raise self.fail(self.peek(), f"Expected {{, found {self.peek().kind}")
        return self.some("{", "}", self.selection)

    def selection(self) -> Node:
        return self.spread() if self.peek().kind == "..." else self.field()

    def field(self) -> Node:
        out: Node = {"Comment": self.comments(), "_at": self.place()}
        alias = name = self.name()
        if self.skip(":"):
            name = self.name()
        out.update(Alias=alias, Name=name)
        out["Arguments"] = self.arguments(constant=False)
        out["Directives"] = self.directives(constant=False)
        if self.peek().kind == "{":
            out["SelectionSet"] = self.selections()
        return out

    def spread(self) -> Node:
        comments = _group(self.expect("..."))
        at = self.place()
        token = self.peek()
        if token.kind == "Name" and token.value != "on":
            out: Node = {"Name": self.name(), "Comment": comments, "_at": at}
            out["Directives"] = self.directives(constant=False)
            return out
        out = {"TypeCondition": "", "Comment": comments, "_at": at, "_inline": True}
        if token.value == "on":
            self.spot += 1
            out["TypeCondition"] = self.name()
        out["Directives"] = self.directives(constant=False)
        out["SelectionSet"] = self.selections()
        return out

    def fragment(self) -> Node:
        out: Node = {"Comment": self.comments(), "_at": self.place()}
        self.keyword("fragment")
        if self.peek().value == "on":
            raise self.unexpected()
        out["Name"] = self.name()
        out["VariableDefinition"] = self.variables()
        self.keyword("on")
        out["TypeCondition"] = self.name()
        out["Directives"] = self.directives(constant=False)
        out["SelectionSet"] = self.selections()
        return out


class _Schemas(_Parser):
    def document(self) -> Node:
        out: Node = {
            name: []
            for name in (
                "Schema",
                "SchemaExtension",
                "Directives",
                "Definitions",
                "Extensions",
            )
        }
        while self.peek().kind != "<EOF>":
            described = self.peek()
            head = self.description()
            token = self.peek()
            if token.kind != "Name":
                raise self.unexpected()
            if token.value in _DEFINITIONS:
                out["Definitions"].append(self.definition(head))
            elif token.value == "schema":
                out["Schema"].append(self.schema(head))
            elif token.value == "directive":
                out["Directives"].append(self.directive(head))
            elif token.value == "extend":
                if head["Description"]:
                    raise self.unexpected(described)
                self.extension(out)
            else:
                raise self.unexpected()
        out["Comment"] = self.comments()
        return out

    def description(self) -> Node:
        """The text before a definition, and comments before that."""
        if self.peek().kind not in ("String", "BlockString"):
            return {"Description": ""}
        before = self.comments()
        return {"Description": self.next().value, "BeforeDescriptionComment": before}

    def head(self) -> Node:
        """The head of a part of a definition, which starts with its name."""
        out = self.description()
        if not out["Description"]:
            out = {"Description": ""}
        out.update(AfterDescriptionComment=self.comments(), _at=self.place())
        out["Name"] = self.name()
        return out

    def parts(self, out: Node, name: str, one: Callable[[], Any]) -> None:
        """Read what a definition has in braces, if it has."""
        there = self.peek().kind == "{"
        out[name] = self.some("{", "}", one)
        if there:
            out["EndOfDefinitionComment"] = _group(self.closing())

    def schema(self, head: Node, *, extends: bool = False) -> Node:
        token = self.keyword("schema")
        out: Node = {"AfterDescriptionComment": _group(token), **head}
        out["_at"] = self.place()
        out["Directives"] = self.directives(constant=True)
        self.parts(out, "OperationTypes", self.operation_type)
        if extends and not out["Directives"] and not out["OperationTypes"]:
            raise self.unexpected()
        return out

    def operation_type(self) -> Node:
        out: Node = {"Comment": self.comments(), "_at": self.place()}
        token = self.next()
        if token.value not in _OPERATIONS:
            raise self.unexpected(token)
        self.expect(":")
        out.update(Operation=token.value, Type=self.name())
        return out

    def extension(self, out: Node) -> None:
        head: Node = {"Description": ""}
        head["AfterDescriptionComment"] = _group(self.keyword("extend"))
        word = self.peek().value
        if word == "schema":
            out["SchemaExtension"].append(self.schema(head, extends=True))
        elif word in _DEFINITIONS:
            definition = self.definition(head, extends=True)
            if not any(definition.get(part) for part in _PARTS):
                raise self.unexpected()
            out["Extensions"].append(definition)
        else:
            raise self.unexpected()

    def definition(self, head: Node, *, extends: bool = False) -> Node:
        token = self.keyword(self.peek().value)
        kind = _DEFINITIONS[token.value]
        out: Node = {
            "Kind": kind,
            "BuiltIn": False,
            "AfterDescriptionComment": _group(token),
            **head,
            "_at": self.place(),
        }
        out["Name"] = self.name()
        if kind == "OBJECT" or (kind == "INTERFACE" and not extends):
            out["Interfaces"] = self.interfaces()
        # The library takes variables here.
        constant = not (extends and kind == "INPUT_OBJECT")
        out["Directives"] = self.directives(constant=constant)
        if kind in ("OBJECT", "INTERFACE"):
            self.parts(out, "Fields", self.field)
        elif kind == "INPUT_OBJECT":
            self.parts(out, "Fields", self.input_value)
        elif kind == "ENUM":
            self.parts(out, "EnumValues", self.enum_value)
        elif kind == "UNION" and self.skip("="):
            self.skip("|")
            out["_members"] = [self.place()]
            out["Types"] = [self.name()]
            while self.skip("|"):
                out["_members"].append(self.place())
                out["Types"].append(self.name())
        return out

    def interfaces(self) -> list[str]:
        if self.peek().value != "implements":
            return []
        self.spot += 1
        self.skip("&")
        out = [self.name()]
        while self.skip("&"):
            out.append(self.name())
        return out

    def field(self) -> Node:
        out = self.head()
        out["Arguments"] = self.some("(", ")", self.input_value)
        self.expect(":")
        out["Type"] = self.type()
        out["Directives"] = self.directives(constant=True)
        return out

    def input_value(self) -> Node:
        out = self.head()
        self.expect(":")
        out["Type"] = self.type()
        if self.skip("="):
            out["DefaultValue"] = self.value(constant=True)
        out["Directives"] = self.directives(constant=True)
        return out

    def enum_value(self) -> Node:
        out = self.head()
        out["Directives"] = self.directives(constant=True)
        return out

    def directive(self, head: Node) -> Node:
        token = self.keyword("directive")
        self.expect("@")
        out: Node = {"AfterDescriptionComment": _group(token), **head}
        out["_at"] = self.place()
        out["Name"] = self.name()
        out["Arguments"] = self.some("(", ")", self.input_value)
        token = self.peek()
        out["IsRepeatable"] = token.kind == "Name" and token.value == "repeatable"
        if out["IsRepeatable"]:
            self.spot += 1
        self.keyword("on")
        self.skip("|")
        out["Locations"] = [self.location()]
        while self.skip("|"):
            out["Locations"].append(self.location())
        return out

    def location(self) -> str:
        token = self.expect("Name")
        if token.value not in LOCATIONS:
            raise self.unexpected(token)
        return token.value
