"""The head of the request to the service, written anew: nothing of the client's framing or forwarding goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcullis.engine.exchange import Exchange
from portcullis.mounts.forwarding import VIA, render_fields
from portcullis.mounts.request_fields import RequestFieldRenderer

if TYPE_CHECKING:
    from portcullis.mounts.reverse_proxy.pool import Target


def render_request_head(
    exchange: Exchange,
    target: Target,
    renderer: RequestFieldRenderer,
    forwarding: bytes,
    traceparent: bytes,
    framing: bytes,
) -> bytes:
    """The request line and all fields, with what steps changed in them.

    ``renderer``: of the client's fields that cross; ``forwarding``: the fields that tell who the client is;
    ``framing``: the field that frames the body, all three on the wire.
    """
    request = exchange.request
    path = request.operation.upstream_path(request.path)
    query = request.query if exchange.query is None else exchange.query
    if query:
        path = f"{path}?{query}"
    headers = request.headers
    # HTTP/1.0 may name its host in the target only, and that is the one that was decided about.
    host = (headers.get(b"host") or request.host.encode()) if target.pool.preserve_host else target.authority
    removed = exchange.removed_fields
    added = b""
    if exchange.set_fields:
        removed = removed | exchange.set_fields.keys()
        added = render_fields(exchange.set_fields.items())
    return b"".join(
        (
            f"{request.method} {path} HTTP/1.1\r\nhost: ".encode("latin-1"),
            host,
            b"\r\n",
            renderer.render(request.fields, headers, removed, request.operation.declared_fields),
            added,
            forwarding,
            b"traceparent: ",
            traceparent,
            b"\r\nx-request-id: ",
            exchange.request_id.encode(),
            b"\r\n",
            VIA,
            framing,
            b"\r\n",
        )
    )
