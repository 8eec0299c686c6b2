"""The `graphql.*` family."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from gatewright.engine.library.budget import older
from gatewright.engine.library.errors import BuiltinError, OperandError
from gatewright.engine.library.graphql_parser import (
    Node,
    parse_query,
    parse_schema,
    pruned,
)
from gatewright.engine.library.graphql_query import check_query
from gatewright.engine.library.graphql_schema import Schema, load_schema
from gatewright.engine.library.operands import string
from gatewright.engine.values import Number, Value, is_object, pairs, type_name

__all__ = [
    "is_valid",
    "parse",
    "parse_and_verify",
    "query_tree",
    "schema_is_valid",
    "schema_tree",
]

_QUERY: Final = frozenset({"Operations", "Fragments"})
_SCHEMA: Final = frozenset(
    {"Schema", "SchemaExtension", "Directives", "Definitions", "Extensions"}
)
_FIELD: Final = frozenset({"Alias", "Name", "Arguments", "Directives", "SelectionSet"})

_query = lru_cache(100)(parse_query)
_schema = lru_cache(50)(parse_schema)


@lru_cache(50)
def _loaded(text: str, _dialect: bool) -> Schema:
    return load_schema(_schema(text))


def _wrong(value: Value, position: int) -> OperandError:
    return OperandError(
        f"operand {position} must be one of {{string, object}} "
        f"but got {type_name(value)}"
    )


def _document(value: Value, known: frozenset[str]) -> Node:
    """Return a tree that a policy handed in; what no document has is left out."""
    return {
        str(key): _tree(part)
        for key, part in pairs(value)
        if isinstance(key, str) and key in known
    }


def _tree(value: Value) -> Value:
    """Return a tree that a policy handed in, numbers as ints."""
    if isinstance(value, dict):
        return {key: _tree(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_tree(item) for item in value]
    return int(float(value)) if isinstance(value, Number) else value


def _query_document(value: Value) -> Node:
    """Return a query that a policy handed in as a tree.

    OPA's library reads whatever is selected as a field: a spread or an inline fragment
    is then one of its name, or of none.
    """
    document = _document(value, _QUERY)
    for part in document.values():
        for node in part:
            if "SelectionSet" in node:
                node["SelectionSet"] = _fields(node["SelectionSet"])
    return document


def _fields(selections: list[Node]) -> list[Node]:
    out = []
    for node in selections:
        kept = {key: entry for key, entry in node.items() if key in _FIELD}
        if "SelectionSet" in kept:
            kept["SelectionSet"] = _fields(kept["SelectionSet"])
        out.append({"Alias": "", "Name": "", **kept})
    return out


def _read(query: Value, schema: Value) -> tuple[Node, Node, Schema]:
    """Read two operands, text or tree, in OPA's order."""
    if not isinstance(query, str) and not is_object(query):
        raise _wrong(query, 0)
    try:
        text = isinstance(query, str)
        document = _query(query) if text else _query_document(query)
        if not isinstance(schema, str) and not is_object(schema):
            raise _wrong(schema, 1)
        if isinstance(schema, str):
            return document, _schema(schema), _loaded(schema, older())
        tree = _document(schema, _SCHEMA)
        return document, tree, load_schema(tree)
    except (KeyError, TypeError, AttributeError) as error:
        raise BuiltinError(f"malformed GraphQL tree: {error}") from None


def _checked(query: Value, schema: Value) -> tuple[Node, Node]:
    document, tree, loaded = _read(query, schema)
    try:
        check_query(document, loaded)
    except (KeyError, TypeError, AttributeError) as error:
        raise BuiltinError(f"malformed GraphQL tree: {error}") from None
    return document, tree


def parse(query: Value, schema: Value) -> list[Value]:
    """Return [query, schema] as trees; an error says what is wrong with either."""
    return [pruned(tree) for tree in _checked(query, schema)]


def parse_and_verify(query: Value, schema: Value) -> list[Value]:
    """Return [true, query, schema], or [false, {}, {}]."""
    try:
        return [True, *parse(query, schema)]
    except BuiltinError:
        return [False, {}, {}]


def is_valid(query: Value, schema: Value) -> bool:
    """Tell whether the query can be asked of the schema."""
    try:
        _checked(query, schema)
    except BuiltinError:
        return False
    return True


def query_tree(query: Value) -> Value:
    """Return the tree of a query, unchecked."""
    return pruned(_query(string(query, 1)))


def schema_tree(schema: Value) -> Value:
    """Return the tree of a schema, unchecked."""
    return pruned(_schema(string(schema, 1)))


def schema_is_valid(schema: Value) -> bool:
    """Tell whether a schema, text or tree, holds together."""
    try:
        if isinstance(schema, str):
            _loaded(schema, older())
        elif is_object(schema):
            load_schema(_document(schema, _SCHEMA))
        else:
            return False
    except (BuiltinError, KeyError, TypeError, AttributeError):
        return False
    return True
