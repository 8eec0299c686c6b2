"""The command line.

One file per command; a command's file is imported when it is called, so that
`--help` and `--version` stay quick.

    main.py       the group `gatewright`, and which file holds which command
    problems.py   errors that end a command: words, remedy, exit status
    serve.py      gatewright serve
    cluster.py    gatewright manager
    serving_options.py   what these two share
    option_groups.py     several options as one decorator
    gatekeeper_flags.py  Gatekeeper's flags that change nothing
    demo.py       its table of sample requests
    completion.py  gatewright completion
    rego/         gatewright rego: the commands of opa
    verify.py     gatewright verify
    test.py       gatewright test
    bench.py      gatewright bench
    gator_options.py  what these three share
    optimisations.py  what may be left out of plans: `--no-opt`
    compile_cache.py  where they and the server keep compiled policies
"""
