"""The Rego syntax tree, as OPA names it.

Shapes and names follow OPA's `ast` package (1.22), since error texts, the JSON
that `parse -f json` prints and the order of the compile stages are defined over
them.  A node is slotted and mutable: compile stages replace parts in place on a
tree they own (`copy_module` gives one).  Nobody subclasses a concrete node.

Every term carries `loc`; equality of nodes ignores locations.  `Number` keeps
the source text: numbers are decimal text in Rego (`1e2`, `1.0` print back as
written); numeric equality is the evaluator's business.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Final, TypeAlias

from gatewright._native.trees import construct

__all__ = [
    "Annotations",
    "Array",
    "ArrayComprehension",
    "Body",
    "Boolean",
    "Call",
    "Comment",
    "Every",
    "Expr",
    "Head",
    "Import",
    "Location",
    "Module",
    "NO_LOCATION",
    "Null",
    "Number",
    "Object",
    "ObjectComprehension",
    "Package",
    "Ref",
    "Rule",
    "Set",
    "SetComprehension",
    "SomeDecl",
    "String",
    "TemplateString",
    "Term",
    "Var",
    "With",
]


@dataclass(slots=True, eq=False)
class Source:
    """One module's text: `file` as named in errors, `text` decoded."""

    file: str
    text: str


@dataclass(slots=True, eq=False)
class Location:
    """Where a node starts: 1-based row and column (in characters).

    `offset` and `end` are character positions in `source.text`; `text` is the
    slice between them, as error details print it.
    """

    source: Source
    row: int
    col: int
    offset: int = 0
    end: int = 0

    @property
    def file(self) -> str:
        return self.source.file

    @property
    def text(self) -> str:
        return self.source.text[self.offset : self.end]


NO_LOCATION: Final = Location(Source("", ""), 0, 0)


def _loc() -> Any:
    return field(default=NO_LOCATION, compare=False, repr=False)


# Terms ----------------------------------------------------------------------


@dataclass(slots=True)
class Null:
    loc: Location = _loc()


@dataclass(slots=True)
class Boolean:
    value: bool
    loc: Location = _loc()


@dataclass(slots=True)
class Number:
    """A number literal; `text` is the spelling in the source (`-1` included)."""

    text: str
    loc: Location = _loc()


@dataclass(slots=True)
class String:
    value: str
    loc: Location = _loc()


@dataclass(slots=True)
class Var:
    """A variable.  Wildcards are `$0`, `$1`, ...; generated ones `__local3__`."""

    name: str
    loc: Location = _loc()


@dataclass(slots=True)
class Ref:
    """A path: head term (usually a `Var`), then operands; `a.b[i]` holds
    `[Var a, String b, Var i]`."""

    terms: list[Term]
    loc: Location = _loc()


@dataclass(slots=True)
class Array:
    items: list[Term]
    loc: Location = _loc()


@dataclass(slots=True)
class Set:
    """The parser gives `items` in term order (`order`), one of each."""

    items: list[Term]
    loc: Location = _loc()


@dataclass(slots=True)
class Object:
    """The parser gives `items` in key order; of equal keys the last one counts."""

    items: list[tuple[Term, Term]]
    loc: Location = _loc()


@dataclass(slots=True)
class ArrayComprehension:
    term: Term
    body: Body
    loc: Location = _loc()


@dataclass(slots=True)
class SetComprehension:
    term: Term
    body: Body
    loc: Location = _loc()


@dataclass(slots=True)
class ObjectComprehension:
    key: Term
    value: Term
    body: Body
    loc: Location = _loc()


@dataclass(slots=True)
class Call:
    """A call as a term: `operator` is a ref (`Ref([Var count])`), builtins by
    their OPA name (`plus`, `internal.member_2`)."""

    operator: Ref
    args: list[Term]
    loc: Location = _loc()


@dataclass(slots=True)
class TemplateString:
    """`$"a {x}"`: parts are literals (`String`, or a scalar that stood in braces,
    printed as it is) or an `Expr` (the hole)."""

    parts: list[String | Number | Boolean | Null | Expr]
    multi_line: bool = False
    loc: Location = _loc()


Term: TypeAlias = (
    Null
    | Boolean
    | Number
    | String
    | Var
    | Ref
    | Array
    | Set
    | Object
    | ArrayComprehension
    | SetComprehension
    | ObjectComprehension
    | Call
    | TemplateString
)

# Expressions ----------------------------------------------------------------


@dataclass(slots=True)
class With:
    target: Ref
    value: Term
    loc: Location = _loc()


@dataclass(slots=True)
class SomeDecl:
    """`some x, y` (symbols are vars) or `some k, v in xs` (one symbol: a `Call`
    of `internal.member_2` or `internal.member_3`)."""

    symbols: list[Term]
    loc: Location = _loc()


