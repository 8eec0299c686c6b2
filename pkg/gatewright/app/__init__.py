"""The composition root: supervisor, policy process, workers.

`gatewright serve` is a small family of processes on one machine:

- the *supervisor* binds the sockets, forks the others, replaces the dead and
  ends them; it holds no policy and answers no request;
- one *policy process* reads the source of policies, compiles it and publishes
  it as a *generation*: one immutable image in sealed shared memory;
- *workers* map the generation and answer admission requests;
- the *auditor* maps it, too, and holds what is in the cluster against it, where
  `--operation=audit` asks for it;
- the *status process* answers `/metrics`, `/healthz` and `/readyz` from the
  board of counters that all share, so that neither rendering metrics nor a
  probe ever waits behind a decision.

In order of flow:

    settings.py        what can be set, with its defaults and limits
    sockets.py         binding, and the errors of that in plain words
    certificates.py    a certificate made on the spot
    serve.py           all of it put together: `gatewright serve`
    processes.py       forking a child that dies with its parent
    supervisor.py      who runs, who is replaced and when all ends
    watchdog.py        which workers are stuck or have grown too large
    folder.py          one consistent reading of a folder of policy files
    ledger.py          which objects successive readings put in force
    installation.py    from objects to policies, by what changed
    source.py          what is asked of a folder or a cluster
    folder_source.py   the folder as a source
    cluster_source.py  the cluster as a source
    feed.py            the inventory on its way to the workers
    patience.py        how long one thing may take to compile
    policy_process.py  reads, compiles, publishes generations
    channel.py         messages and memory between policy process and workers
    generation.py      one generation as a worker holds it
    lookups.py         namespaces that a generation does not have
    later.py           decisions that begin on a thread
    subscription.py    generations as they come from the policy process
    denials.py         what the log says of a violation
    sampling.py        which reviews are timed, constraint by constraint
    decider.py         decides requests under the generation in force
    credentials.py     the certificate that a worker serves, read again when it changes
    worker.py          maps generations, answers admission requests
    auditor.py         holds what is in the cluster against the generation in force
    status_server.py   metrics and probes
    demo.py            the shipped policies and their samples as requests
"""
