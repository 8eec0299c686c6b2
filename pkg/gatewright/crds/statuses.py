"""What each pod reports of an object; `status.byPod` lists these reports.

A report is the `status` of a *PodStatus object of its own and, copied by the `status`
operation, an element of `status.byPod` of the object itself.
"""

from __future__ import annotations

from typing import Any, Final

from gatewright.crds.schema import (
    ANY,
    BOOLEAN,
    GENERATION,
    STRING,
    STRINGS,
    TIME,
    Schema,
    array,
    obj,
)

__all__ = [
    "CONFIG",
    "CONNECTION",
    "CONSTRAINT",
    "EXPANSION",
    "MUTATOR",
    "PROVIDER",
    "PROVIDER_BY_POD",
    "TEMPLATE",
    "TEMPLATE_BY_POD",
    "by_pod",
]

_CODED: Final = array(
    obj(
        {"code": STRING, "location": STRING, "message": STRING},
        required=("code", "message"),
    )
)
_TYPED: Final = array(obj({"message": STRING, "type": STRING}, required=("message",)))
_PROVIDER_ERROR: Final = {
    "errorTimestamp": TIME,
    "message": STRING,
    "retryable": BOOLEAN,
    "type": STRING,
}


def _report(uid: str, **fields: Any) -> Schema:
    common = {"id": STRING, "observedGeneration": GENERATION, "operations": STRINGS}
    return obj({**common, uid: STRING, **fields})


def by_pod(report: Schema, **fields: Any) -> Schema:
    """The status of an object of which pods report."""
    return obj({"byPod": array(report), **fields})


TEMPLATE: Final = _report(
    "templateUID",
    errors=_CODED,
    vapGenerationStatus=obj(
        {"observedGeneration": GENERATION, "state": STRING, "warning": STRING}
    ),
)
#: Fields that later versions report are kept.
TEMPLATE_BY_POD: Final = obj(
    {"errors": _CODED, "id": STRING, "observedGeneration": GENERATION}, **ANY
)
CONSTRAINT: Final = _report(
    "constraintUID",
    enforced=BOOLEAN,
    enforcementPointsStatus=array(
        obj(
            {
                "enforcementPoint": STRING,
                "message": STRING,
                "observedGeneration": GENERATION,
                "state": STRING,
            },
            required=("enforcementPoint", "state"),
        )
    ),
    errors=_CODED,
)
MUTATOR: Final = _report("mutatorUID", enforced=BOOLEAN, errors=_TYPED)
CONFIG: Final = _report("configUID", errors=_TYPED)
EXPANSION: Final = _report("templateUID", errors=_TYPED)
CONNECTION: Final = _report(
    "connectionUID",
    active=BOOLEAN,
    errors=array(
        obj({"message": STRING, "type": STRING}, required=("message", "type"))
    ),
)


def _provider(*required: str) -> Schema:
    return _report(
        "providerUID",
        active=BOOLEAN,
        errors=array(obj(_PROVIDER_ERROR, required=required)),
        lastCacheUpdateTime=TIME,
        lastTransitionTime=TIME,
    )


PROVIDER: Final = _provider("errorTimestamp", "message", "retryable", "type")
#: Looser than what pods write.
PROVIDER_BY_POD: Final = _provider("message")
