"""Log events and metrics.  Imports nothing of ours.

In order of flow:

    log.py       one JSON line per event, with Gatekeeper's keys in its order
    metrics.py   the table of metrics: names, labels, buckets
    board.py     the counters of all processes, in memory that they share
    costs.py     what each constraint costs, there too
    exposition.py  the board as Prometheus text
"""
