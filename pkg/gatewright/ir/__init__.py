"""The plan language: policies as inert, printable, verifiable data.

In order of flow:

- `opcodes`: the one table of instructions.
- `program`: what a plan is made of (constants, functions, entry points).
- `verify`: whether a program keeps the rules that the evaluator relies on.
- `printer`: a program as text, for people and golden tests.
- `parse`: that text as a program.
- `encode`: a program as the words that the native evaluator's image is made of.

Nothing here knows the syntax tree; `gatewright.plan` makes programs from it.
"""
