from typing import Any, TypeAlias, final

from gatewright._native.document import Doc
from gatewright._native.evaluation import Evaluation
from gatewright._native.roster import Roster

_Facts: TypeAlias = tuple[
    str,
    str,
    str,
    str,
    str,
    str,
    str,
    str,
    str,
    str,
    bool,
    Doc | None,
    Doc | None,
]

@final
class Route:
    lineup: Any
    def __new__(cls, lineup: Any, roster: Roster, namespace: Doc | None) -> Route: ...

@final
class Arrival:
    route: Route | None
    def facts(self) -> _Facts: ...
    @property
    def dry_run(self) -> bool: ...
    def learn(self, routes: dict[bytes, Route], route: Route) -> None: ...
    def shown(self, namespace: Doc | None, *, homeless: bool = False) -> Doc: ...
    def set_out(
        self,
        roster: Roster,
        namespace: Doc | None,
        *,
        steps: int,
        homeless: bool = False,
    ) -> None: ...

def receive(
    evaluation: Evaluation,
    body: Any,
    *,
    exact: bool = False,
    routes: dict[bytes, Route] | None = None,
    but: bytes | None = None,
    steps: int = 0,
) -> Arrival | None: ...
