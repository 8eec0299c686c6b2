"""Reading terms: scalars, refs, calls, collections, comprehensions, operators.

The order of attempts is part of the language: `{a | b}` is a comprehension since
a collection's first element is read as a single term before an operator is
considered.  A reading that fails returns None and leaves its errors behind; the
caller may go back (which drops them) and try another one.
"""

from __future__ import annotations

from typing import Final

from gatewright.rego import ast, order, printer, tokens
from gatewright.rego.parser_cursor import MAX_DEPTH
from gatewright.rego.parser_scalars import ScalarParser
from gatewright.rego.source import extent

__all__ = ["TermParser", "member_operator", "object_of", "set_of"]

_REF_OPENERS: Final = (tokens.DOT, tokens.LBRACK, tokens.LPAREN)
_INDEXABLE: Final = (
    ast.Var,
    ast.Array,
    ast.Object,
    ast.Set,
    ast.ArrayComprehension,
    ast.ObjectComprehension,
    ast.SetComprehension,
    ast.Call,
)
_ROOTS: Final = frozenset({"data", "input"})


def set_of(items: list[ast.Term], loc: ast.Location) -> ast.Set:
    """Return a set: in term order, one of each; the first spelling stays."""
    if len(items) > 1:
        items = order.sorted_terms(items)
        kept = items[:1]
        for item in items[1:]:
            if order.compare(kept[-1], item):
                kept.append(item)
        items = kept
    return ast.Set(items, loc)


def object_of(pairs: list[tuple[ast.Term, ast.Term]], loc: ast.Location) -> ast.Object:
    """Return an object in key order; equal keys stay, and the last one counts."""
    return ast.Object(order.sorted_pairs(pairs), loc)


def member_operator(arity: int, loc: ast.Location) -> ast.Ref:
    """Return the operator that `in` stands for: `internal.member_2` or `_3`."""
    name = f"member_{arity}"
    return ast.Ref([ast.Var("internal", loc), ast.String(name, loc)], loc)


