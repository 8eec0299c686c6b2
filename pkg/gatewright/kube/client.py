"""Requests to the API server: bytes out, bytes in, errors told apart.

The session (TLS, proxy, client certificate) and the token come from the
`kubernetes` package; nothing else of it is in the way of an object.
"""

from __future__ import annotations

import asyncio
import io
from asyncio.sslproto import SSLProtocol
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
import orjson

from gatewright.kube.errors import Unreachable, refusal
from gatewright.kube.package import RESTClientObject
from gatewright.kube.resource import Resource

__all__ = ["JSON_PATCH", "MERGE_PATCH", "STRATEGIC_PATCH", "Client"]

JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"
JSON_PATCH: Final = "application/json-patch+json"
STRATEGIC_PATCH: Final = "application/strategic-merge-patch+json"
#: Seconds for a request that is no watch; the API server gives up after 60.
REQUEST_WITHIN: Final = 65.0
CONNECT_WITHIN: Final = 5.0
WHOLE: Final = 1 << 19  # bytes
#: Bytes that a TLS connection reads at once, two records: each keeps a buffer of that
#: size as long as it lives, and there is a watch, so a connection, for each kind.
READ_AT_ONCE: Final = 32 << 10


class Client:
    """One API server.  `configuration` is from `settings.load`; `agent` is how we
    show up in its audit log.  Belongs to one event loop; `close` it there."""

    def __init__(self, configuration: Any, *, agent: str = "gatewright") -> None:
        # A watch holds a connection, so there are as many as there are kinds.
        configuration.connection_pool_maxsize = 0
        # asyncio's are 256 KiB, and of no setting; 500 kinds would be 125 MiB.
        SSLProtocol.max_size = min(SSLProtocol.max_size, READ_AT_ONCE)
        self.configuration = configuration
        self.rest = RESTClientObject(configuration)
        self.agent = agent

    @property
    def session(self) -> aiohttp.ClientSession:
        """The session, made at its first use."""
        if self.rest.pool_manager is None:
            self.rest.pool_manager = self.rest._create_pool_manager()  # noqa: SLF001 - its one factory
        return self.rest.pool_manager

    async def close(self) -> None:
        """End all connections."""
        await self.rest.close()
        await asyncio.sleep(0)  # what was aborted is closed in the loop's next turn

    async def headers(self, **more: str) -> dict[str, str]:
        out = {"Accept": JSON, "User-Agent": self.agent, **more}
        settings = (await self.configuration.auth_settings()).get("BearerToken")
        if settings and settings["value"]:
            out["Authorization"] = settings["value"]
        return out

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str = JSON,
        accept: str = JSON,
        timeout: aiohttp.ClientTimeout,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A successful answer whose body is still to be read.

        Raises ApiError for any other, Unreachable when there is none.
        """
        headers = await self.headers(Accept=accept)
        if body is not None:
            headers["Content-Type"] = content_type
        more: dict[str, Any] = {}
        if self.configuration.tls_server_name:
            more["server_hostname"] = self.configuration.tls_server_name
        if self.configuration.proxy:
            more["proxy"] = self.configuration.proxy
            more["proxy_headers"] = self.configuration.proxy_headers
        try:
            async with self.session.request(
                method,
                self.configuration.host + path,
                params=query,
                # A large one is sent in pieces, so that others get their turn.
                data=io.BytesIO(body) if body and len(body) > WHOLE else body,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
                **more,
            ) as response:
                if response.status >= 300:
                    raise refusal(
                        response.status,
                        await response.read(),
                        retry_after=response.headers.get("Retry-After", ""),
                        request=f"{method} {path}",
                    )
                yield response
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            why = str(error) or type(error).__name__
            raise Unreachable(f"{method} {path}: {why}") from error

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str = JSON,
        accept: str = JSON,
        within: float = REQUEST_WITHIN,
    ) -> bytes:
        """The body of a successful answer.  Raises ApiError and Unreachable."""
        timeout = aiohttp.ClientTimeout(total=within, sock_connect=CONNECT_WITHIN)
        async with self.stream(
            method,
            path,
            query=query,
            body=body,
            content_type=content_type,
            accept=accept,
            timeout=timeout,
        ) as response:
            return await response.read()

    # One object.  All raise ApiError and Unreachable; objects are JSON data. ------

    async def get(
        self,
        resource: Resource,
        name: str,
        namespace: str = "",
        *,
        within: float = REQUEST_WITHIN,
    ) -> bytes:
        """The object as the server wrote it."""
        return await self.request("GET", resource.path(name, namespace), within=within)

    async def create(
        self, resource: Resource, obj: Mapping[str, Any], namespace: str = ""
    ) -> bytes:
        """The object as created."""
        return await self.request(
            "POST", resource.path("", namespace), body=orjson.dumps(obj)
        )

    async def replace(
        self,
        resource: Resource,
        obj: Mapping[str, Any],
        name: str,
        namespace: str = "",
        *,
        part: str = "",
    ) -> bytes:
        """The object as written; `part` is a subresource (`status`).  With a
        resourceVersion in `obj` a conflict is possible."""
        path = resource.path(name, namespace, part)
        return await self.request("PUT", path, body=orjson.dumps(obj))

    async def patch(
        self,
        resource: Resource,
        change: Any,
        name: str,
        namespace: str = "",
        *,
        part: str = "",
        content_type: str = MERGE_PATCH,
    ) -> bytes:
        """The object as patched."""
        path = resource.path(name, namespace, part)
        body = orjson.dumps(change)
        return await self.request("PATCH", path, body=body, content_type=content_type)

    async def delete(
        self, resource: Resource, name: str, namespace: str = "", *, uid: str = ""
    ) -> None:
        """Delete it, if it is still the object with `uid`."""
        body = orjson.dumps({"preconditions": {"uid": uid}}) if uid else None
        await self.request("DELETE", resource.path(name, namespace), body=body)
