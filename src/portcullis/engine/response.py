"""The read-only view of a service's answer that response steps read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from portcullis.engine import strict_json
from portcullis.engine.request import Fields, RequestView


class ResponseView(msgspec.Struct, eq=False, gc=False):
    """One answer. Policies read it; only the engine and the mount that made it write it.

    ``request``: what it answers; ``status``: 200 to 599; ``fields``, ``headers``: as in
    :class:`~portcullis.engine.request.RequestView`; ``has_body``: a body follows by its framing (perhaps an empty one);
    ``body``: the whole body, content codings taken off, if a step asked for it, else ``None``; ``document``: the value
    that it says as JSON, once somebody has asked for :meth:`value`.
    """

    request: RequestView
    status: int
    fields: Fields
    headers: Mapping[bytes, bytes]
    has_body: bool = True
    body: bytes | None = None
    document: Any = msgspec.UNSET

    def value(self) -> Any:
        """The value that the body says as JSON, read once for all who ask.

        Whoever changes it says so with the new body (:class:`~portcullis.engine.decision.Modify`). Raises
        :class:`~portcullis.engine.strict_json.MalformedJsonError`.
        """
        if self.document is msgspec.UNSET:
            self.document = strict_json.loads(self.body or b"")
        return self.document
