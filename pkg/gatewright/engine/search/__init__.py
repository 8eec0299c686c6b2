"""A query evaluated as a search that tells every step: the evaluator of traces.

Plans decide before they run what a search finds out while it runs, so what a plan
does cannot be told as the steps of one.  Coverage, profiles, explanations and the
stack of an error are defined over those steps (docs/design/0004-traces.md), so they
come from here: slower, complete, and never on the way of a verdict.

In order of flow:

    terms           rules and bodies as the search reads them
    bindings        what variables hold
    demands         what the body of a definition demands
    ruleindex       which definitions a look-up need not try
    events          what a step looks like to who listens
    state           what the steps of one query share: caches, replacements, limits
    query           a query in, solutions out
    steps           expression after expression
    modifiers       `with`
    unify           making two terms equal
    documents       `data`: base documents and rules as one tree
    base            base documents, and what `with` puts in their place
    definitions     the definitions of one rule or function, tried in order
    virtual         complete rules as documents
    partial         rules that make sets and objects
    functions       calls of functions and builtins
    paths           what a ref finds in a value
    early           how a search ends before it has tried everything
    conflicts       which values conflict
    stack           where an error was
"""
