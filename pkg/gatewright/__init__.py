"""Policy enforcement for Kubernetes admission, behaving as OPA Gatekeeper does.

Packages, in the order in which text becomes a verdict:

telemetry    log events and metrics, names in one table
k8s          Kubernetes as data: kinds, metadata, selectors, reviews
builtins     declarations of the builtins of Rego
rego         text to checked syntax tree
ir           the plan language as inert data
plan         syntax tree to plan
_native      the doors to the compiled evaluator
engine       compile, then evaluate
kube         the Kubernetes API: list, watch, write, lease
match        does this object fall under this match block
constraints  templates and constraints: review in, responses out
mutation     mutators: object in, patch out
crds         the resources of Gatekeeper's API groups, as the API server is told of them
audit        what is in the cluster, held against the policies in force
certs        the webhook's certificate: made, kept, told, renewed
gator        policies tried out on files: verify, test, bench
webhook      the HTTPS edge
controllers  what follows the cluster, and what is written back to it
app          wiring: supervisor, policy process, workers
cli          the command `gatewright`; __main__ runs it for `python -m gatewright`
policies     data: the policies that the project ships
"""

from __future__ import annotations

__version__ = "0.1.0"
