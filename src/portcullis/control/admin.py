"""The admin listener: health, readiness, metrics."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portcullis.control.metrics import Metrics

_FIELDS: Final = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))


def create_admin_app(metrics: Metrics, ready: Callable[[], bool]) -> Starlette:
    """``/healthz``: the control process lives; ``/readyz``: the workers serve; ``/metrics``: Prometheus."""

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(_request: Request) -> Response:
        is_ready = ready()
        return JSONResponse({"status": "ready" if is_ready else "not ready"}, status_code=200 if is_ready else 503)

    async def show_metrics(_request: Request) -> Response:
        return Response(metrics.exposition(), media_type=CONTENT_TYPE_LATEST)

    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", show_metrics),
        ],
        middleware=[Middleware(LocalNamesOnly)],
    )


class LocalNamesOnly:
    """Answers only requests for an address or ``localhost``.

    A page in the browser of somebody on this machine can give its own domain the address 127.0.0.1 and then read what
    listens there (DNS rebinding). It can't make the browser call an address, or ``localhost``, in its own name.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_fields(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_FIELDS]
            await send(message)

        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) == 1 and _is_local_name(hosts[0].decode("latin-1")):
            await self._app(scope, receive, send_with_fields)
        else:
            refusal = PlainTextResponse("Ask for this listener by its address, or as localhost.\n", status_code=421)
            await refusal(scope, receive, send_with_fields)


def _is_local_name(host: str) -> bool:
    """Whether ``host``, with or without a port, is an IP address or ``localhost``."""
    name, _, port = host.rpartition(":") if host[-1:] != "]" and ":" in host else (host, "", "")
    if port and not port.isdecimal():
        return False
    if name.lower() == "localhost":
        return True
    try:
        if name[:1] == "[" and name[-1:] == "]":
            return bool(ipaddress.IPv6Address(name[1:-1]))
        return bool(ipaddress.IPv4Address(name))
    except ValueError:
        return False
