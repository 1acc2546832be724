"""The read-only view of a service's answer that response steps read."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from portcullis.engine.request import Fields, RequestView


class ResponseView(msgspec.Struct, eq=False, gc=False):
    """One answer. Policies read it; only the engine and the mount that made it write it.

    ``request``: what it answers; ``status``: 200 to 599; ``fields``, ``headers``: as in
    :class:`~portcullis.engine.request.RequestView`; ``has_body``: a body follows by its framing (perhaps an empty one);
    ``body``: the whole body, content codings taken off, if a step asked for it, else ``None``.
    """

    request: RequestView
    status: int
    fields: Fields
    headers: Mapping[bytes, bytes]
    has_body: bool = True
    body: bytes | None = None
