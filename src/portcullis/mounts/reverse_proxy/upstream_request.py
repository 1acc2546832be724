"""The head of the request to the service, written anew: nothing of the client's framing or forwarding goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from portcullis.engine.exchange import Exchange
from portcullis.engine.policy import FirstRead
from portcullis.mounts.forwarding import render_fields
from portcullis.mounts.request_fields import RequestFieldRenderer
from portcullis.mounts.trace import new_trace

if TYPE_CHECKING:
    from portcullis.mounts.reverse_proxy.target import Target

# What a request says of its body, of the answer that it wants and of the state that it expects.
_OF_ONE_REQUEST: Final = frozenset(
    {
        *(b"content-type", b"content-encoding", b"content-language", b"content-location"),
        *(b"content-digest", b"content-md5", b"digest", b"repr-digest", b"idempotency-key"),
        *(b"accept", b"accept-encoding", b"range", b"if-range"),
        *(b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since"),
    }
)


class UpstreamRequest(msgspec.Struct, frozen=True, gc=False):
    """The head of a request to a service, whatever the protocol.

    ``target``: path and query; ``host``: as the field names it; ``lines``: the other fields on the wire, each line with
    its end; ``length``: bytes of the body, ``None`` if it is not known before it ends.
    """

    method: str
    target: str
    host: bytes
    lines: bytes
    length: int | None


def upstream_request(
    exchange: Exchange,
    target: Target,
    renderer: RequestFieldRenderer,
    forwarding: bytes,
    trace: bytes,
    framing: tuple[int | None, bytes],
) -> UpstreamRequest:
    """The head of the client's request for the service, with what steps changed in it.

    ``trace``: the ``traceparent`` that continues the client's trace; empty: a new one begins here;
    ``renderer``: of the client's fields that cross; ``forwarding``: the fields that tell who the client is and how it
    came; ``framing``: the body's length, and the lines that tell it. All of them but the length are on the wire.
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
    request_id = exchange.request_id.encode()
    length, framing_lines = framing
    if request.operation.trailers:
        framing_lines += b"te: trailers\r\n"
    lines = b"".join(
        (
            renderer.render(request.fields, headers, removed, request.operation.declared_fields),
            added,
            forwarding,
            b"traceparent: ",
            trace or new_trace(request_id),
            b"\r\nx-request-id: ",
            request_id,
            b"\r\n",
            framing_lines,
        )
    )
    return UpstreamRequest(request.method, path, host, lines, length)


def first_read_request(
    exchange: Exchange, read: FirstRead, target: Target, forwarding: bytes, trace: bytes
) -> UpstreamRequest:
    """The head of the ``GET`` that reads something for the same caller before its own request is sent.

    It has the client's fields and what steps changed in them, but for what concerns a body or conditions.
    """
    request = exchange.request
    headers = request.headers
    set_fields = {n: v for n, v in (exchange.set_fields or {}).items() if n not in _OF_ONE_REQUEST}
    removed = exchange.removed_fields | set_fields.keys() | _OF_ONE_REQUEST
    request_id = exchange.request_id.encode()
    host = (headers.get(b"host") or request.host.encode()) if target.pool.preserve_host else target.authority
    lines = b"".join(
        (
            RequestFieldRenderer().render(request.fields, headers, removed, request.operation.declared_fields),
            render_fields(set_fields.items()),
            forwarding,
            b"accept: %b\r\ntraceparent: " % read.accept,
            trace or new_trace(request_id),
            b"\r\nx-request-id: ",
            request_id,
            b"\r\n",
        )
    )
    return UpstreamRequest("GET", read.target, host, lines, 0)
