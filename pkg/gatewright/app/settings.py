"""What can be set for `gatewright serve`, with its defaults and limits.

Times are seconds, sizes bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from gatewright.audit.options import Options
from gatewright.controllers.keeping import Keeping
from gatewright.controllers.operations import (
    AUDIT,
    MUTATION_WEBHOOK,
    WEBHOOK,
    Operations,
)
from gatewright.engine.library.context import HttpPolicy

__all__ = [
    "WAITING_BUILTINS",
    "Address",
    "ClusterSettings",
    "Keeping",
    "Limits",
    "RotationSettings",
    "Settings",
]

#: Builtins that wait for the network.  A worker would wait with them, so policies
#: that call them are refused unless they are enabled.
WAITING_BUILTINS = ("http.send", "net.lookup_ip_addr")


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen; port 0 takes a free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str, *, host: str) -> Address:
        """`HOST:PORT`, `[V6]:PORT` or `:PORT` (then `host`); raises ValueError."""
        before, colon, port = text.rpartition(":")
        if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
            raise ValueError(f"{text!r} is not HOST:PORT")
        return cls(before.strip("[]") or host, int(port))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one worker accepts before it refuses, and how long it waits.

    `body`: Gatekeeper's limit is one byte less than 7 MiB passes.  `deadline` is
    that of a request without a `timeout` parameter, `margin` what is kept back of
    one that has it, for the way back.  `steps` (about half a second of a core)
    and `memory` bound the evaluation of one constraint.  A worker whose event loop
    has stood still for `silence` is replaced, and one whose own memory is over
    `worker_memory` when it has drained.  `keep_alive` is longer than the 90 s for which
    the API server keeps an idle connection, so that it is the one who closes it.
    """

    in_flight: int = 256
    in_flight_bytes: int = 128 << 20
    body: int = 7 << 20
    headers: int = 64 << 10
    header_time: float = 5.0
    body_time: float = 5.0
    handshake_time: float = 5.0
    keep_alive: float = 120.0
    connection_age: float = 60.0
    connections: int = 4096
    deadline: float = 3.0
    margin: float = 0.2
    shutdown_delay: float = 0.0
    drain_time: float = 10.0
    steps: int = 100_000_000
    slice_steps: int = 20_000
    memory: int = 64 << 20
    silence: float = 30.0
    worker_memory: int = 2 << 30


@dataclass(frozen=True, slots=True)
class RotationSettings:
    """The certificate that is kept in the cluster: for which host names, which
    webhook configurations are told its authority, and the folder that it is served
    from."""

    hosts: tuple[str, ...]
    validating: tuple[str, ...]
    mutating: tuple[str, ...]
    served: Path


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """A cluster as source: `pod` is who we are there, `operations` what we do
    (empty: all), `fake_pod` that there is no Pod object of ours; `rotation` is None
    where somebody else looks after the certificate, `audit` where there is none,
    `keeping` where webhooks' rules are left as they are."""

    pod: str
    operations: tuple[str, ...] = ()
    kubeconfig: Path | None = None
    fake_pod: bool = False
    rotation: RotationSettings | None = None
    audit: Options | None = None
    keeping: tuple[Keeping, ...] = ()

    def __post_init__(self) -> None:
        """Raise ValueError for an operation that there is not."""
        Operations(self.operations)


@dataclass(frozen=True, slots=True)
class Settings:
    """One installation's settings.

    `certificate` and `key` are PEM files (None: made for this run).  `namespace`
    is where the controller runs: Gatekeeper's own service account there is never
    judged.  `referential`: policies may read `data.inventory`.  `disabled_builtins`:
    templates that call one of them are refused.  `allow_net`: the hosts (`host` or
    `host:port`) that policies may reach with the others, None for all.
    `fast_path`: admission requests are answered without ASGI.  `cluster`: policies
    are read from it, and not from the folder `policies`.  `compile_cache`: folder of
    compiled policies (None: none).  `slow_constraint`: the evaluation of a constraint
    from which on it is logged (0: never).
    """

    policies: Path
    admission: Address = Address("127.0.0.1", 8443)
    health: Address = Address("127.0.0.1", 9090)
    metrics: Address = Address("127.0.0.1", 8888)
    certificate: Path | None = None
    key: Path | None = None
    workers: int = 1
    limits: Limits = field(default_factory=Limits)
    namespace: str = "gatekeeper-system"
    exempt_namespaces: tuple[str, ...] = ()
    exempt_prefixes: tuple[str, ...] = ()
    exempt_suffixes: tuple[str, ...] = ()
    log_denies: bool = False
    log_mutations: bool = False
    mutation_annotations: bool = False
    check_actions: bool = True
    referential: bool = True
    disabled_builtins: tuple[str, ...] = WAITING_BUILTINS
    allow_net: frozenset[str] | None = None
    log_level: str = "INFO"
    fast_path: bool = True
    cluster: ClusterSettings | None = None
    emit_events: bool = False
    involved_namespace: bool = False
    compile_cache: Path | None = None
    slow_constraint: float = 0.05

    @property
    def endpoints(self) -> tuple[str, ...]:
        """What is answered under `/v1/` here; elsewhere is 404, as with Gatekeeper."""
        operations = Operations(self.cluster.operations if self.cluster else ())
        return (
            *(("admit", "admitlabel") if WEBHOOK in operations else ()),
            *(("mutate",) if MUTATION_WEBHOOK in operations else ()),
        )

    @property
    def http(self) -> HttpPolicy:
        """Where builtins that wait for the network may go."""
        return HttpPolicy(allow_net=self.allow_net)

    @property
    def serves(self) -> bool:
        """Whether admission requests are answered here."""
        return bool(self.endpoints)

    @property
    def audits(self) -> bool:
        """Whether audit is done here."""
        cluster = self.cluster
        return (
            cluster is not None
            and cluster.audit is not None
            and cluster.audit.interval > 0
            and AUDIT in Operations(cluster.operations)
        )

    @property
    def subscribers(self) -> int:
        """Processes that map generations."""
        return (self.workers if self.serves else 0) + self.audits
