"""What the cluster holds, as policies need it, and what is written back to it.

Level-based: each part compares what is wanted with what is there and writes the
difference; an event only says where to look.  Decisions are pure functions of both
(`definitions`, `podstatus`, `aggregation`, `readiness`); watches and writes lie in
one event loop (`link`) that a thread of the policy process runs, so that neither a
long compilation nor a slow API server holds up the other.

In order of flow:

    operations.py   which duties this pod has (`--operation`)
    kinds.py        the kinds that are followed, and what each is for
    feed.py         changes on their way from the watches to the policy thread
    follower.py     the watches: fixed kinds, constraint kinds, synced kinds
    holdings.py     what the cluster holds, kind by kind, as the policy thread sees it
    readiness.py    what is waited for before the first decision
    condition.py    readiness as a condition of our own Pod
    definitions.py  the CRD that a template stands for, and what to do about it
    podstatus.py    the object in which a pod tells how a policy object fares with it
    reports.py      what this pod has to tell, after each change
    aggregation.py  what all pods tell, as the parent's `status.byPod`
    workqueue.py    keys to be looked at, each by one at a time, with back-off
    statuses.py     writes pod statuses, and the parents' status
    keeping.py      what a pod keeps of the webhook configuration
    reach.py        sets of kinds, in the API server's words
    webhooks.py     keeps the webhook configuration to what policies need
    events.py       the Events that a denial becomes
    requests.py     what workers ask for: unknown namespaces, Events
    link.py         all of the above that waits for the API server, in one loop
"""
