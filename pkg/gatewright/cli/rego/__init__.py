"""Rego from the command line, as `opa` has it.

One file per command; all of them read flags as `opa` does and print what it
prints, so that a script moves over by writing `gatewright rego` for `opa`.

    group.py        the group `gatewright rego`, and which file holds which command
    command.py      flags as opa reads them: words of errors, `--flag=false`, OPA_*
    options.py      flags that several commands have
    sources.py      files, bundles and patterns that several commands read
    failures.py     errors as text and as JSON
    boxes.py        tables
    questions.py    a query with policies, data and input: what eval and bench share
    observing.py    a query evaluated step by step
    eval.py         gatewright rego eval
    answers.py      its formats
    check.py        gatewright rego check
    test.py         gatewright rego test
    reports.py      its formats
    pointers.py     where a test failed, and what its variables held
    changes.py      waiting until files change
    bench.py        gatewright rego bench
    rounds.py       its runs and formats
    parse.py        gatewright rego parse
    trees.py        a syntax tree as indented text
    capabilities.py  gatewright rego capabilities
"""