@dataclass(slots=True)
class Every:
    """`every key, value in domain { body }`; `key` is None when not written."""

    key: Term | None
    value: Term
    domain: Term
    body: Body
    loc: Location = _loc()


@dataclass(slots=True)
class Logical:
    """`left and right`, `left or right` (opt-in keywords); operands are bodies.

    `explicit_left`/`explicit_right`: the operand was written with braces, so it
    is a scope of its own and may declare variables.
    """

    op: str
    left: Body
    right: Body
    loc: Location = _loc()
    explicit_left: bool = False
    explicit_right: bool = False


@dataclass(slots=True)
class Expr:
    """One literal of a body.

    `terms` is a single term, a list `[operator Ref, operand, ...]` for a call
    (infix operators and `:=`, `=` included: `assign`, `eq`), or a declaration.
    `negated_body` holds the operand of the opt-in `not`, which negates a body
    (then `terms` is `true` and `negated` is false); `explicit_body`: that body was
    written with braces.  `from_assignment`: an `eq` that was `:=`.
    """

    terms: Term | list[Term] | SomeDecl | Every | Logical
    negated: bool = False
    with_: list[With] = field(default_factory=list)
    index: int = 0
    generated: bool = False
    negated_body: Body | None = None
    loc: Location = _loc()
    explicit_body: bool = False
    from_assignment: bool = field(default=False, compare=False, repr=False)


Body: TypeAlias = list[Expr]

# Modules --------------------------------------------------------------------


@dataclass(slots=True)
class Comment:
    """`text` is without the `#`."""

    text: str
    loc: Location = _loc()


@dataclass(slots=True)
class Annotations:
    """A `# METADATA` block.

    `data` holds the known keys that were given, in OPA's normal form: authors as
    `{name, email}`, related resources as `{ref, description}`, `path` and `schema`
    of schemas as `Ref`, values of `custom` and `labels` as JSON.  `scope` is
    filled in.  `target` is the package or rule the block stands above.
    """

    scope: str
    data: dict[str, Any]
    loc: Location = _loc()
    target: Package | Rule | None = field(default=None, compare=False, repr=False)


@dataclass(slots=True)
class Package:
    """`path` is the full ref, `data` first."""

    path: Ref
    loc: Location = _loc()


@dataclass(slots=True)
class Import:
    path: Ref
    alias: str = ""
    loc: Location = _loc()
    alias_loc: Location = _loc()


@dataclass(slots=True)
class Head:
    """A rule head.

    `reference` is the whole ref (`p`, `p.q[x]`); `args` the parameters of a
    function (None: not a function); `key` the element of a multi-value rule
    (`contains`) ; `value` the value of a single-value rule (`true` when not
    written, then `generated_value`); `assign`: written with `:=`.
    A v0 `p[x]` has `key = x` and reference `p`; a v0 `p[x] = y` is the
    single-value rule with reference `p[x]`.  `keywords` are those written in the
    head (`contains`, `if`).  `shows_name` and `shown_key`: OPA's tree repeats the
    first and second part of a two-part reference as name and key; only the JSON
    form needs it.
    """

    reference: Ref
    args: list[Term] | None = None
    key: Term | None = None
    value: Term | None = None
    assign: bool = False
    generated_value: bool = False
    loc: Location = _loc()
    keywords: tuple[str, ...] = field(default=(), compare=False, repr=False)
    shows_name: bool = field(default=False, compare=False, repr=False)
    shown_key: Term | None = field(default=None, compare=False, repr=False)

    @property
    def name(self) -> str:
        head = self.reference.terms[0]
        return head.name if isinstance(head, Var) else ""


@dataclass(slots=True)
class Rule:
    """One definition.  `generated_body`: no body was written (`true`)."""

    head: Head
    body: Body
    default: bool = False
    else_: Rule | None = None
    generated_body: bool = False
    annotations: list[Annotations] = field(default_factory=list)
    module: Module | None = field(default=None, compare=False, repr=False)
    loc: Location = _loc()


@dataclass(slots=True)
class Module:
    """`rego_version` is 0, 1 or 2 (as written or as `import rego.v1` makes it)."""

    package: Package
    imports: list[Import]
    rules: list[Rule]
    comments: list[Comment] = field(default_factory=list)
    annotations: list[Annotations] = field(default_factory=list)
    rego_version: int = 1
    source: Source | None = field(default=None, compare=False, repr=False)


# Making nodes ---------------------------------------------------------------

#: Those of which many are made: in native memory, as their dataclasses say.
_MANY: Final = (
    *(Location, Null, Boolean, Number, String, Var, Ref, Array, Set, Object, Call),
    *(ArrayComprehension, SetComprehension, ObjectComprehension, TemplateString),
    *(With, SomeDecl, Every, Expr, Comment, Head, Rule),
)

for _kind in _MANY:
    construct(
        _kind,
        [
            (one.name, one.default if one.default_factory is MISSING else list)
            for one in fields(_kind)
        ],
        MISSING,
    )
