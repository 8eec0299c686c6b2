"""The compile stages: each rewrites the trees, or checks them.

`compiler` lists the stages with OPA's names in OPA's order; a file here holds one
stage or a small family.  In order of flow:

resolve         names to full refs, on copies; unused imports
heads           what heads hold: variables and constants
imports         duplicate imports, names of root documents
trees           packages and rules by path
locals          declarations go, declared variables get new names
scopes          the scopes that `locals` keeps
unused          variables declared or assigned in vain
templates       template strings to calls
prints          void calls; print calls to sets of values, or erased
expressions     nested calls to expressions of their own
metadata        metadata blocks; calls that ask for them to constants
recursion       the graph of rules, and cycles in it
origins         where values come from, for messages on recursion
comprehensions  heads of comprehensions
withs           targets and values of `with`
conflicts       definitions that contradict each other
functions       undefined, unsafe and deprecated functions, arity
safety          the order of bodies, unbound variables
dynamics        refs and closures out of operands
typing          the type checker over rules and queries
query           the same stages for a query

What they share: `state` (modules under rewriting, errors, fresh names), `walk`
(children of nodes), `variables` (which variables occur, which get bound), `rename`
(generated names back to written ones).
"""
