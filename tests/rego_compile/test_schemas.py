"""Types from JSON schemas, in text, and what checking with them finds."""

from __future__ import annotations

from typing import Any

import pytest

from gatewright.rego import compiler, errors, parser
from gatewright.rego.compiled import CompileOptions
from gatewright.rego.types_algebra import sprint
from gatewright.rego.types_schema import SchemaError, schema_type
from tests.rego_compile import golden

LIST = {"type": "array", "items": {"$ref": "#/definitions/node"}}
NODE = {"type": "object", "properties": {"id": {"type": "integer"}, "next": LIST}}

TYPES: list[tuple[Any, str]] = [
    ({}, "any"),
    (True, "any"),
    ({"type": "string"}, "string"),
    ({"type": "integer"}, "number"),
    ({"type": "null"}, "any"),
    ({"type": ["string", "null"]}, "string"),
    ({"type": "object"}, "object[any: any]"),
    ({"properties": {"b": {}, "a": {"type": "boolean"}}}, "object<a: boolean, b: any>"),
    ({"type": "array"}, "array[any]"),
    ({"items": {"type": "string"}}, "array[string]"),
    ({"items": [{"type": "string"}, {"type": "number"}]}, "array<string, number>"),
    ({"anyOf": [{"type": "string"}, {"type": "number"}]}, "any<number, string>"),
    (
        {"allOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]},
        "object<a: any, b: any>",
    ),
    (
        {"$ref": "#/definitions/node", "definitions": {"node": NODE}},
        "object<id: number, next: array[any]>",
    ),
]


@pytest.mark.parametrize(("schema", "text"), TYPES)
def test_types(schema: Any, text: str) -> None:
    """A schema's type has what keywords on structure say, and no more."""

    assert sprint(schema_type(schema)) == text


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"$ref": "http://x/y"}, "another document"),
        ({"$ref": "#/nope"}, "nothing is at"),
        ({"allOf": [{"type": "string"}, {"type": "number"}]}, "type mismatch"),
        ("x", "not an object"),
    ],
)
def test_refused(schema: Any, message: str) -> None:
    """What cannot be read is an error, not `any`."""
    with pytest.raises(SchemaError, match=message):
        schema_type(schema)


MODULE = """package t
p if input.a.x
# METADATA
# schemas:
#   - input.k: {"type": "object", "properties": {"l": {"type": "string"}}}
#   - data.m: schema.m
q if input.k.zz
r if input.k.zz
# METADATA
# schemas:
#   - input: schema.nope
s := data.m
"""


def test_checks() -> None:
    """The global schema types input; a block types documents for its rule."""
    module = parser.parse_module("t.rego", MODULE, process_annotations=True)
    options = CompileOptions(
        schemas={
            "schema": {"properties": {"a": {"type": "string"}}},
            "schema.m": {"type": "number"},
        },
        schema_annotations=True,
    )
    with pytest.raises(errors.RegoErrors) as found:
        compiler.compile_modules({"t.rego": module}, options=options)

    assert golden.error_text(found.value).splitlines() == [
        "2:6 rego_type_error: undefined ref: input.a.x",
        "\tinput.a.x",
        "\t^^^^^^^",
        "\thave: string",
        "7:6 rego_type_error: undefined ref: input.k.zz",
        "\tinput.k.zz",
        "\t        ^",
        '\t        have: "zz"',
        '\t        want (one of): ["l"]',
        "8:6 rego_type_error: undefined ref: input.k.zz",
        "\tinput.k.zz",
        "\t      ^",
        '\t      have: "k"',
        '\t      want (one of): ["a"]',
        "12:1 rego_type_error: undefined schema: schema.nope",
    ]
