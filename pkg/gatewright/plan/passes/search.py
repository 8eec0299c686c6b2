"""Many tests of one value against texts become a search.

    EQK r0 "a" -> L1               CMPKJ lt r0 "c" -> S1
    ...                            EQK r0 "a" -> S2
  L1:                         =>   ...
    EQK r0 "b" -> L2             L1:
    ...                            (as before)

Definitions that begin by comparing an operand, or a place in the input, with a text
are tried one after the other: a thousand rules take two thousand instructions to say
that none holds.  The search, a binary one over the texts, finds the first that does
in ten comparisons, and where its body fails goes on to the next with the same text,
past all others.  Two rules or three are quicker tried in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from gatewright.ir.opcodes import BY_NAME, RELATIONS
from gatewright.ir.program import (
    JUMPS,
    LABEL_PLACES,
    NO_LOCATION,
    Function,
    Instr,
    instruction,
    labels_of,
    uses_and_sets,
)
from gatewright.rego import ast

__all__ = ["add_search"]

_LEAST: Final = 4
_EQK: Final = BY_NAME["EQK"]
_CMPKJ: Final = BY_NAME["CMPKJ"]
_INPUTK: Final = BY_NAME["INPUTK"]
_JUMP: Final = BY_NAME["JUMP"]
#: What a block begins with.
_HEADS: Final = frozenset((_EQK, _INPUTK))
_LT: Final = RELATIONS.index("lt")


@dataclass(frozen=True, slots=True)
class _Block:
    """A test and what it guards: `head` to `end`, the body behind the test.

    `value` says what is compared: a register and, for the input, a path.
    """

    head: int
    body: int
    end: int
    value: tuple[int, int]
    constant: int


def add_search(
    function: Function, terms: Sequence[ast.Term], params: Sequence[int]
) -> Function:
    """Put a search before each run of tests in a function."""
    code = function.code
    if sum(1 for instr in code if instr.op == _EQK) < _LEAST:
        return function
    runs = list(_runs(function, terms, params))
    return _rewritten(function, runs, terms) if runs else function


def _block(function: Function, head: int, terms: Sequence[ast.Term]) -> _Block | None:
    code = function.code
    at, value = head, None
    if code[at].op == _INPUTK:
        register, path, undefined = code[at].args
        at += 1
        if code[at].op != _EQK or code[at].args[0] != register:
            return None
        if code[at].args[2] != undefined:
            return None
        value = register, path
    elif code[at].op == _EQK and code[at].args[0] < function.params:
        value = code[at].args[0], -1
    if value is None:
        return None
    _, constant, end = code[at].args
    if end <= head or not isinstance(terms[constant], ast.String):
        return None
    return _Block(head, at + 1, end, value, constant)


def _runs(
    function: Function, terms: Sequence[ast.Term], params: Sequence[int]
) -> Iterator[list[_Block]]:
    code = function.code
    at = 0
    while at < len(code):
        if code[at].op not in _HEADS:
            at += 1
            continue
        run: list[_Block] = []
        head = at
        while head < len(code):
            block = _block(function, head, terms)
            if block is None or (run and block.value != run[0].value):
                break
            run.append(block)
            head = block.end
        if len({one.constant for one in run}) >= _LEAST and _is_closed(
            code, run, params
        ):
            yield run
            at = head
        else:
            at += 1


def _is_closed(
    code: Sequence[Instr], run: Sequence[_Block], params: Sequence[int]
) -> bool:
    # Bodies are entered by their tests alone, and an operand stays what it is.
    first, last = run[0].head, run[-1].end
    owner: dict[int, int] = {}
    for number, block in enumerate(run):
        owner.update(dict.fromkeys(range(block.head, block.end), number))
    heads = {block.head for block in run}
    register, path = run[0].value
    for index, instr in enumerate(code):
        inside = first <= index < last
        if inside and path < 0 and register in uses_and_sets(instr, params)[1]:
            return False
        for label in labels_of(instr):
            if (
                label not in heads
                and label in owner
                and owner[label] != owner.get(index)
            ):
                return False
    return True


def _rewritten(
    function: Function, runs: Sequence[Sequence[_Block]], terms: Sequence[ast.Term]
) -> Function:
    code = function.code
    size = len(code)
    starts = {run[0].head: run for run in runs}
    #: Where failing goes from the body of a block, if not to the next one.
    onward: dict[int, int] = {}
    ends: dict[int, _Block] = {}
    for run in runs:
        after: dict[int, int] = {}
        for block in reversed(run):
            onward[block.head] = after.get(block.constant, run[-1].end)
            after[block.constant] = block.head
            ends[block.end] = block
    # Labels of the new code: an old index for the block itself, `size + index` for
    # the way in (the search, where there is one), beyond that those of searches.
    new: list[Instr] = []
    places: list[int] = []
    position: dict[int, int] = {}
    count = 2 * size
    inside: _Block | None = None
    blocks = {block.head: block for run in runs for block in run}

    def way_in(head: int) -> int:
        # To a block by itself, unless the first: there the search is the way in.
        return head if head in blocks and head not in starts else size + head

    def label(old: int) -> int:
        if inside is not None and old == inside.end:
            return way_in(onward[inside.head])
        return size + old

    for index, instr in enumerate(code):
        ended = ends.get(index)
        if ended is not None and code[index - 1].op not in JUMPS:
            new.append(Instr(_JUMP, (way_in(onward[ended.head]),)))
            places.append(NO_LOCATION)
        if ended is not None:
            inside = None
        position[size + index] = len(new)
        if index in starts:
            count = _search(new, starts[index], code, terms, position, count, size)
            places += [function.locations[index]] * (len(new) - len(places))
        position[index] = len(new)
        if index in blocks:
            inside = blocks[index]
        if inside is not None and index < inside.body:
            # The test itself fails to whatever comes next.
            goal = way_in(inside.end)
            new.append(with_labels(instr, lambda _, goal=goal: goal))  # type: ignore[misc]
        else:
            new.append(with_labels(instr, label))
        places.append(function.locations[index])
    done = [with_labels(instr, position.__getitem__) for instr in new]
    return replace(function, code=tuple(done), locations=tuple(places))


def _search(
    new: list[Instr],
    run: Sequence[_Block],
    code: Sequence[Instr],
    terms: Sequence[ast.Term],
    position: dict[int, int],
    count: int,
    size: int,
) -> int:
    """Append the search; returns the first label not yet used."""
    register, _ = run[0].value
    none = size + run[-1].end
    if code[run[0].head].op == _INPUTK:
        new.append(Instr(_INPUTK, (*run[0].value, none)))
    first: dict[int, _Block] = {}
    for block in run:
        first.setdefault(block.constant, block)
    ordered = sorted(first.values(), key=lambda block: _bytes(terms[block.constant]))
    todo: list[tuple[int, Sequence[_Block]]] = [(-1, ordered)]
    while todo:
        at, blocks = todo.pop()
        if at >= 0:
            position[at] = len(new)
        while len(blocks) > 1:
            middle = len(blocks) // 2
            new.append(Instr(_CMPKJ, (_LT, register, blocks[middle].constant, count)))
            todo.append((count, blocks[middle:]))
            count += 1
            blocks = blocks[:middle]
        (block,) = blocks
        new.append(Instr(_EQK, (register, block.constant, none)))
        new.append(Instr(_JUMP, (block.body,)))
    return count


def with_labels(instr: Instr, label: Callable[[int], int]) -> Instr:
    """The instruction with each label replaced."""
    places = LABEL_PLACES[instr.op]
    if not places:
        return instr
    args = list(instr.args)
    for place in places:
        args[place] = label(args[place])
    return instruction((instr.op, tuple(args)))


def _bytes(term: ast.Term) -> bytes:
    assert isinstance(term, ast.String)
    return term.value.encode("utf-8", "surrogateescape")
