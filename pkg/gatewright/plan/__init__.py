"""Syntax tree in, plan out: the only place that sees both.

In order of flow:

- `planner`: entry points and queries; reserves functions, plans them on demand.
- `rules`: all definitions at one place as one function.
- `dependencies`: places of rules, innermost first.
- `loud`: which expressions may end in an error, so that order and extent show.
- `comprehensions`: which ones OPA evaluates once for all values of outer variables.
- `index`: what OPA's rule index asks before it enters a body.
- `levels`: which of these questions its tree leads to.
- `guards`: those questions, before what is loud.
- `exclusive`: definitions that cannot hold at once.
- `purity`: what a term depends on, through the functions it calls.
- `joins`: loops over base documents that an index makes short.
- `lookups`: loops in loops that a table makes short.
- `hoisting`: calls with operands of the input alone, made once.
- `withdrawal`: which of these indexes may not be asked after all.
- `bodies`: expression after expression; `not`, `every`, existence.
- `calls`: operators, builtins, user functions, and their replacements.
- `unify`: `=` as look-ups, tests and bindings.
- `literals`: collections written with variables as keys or members.
- `refs`: steps from a document to a value, and the loops they open.
- `documents`: `data`, where base documents and rules are one tree.
- `overrides`: `with`.
- `terms`: values, collections, comprehensions.
- `frame`: the state of planning one function; operands, variables, failure.
- `builder`: tables and functions as they grow.
- `constants`: ground terms as text.
- `passes`: plan to better plan.

Which variables are bound is known at every point of a body, so a plan needs no
unification and no backtracking: a body is a nest of loops, written in a line, and
every failure is a jump to the innermost loop's next round.
"""
