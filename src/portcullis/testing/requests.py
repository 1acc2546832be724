"""Requests for tests, without bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from portcullis.engine.request import RequestView
from portcullis.engine.target import normalise_path, parse_host, split_target


def make_request(
    method: str = "GET",
    target: str = "/",
    headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
    *,
    body: bytes | None = None,
    client: str = "192.0.2.1",
    scheme: str = "https",
) -> RequestView:
    """A request as a mount would hand it to the engine: target split and normalised, fields lower-cased and joined.

    Raises :class:`~portcullis.engine.target.TargetError` for a target that a mount would refuse.
    """
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    fields = [(name.lower().encode(), value.encode("latin-1")) for name, value in pairs]
    joined: dict[bytes, bytes] = {}
    for name, value in fields:
        joined[name] = joined[name] + b", " + value if name in joined else value
    request = RequestView(method, target, fields, joined, scheme=scheme, client=client, has_body=bool(body))
    authority, path, request.query = split_target(target)
    host = authority or joined.get(b"host", b"").decode("latin-1")
    request.host = parse_host(host) if host else ""
    request.path = normalise_path(path)
    request.body = body
    return request
