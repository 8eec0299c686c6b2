"""The resources of Gatekeeper's API groups, as the API server is told of them.  Pure.

The one source of truth: `tools/generate_chart_crds.py` writes the chart's templates
from it.  Kinds made from ConstraintTemplates are in `constraints.crd`.

Files, in order of flow:

- `schema`      a vocabulary for OpenAPI schemas
- `statuses`    what each pod reports of an object, and `status.byPod` made of it
- `policies`    ConstraintTemplate, Config, SyncSet, ExpansionTemplate, Provider, Connection
- `mutators`    Assign, AssignMetadata, AssignImage, ModifySet
- `definitions` all of them as CustomResourceDefinitions
"""
