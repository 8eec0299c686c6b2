"""The routes of the admission port."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gatewright.webhook.desk import Desk
from gatewright.webhook.endpoints import Endpoint

__all__ = ["admission_app"]


async def not_found(_: Request, __: Exception) -> Response:
    """As Go's mux words it."""
    return PlainTextResponse("404 page not found\n", 404)


def admission_app(desks: Mapping[str, Desk]) -> Starlette:
    """`/v1/<name>` for each desk, any method (as Gatekeeper), 404 elsewhere."""
    routes = [
        Route(f"/v1/{name}", Endpoint(desk), include_in_schema=False)
        for name, desk in desks.items()
    ]
    app = Starlette(routes=routes, exception_handlers={404: not_found})
    app.router.redirect_slashes = False
    return app
