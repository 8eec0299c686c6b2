"""Audit: what is in the cluster already, held against the policies in force.

A round reads the kinds that some constraint can match, page by page, judges each
object and lets it go; what it found is written to the constraints' status, the log
and, if wished, events.  What could not be read or judged is named there: a constraint
of which something was not read is reported as incomplete, never as clean.

Files, in order of flow:

- `options`   what can be set
- `gaps`      which objects were written while nobody may have judged them
- `scope`     which kinds are listed, and which of those wanted can't be
- `examiner`  one object's bytes to its violations
- `tally`     violations per constraint: all counted, the first ones kept
- `report`    status, log lines and events, field by field as Gatekeeper's
- `origin`    objects from the API server's lists, or from the inventory
- `round`     one round; with `origin` all that talks to the API server
"""
