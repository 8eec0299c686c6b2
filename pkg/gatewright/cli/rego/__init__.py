"""Rego from the command line, as `opa` has it.

One file per command; all of them read flags as `opa` does and print what it
prints, so that a script moves over by writing `gatewright rego` for `opa`.

    group.py        the group `gatewright rego`, and which file holds which command
    command.py      flags as opa reads them: words of errors, `--flag=false`, OPA_*
    sources.py      files, bundles and patterns that several commands read
    reports.py      test results as text and JSON
    test.py         gatewright rego test
"""