class TermParser(ScalarParser):
    """The part of the parser that reads terms."""

    __slots__ = ()

    # Operators ---------------------------------------------------------------

    def infix(self, *, pairs: bool = True) -> ast.Term | None:
        """Read a term with its operators, `in` included.

        `pairs` allows `k, v in xs`, which is impossible inside a list.
        """
        start = self.starts[self.i]
        lhs = self.relation(1, start)
        if lhs is None:
            return None
        if pairs and self.tok == tokens.COMMA:
            call = self._keyed_membership(lhs, start)
            if call is not None:
                if self.tok != tokens.IN:
                    return call
                lhs = call
        chain = self.depth
        while not self.opens_ref() and self.tok == tokens.IN:
            call = self._membership([lhs], start)
            if call is None:
                break
            lhs = call
            chain += 1
            if chain > MAX_DEPTH:
                self.too_deep()
                return None
        return lhs

    def _keyed_membership(self, key: ast.Term, start: int) -> ast.Call | None:
        state = self.save()
        self.scan()
        value = self.relation(1, start)
        if value is not None and self.tok == tokens.IN:
            call = self._membership([key, value], start)
            if call is not None:
                return call
        self.restore(state)
        return None

    def _membership(self, args: list[ast.Term], start: int) -> ast.Call | None:
        operator = member_operator(len(args) + 1, self.loc())
        self.scan()
        domain = self.relation(1, self.starts[self.i])
        if domain is None:
            return None
        loc = extent(args[0].loc, start=start, end=self.last_end())
        return ast.Call(operator, [*args, domain], loc)

    def relation(self, level: int, start: int) -> ast.Term | None:
        """Read a term with operators that bind at least as tight as `level`.

        `start` is where the text of the resulting calls starts.  An operator
        without a right side leaves an error behind and gives back what stands
        left of it, as OPA does.
        """
        lhs = self.term()
        if lhs is None:
            return None
        binding = tokens.BINDING
        binds = binding[self.tok]
        if not binds:
            return lhs
        limit = 5
        chain = self.depth
        while level <= binds <= limit:
            loc = self.loc()
            name = tokens.NAMES[self.tok]
            self.scan()
            if binds == 5:
                rhs = self.term()
            else:
                rhs = self.relation(binds + 1, self.starts[self.i])
            if rhs is None:
                limit = binds - 1
            else:
                chain += 1
                if chain > MAX_DEPTH:
                    self.too_deep()
                    return None
                lhs = ast.Call(
                    ast.Ref([ast.Var(name, loc)], loc),
                    [lhs, rhs],
                    extent(lhs.loc, start=start, end=self.last_end()),
                )
                limit = binds
            binds = binding[self.tok]
        return lhs

    # Terms -------------------------------------------------------------------

    def term(self) -> ast.Term | None:
        """Read one term without operators (a ref or call counts as one)."""
        if self.memo and self.memo[-1][0] >= self.i:
            for at, known, state in reversed(self.memo):
                if at == self.i:
                    self.restore(state)
                    return known
                if at < self.i:
                    break
        if self.depth >= MAX_DEPTH:
            self.too_deep()
            return None
        at = self.i
        self.depth += 1
        term = self._term()
        self.depth -= 1
        # What was remembered inside a finished term is of no use any more, and
        # would be wrong if a keyword in it is read as a name next time.
        memo = self.memo
        while memo and memo[-1][0] >= at:
            memo.pop()
        if term is None:
            # A second try at the same place reports nothing new.
            memo.append((at, None, self.save()))
        return term

    def head_term(self) -> ast.Term | None:
        """Read a collection's first term; remember it for a second reading."""
        at = self.i
        term = self.term()
        if term is not None:
            self.memo.append((at, term, self.save()))
        return term

    def _term(self) -> ast.Term | None:
        tok = self.tok
        term: ast.Term | None
        if tok == tokens.IDENT or tok == tokens.CONTAINS:
            term = self.var()
        elif tok == tokens.STRING:
            term = self.string()
        elif tok == tokens.NUMBER or tok == tokens.DOT:
            term = self.number()
        elif tok == tokens.LBRACE:
            term = self._braces()
        elif tok == tokens.LBRACK:
            term = self._array()
        elif tok == tokens.LPAREN:
            term = self._parens()
        elif tok == tokens.RAW_STRING:
            term = ast.String(self.texts[self.i][1:-1], self.loc())
        elif tok == tokens.TRUE or tok == tokens.FALSE:
            term = ast.Boolean(tok == tokens.TRUE, self.loc())
        elif tok == tokens.NULL:
            term = ast.Null(self.loc())
        elif tok == tokens.SUB:
            return self._minus()
        elif tokens.TEMPLATE_PART <= tok <= tokens.RAW_TEMPLATE_END:
            term = self.template()
        elif tok >= tokens.LOGICAL_AND and self.touching() == tokens.LPAREN:
            # `and(x, y)` and `or(x, y)` are calls of the set operators.
            term = self.var()
        else:
            self.unexpected()
            return None
        return None if term is None else self.finish(term)

    def var(self) -> ast.Var:
        """Take the current word as a variable; `_` gets a name of its own."""
        name = self.texts[self.i]
        if name == "_":
            name = self.wildcard()
        return ast.Var(name, self.loc())

    def wildcard(self) -> str:
        """Return the next name of a wildcard: `$0`, `$1`, ..."""
        name = f"${self.wildcards}"
        self.wildcards += 1
        return name

    def finish(self, head: ast.Term) -> ast.Term | None:
        """Step over a term's last token and read what makes it a ref or call."""
        offset = self.starts[self.i]
        touching = self.touching()
        self.scan()
        if touching in _REF_OPENERS:
            return self.ref(head, offset)
        if isinstance(head, ast.Var) and head.name in _ROOTS:
            return ast.Ref([head], head.loc)
        return head

    def ref(
        self, head: ast.Term, offset: int, *, apart: bool = False
    ) -> ast.Term | None:
        """Read the parts of a ref, from its first `.`, `[` or `(` on.

        `offset` is where the text of the ref starts.  `apart`: a blank may stand
        before the first part (in rule heads).
        """
        chain = self.depth
        while True:
            loc = head.loc
            if not isinstance(head, _INDEXABLE):
                kind = printer.value_name(head)
                self.error(loc, f"illegal ref (head cannot be {kind})")
            parts = self._parts(head, apart=apart)
            if parts is None:
                return None
            opens = self.tok == tokens.LPAREN and (
                self._touches() or (apart and len(parts) == 1)
            )
            apart = False
            if not opens:
                return ast.Ref(parts, extent(loc, start=offset, end=self.last_end()))
            end = self.starts[self.i]
            operator = ast.Ref(parts, extent(loc, start=offset, end=end))
            call = self._call(operator, offset)
            if call is None:
                return None
            if self.tok not in (tokens.DOT, tokens.LBRACK) or not self._touches():
                return call
            chain += 1
            if chain > MAX_DEPTH:
                self.too_deep()
                return None
            head = call

    def _touches(self) -> bool:
        """Tell whether the current token touches the one before it."""
        return self.starts[self.i] == self.ends[self.i - 1]

    def _parts(self, head: ast.Term, *, apart: bool) -> list[ast.Term] | None:
        parts = [head]
        while self._touches() or (apart and len(parts) == 1):
            if self.tok == tokens.DOT:
                if self.touching() == -1:
                    self.unexpected_blank("expected identifier")
                    return None
                self.scan()
                if not self.take_name():
                    self.unexpected("expected identifier")
                    return None
                parts.append(ast.String(self.texts[self.i], self.loc()))
                self.scan()
            elif self.tok == tokens.LBRACK:
                self.scan()
                index = self.infix()
                if index is None:
                    return None
                if self.tok != tokens.RBRACK:
                    self.unexpected("expected [")
                    return None
                parts.append(index)
                self.scan()
            else:
                break
        return parts

    def _call(self, operator: ast.Ref, offset: int) -> ast.Term | None:
        self.scan()
        args: list[ast.Term] | None = []
        if self.tok != tokens.RPAREN:
            args = self._list(tokens.RPAREN, [])
            if args is None:
                return None
        loc = extent(operator.loc, start=offset, end=self.ends[self.i])
        self.scan()
        if not args and operator.terms == [ast.Var("set")]:
            return ast.Set([], loc)
        return ast.Call(operator, args or [], loc)

    # Scalars -----------------------------------------------------------------

    def _minus(self) -> ast.Term | None:
        loc = self.loc()
        following = self.peek()
        if following not in (tokens.IDENT, tokens.CONTAINS):
            number = self.number()
            return None if number is None else self.finish(number)
        self.scan()
        term = self.finish(self.var())
        if term is None:
            return None
        return ast.Call(
            ast.Ref([ast.Var("minus")]),
            [ast.Number("0", loc), term],
            extent(loc, start=loc.offset, end=self.last_end()),
        )

    def _parens(self) -> ast.Term | None:
        start = self.starts[self.i]
        self.scan()
        term = self.infix()
        if term is None:
            return None
        if self.tok != tokens.RPAREN:
            self.error(self.loc(), "non-terminated expression")
            return None
        term.loc.offset = start
        term.loc.end = self.ends[self.i]
        return term

    # Collections -------------------------------------------------------------

    def _list(self, end: int, items: list[ast.Term]) -> list[ast.Term] | None:
        """Read terms up to the closing token; one trailing comma is fine."""
        if self.tok == end:
            return items
        while True:
            term = self.infix(pairs=False)
            if term is None:
                return None
            items.append(term)
            if self.tok == end:
                return items
            if self.tok != tokens.COMMA:
                self.unexpected(f'expected "," or "{tokens.NAMES[end]}"')
                return None
            self.scan()
            if self.tok == end:
                return items

    def _array(self) -> ast.Term | None:
        loc = self.loc()
        term = self._array_value()
        if term is not None:
            term.loc = extent(loc, start=loc.offset, end=self.ends[self.i])
        return term

    def _array_value(self) -> ast.Term | None:
        self.scan()
        if self.tok == tokens.RBRACK:
            return ast.Array([])
        comprehension = True
        if self.tok == tokens.COMMA:  # a leading comma is accepted
            comprehension = False
            self.scan()
        state = self.save()
        head = self.head_term()
        if head is None:
            return None
        if self.tok == tokens.RBRACK:
            return ast.Array([head])
        items: list[ast.Term] | None
        if self.tok == tokens.COMMA:
            self.scan()
            items = self._list(tokens.RBRACK, [head])
            return None if items is None else ast.Array(items)
        if self.tok == tokens.OR and comprehension:
            self.scan()
            body = self.body(tokens.RBRACK)
            if body is not None:
                return ast.ArrayComprehension(head, body)
            if self.tok != tokens.COMMA:
                return None
        self.restore(state)
        items = self._list(tokens.RBRACK, [])
        return None if items is None else ast.Array(items)

    def _braces(self) -> ast.Term | None:
        loc = self.loc()
        term = self._braces_value()
        if term is not None:
            term.loc = extent(loc, start=loc.offset, end=self.ends[self.i])
        return term

    def _braces_value(self) -> ast.Term | None:
        self.scan()
        if self.tok == tokens.RBRACE:
            return ast.Object([])
        comprehension = True
        if self.tok == tokens.COMMA:
            comprehension = False
            self.scan()
        state = self.save()
        head = self.head_term()
        if head is None:
            return None
        if self.tok in (tokens.RBRACE, tokens.COMMA):
            return self._set(head)
        if self.tok == tokens.OR and comprehension:
            self.scan()
            body = self.body(tokens.RBRACE)
            if body is not None:
                return ast.SetComprehension(head, body)
            if self.tok != tokens.COMMA:
                return None
            self.restore(state)
            items = self._list(tokens.RBRACE, [])
            return None if items is None else set_of(items, head.loc)
        if self.tok == tokens.COLON:
            return self._object(head, comprehension=comprehension)
        self.restore(state)
        head = self.infix(pairs=False)
        if head is None:
            return None
        if self.tok in (tokens.RBRACE, tokens.COMMA):
            return self._set(head)
        if self.tok == tokens.COLON:
            return self._object(head, comprehension=comprehension)
        self.unexpected("non-terminated set")
        return None

    def _set(self, head: ast.Term) -> ast.Term | None:
        items: list[ast.Term] | None = [head]
        if self.tok == tokens.COMMA:
            self.scan()
            items = self._list(tokens.RBRACE, [head])
            if items is None:
                return None
        return set_of(items or [], head.loc)

    def _object(self, key: ast.Term, *, comprehension: bool) -> ast.Term | None:
        self.scan()
        state = self.save()
        value = self.head_term()
        if value is None:
            return None
        if comprehension:
            if self.tok in (tokens.RBRACE, tokens.COMMA):
                whole = self._object_rest(key, value)
                if whole is None and self.older:
                    self.restore(state)
                    self.unexpected("non-terminated object")
                return whole
            if self.tok == tokens.OR:
                self.scan()
                body = self.body(tokens.RBRACE)
                if body is not None:
                    return ast.ObjectComprehension(key, value, body)
        self.restore(state)
        value = self.infix(pairs=False)
        if value is None:
            return None
        if self.tok in (tokens.RBRACE, tokens.COMMA):
            return self._object_rest(key, value)
        self.unexpected("non-terminated object")
        return None

    def _object_rest(self, key: ast.Term, value: ast.Term) -> ast.Term | None:
        pairs = [(key, value)]
        while self.tok == tokens.COMMA:
            self.scan()
            if self.tok == tokens.RBRACE:
                break
            name = self.infix(pairs=False)
            if name is None:
                return None
            if self.tok != tokens.COLON:
                self.unexpected('expected ":"')
                return None
            self.scan()
            item = self.infix(pairs=False)
            if item is None:
                return None
            pairs.append((name, item))
            if self.tok not in (tokens.COMMA, tokens.RBRACE):
                self.unexpected('expected "," or "}"')
                return None
        return object_of(pairs, key.loc)

    # Read elsewhere ----------------------------------------------------------

    def body(self, end: int) -> ast.Body | None:
        """Read expressions up to the closing token (see `parser_bodies`)."""
        raise NotImplementedError
