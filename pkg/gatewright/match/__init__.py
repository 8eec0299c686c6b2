"""Does this object fall under this match block?  Pure.

In come the `spec.match` of a constraint or mutator and the facts of an object;
out goes yes, no, or `MatchError` (which is neither).  All that can be decided
when a policy is loaded is decided then: kinds become sets, globs and selectors
are taken apart once.

Files, in order of flow:

- `subject`  what matching needs to know of an object and of its namespace
- `glob`     names with a star at either end
- `block`    the match block: decode, compile, match
"""
