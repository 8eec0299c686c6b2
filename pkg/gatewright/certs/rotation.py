"""The loop that keeps the certificate: reads, decides, writes."""

from __future__ import annotations

import asyncio
import base64
import datetime
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from gatewright.certs import folder, keeping
from gatewright.certs.decision import Act, Plan, decide
from gatewright.certs.pem import Pair
from gatewright.kube.client import Client
from gatewright.kube.errors import ApiError, Unreachable
from gatewright.kube.resource import Resource
from gatewright.telemetry.log import Log

__all__ = ["SECRET_NAME", "Rotation", "Target"]

SECRET_NAME: Final = "gatekeeper-webhook-server-cert"  # noqa: S105 - the Secret's name
SECRETS: Final = Resource("", "v1", "secrets", "Secret")
_GROUP: Final = "admissionregistration.k8s.io"
VALIDATING: Final = Resource(
    _GROUP,
    "v1",
    "validatingwebhookconfigurations",
    "ValidatingWebhookConfiguration",
    namespaced=False,
)
MUTATING: Final = Resource(
    _GROUP,
    "v1",
    "mutatingwebhookconfigurations",
    "MutatingWebhookConfiguration",
    namespaced=False,
)


@dataclass(frozen=True, slots=True)
class Target:
    """A webhook configuration that is told the authorities, in all its webhooks."""

    resource: Resource
    name: str

    @classmethod
    def validating(cls, name: str) -> Target:
        return cls(VALIDATING, name)

    @classmethod
    def mutating(cls, name: str) -> Target:
        return cls(MUTATING, name)


@dataclass(slots=True)
class Rotation:
    """Keeps one certificate; `run` it in an event loop, in each replica.

    `served` is the folder that workers read.  A configuration that does not exist is
    nobody's to call and is passed over.  Nothing is served, so the pod is not ready, before
    all configurations are seen to carry the authority.  `due` may be set to look at once, `problem`
    says why nothing could be done last time.
    """

    client: Client
    namespace: str
    plan: Plan
    targets: tuple[Target, ...]
    served: Path
    log: Log
    every: float = 10.0
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime.datetime] = lambda: datetime.datetime.now(datetime.UTC)
    problem: str = "the Secret was not read yet"
    acts: dict[Act, int] = field(default_factory=dict)
    serving: Pair | None = None
    carried: bytes = b""
    carried_since: float = 0.0

    async def run(self) -> None:
        """Never ends by itself; cancel it."""
        while True:
            pause = self.every
            try:
                if await self.look() is not Act.NONE or self.serving is None:
                    pause = 0.0  # the next step may be due
                self.problem = ""
            except (ApiError, Unreachable, ValueError, OSError) as error:
                if isinstance(error, ApiError) and error.conflict:
                    pause = 0.0  # another replica was quicker
                elif str(error) != self.problem:
                    self.problem = str(error)
                    self.log.error("certificate not looked after", error=str(error))
            await asyncio.sleep(pause or min(self.every, 0.1))

    async def look(self) -> Act:
        """One round; what was done.  Raises ApiError, Unreachable, ValueError (an
        authority that can't sign) and OSError (the folder)."""
        text = await self.client.get(SECRETS, SECRET_NAME, self.namespace)
        secret = orjson.loads(text)
        kept = keeping.read(secret.get("data"))
        if self.serving is not None:
            self.serve(kept)
        lacking = await self.tell(kept.bundle)
        if not lacking:
            self.serve(kept)
        standing = kept.standing(
            lacking=lacking, carried=self.carried_for(kept.bundle, lacking)
        )
        now = self.now()
        act = decide(standing, self.plan, now)
        if act is Act.NONE:
            return act
        new = kept.after(act, self.plan, now)
        secret["data"] = keeping.written(new, secret.get("data"))
        await self.client.replace(SECRETS, secret, SECRET_NAME, self.namespace)
        self.acts[act] = self.acts.get(act, 0) + 1
        self.log.info("certificate", act=act.value)
        if self.serving is not None:
            self.serve(new)
        return act

    def serve(self, kept: keeping.Kept) -> None:
        """Give workers what the Secret holds, if that changed."""
        pair = kept.served
        if pair is not None and pair != self.serving:
            folder.publish(self.served, pair)
            self.serving = pair

    def carried_for(self, bundle: bytes, lacking: list[str]) -> float:
        """For how long all configurations have been seen to carry the bundle."""
        if lacking or not bundle:
            self.carried = b""
            return 0.0
        if self.carried != bundle:
            self.carried, self.carried_since = bundle, self.clock()
        return self.clock() - self.carried_since

    async def tell(self, bundle: bytes) -> list[str]:
        """Write the bundle where it is not; the configurations that lacked it."""
        lacking: list[str] = []
        if not bundle:
            return [target.name for target in self.targets]
        wanted = base64.b64encode(bundle).decode()
        for target in self.targets:
            try:
                text = await self.client.get(target.resource, target.name)
            except ApiError as error:
                if error.not_found:
                    continue
                raise
            config = orjson.loads(text)
            if carries(config, wanted):
                continue
            lacking.append(target.name)
            for webhook in config.get("webhooks") or ():
                webhook["clientConfig"]["caBundle"] = wanted
            await self.client.replace(target.resource, config, target.name)
        return lacking


def carries(config: dict[str, Any], bundle: str) -> bool:
    """Whether every webhook of a configuration has this bundle."""
    return all(
        webhook["clientConfig"].get("caBundle") == bundle
        for webhook in config.get("webhooks") or ()
    )
