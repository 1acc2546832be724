"""The roles that connections, pool and stream play for each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, Protocol

from portcullis.engine.codes import Code
from portcullis.mounts.forwarding import FieldRenderer
from portcullis.mounts.http1.response_head import ResponseHead
from portcullis.mounts.request_fields import RequestFieldRenderer

if TYPE_CHECKING:
    from portcullis.mounts.reverse_proxy.upstream import UpstreamConnection

NO_BODY: Final = -1
"""Length of an answer that can't have a body."""

Retriable = Literal["no", "unanswered", "unsent"]
"""Whether a broken exchange may be tried again.

``unanswered``: a kept connection closed before any byte of an answer, so an idempotent request may be sent again
(RFC 9110 9.2.2); ``unsent``: before a byte of the request was written, so any may.
"""


class Downstream(Protocol):
    """What a stream needs of the connection its client is on. ``renderer``: of the request fields that cross."""

    renderer: RequestFieldRenderer

    def answer(self, status: int, reason: bytes, fields: bytes, length: int | None, body: bytes, ended: bool) -> None:
        """Send an answer's head and the beginning of its body.

        ``fields``: rendered; ``length``: bytes of the whole body, ``None`` if unknown, ``NO_BODY`` if it can have none.
        """

    def answer_body(self, pieces: list[bytes], ended: bool) -> None:
        """Send more of the body."""

    def break_off(self) -> None:
        """The answer can't be finished: end the connection so that the client notices."""

    def expect_body(self) -> None:
        """The request body is wanted: tell a client that waits for ``100 Continue``."""

    def hold_body(self, held: bool) -> None:
        """Stop (or go on) reading the request body."""

    def forwarding_fields(self) -> bytes:
        """The fields that tell the service who the client is, on the wire."""


class UpstreamUser(Protocol):
    """What a connection tells the stream that uses it."""

    def response(self, head: ResponseHead, renderer: FieldRenderer, pieces: list[bytes], ended: bool) -> None:
        """The head of the answer, what renders its fields that cross, and what of its body came along."""

    def response_body(self, pieces: list[bytes], ended: bool) -> None:
        """More of the body."""

    def upstream_failed(self, code: Code, detail: str, *, retriable: Retriable) -> None:
        """The connection is gone."""

    def crashed(self, error: Exception) -> None:
        """Handing the answer on failed, by a fault of ours."""

    def upstream_blocked(self, blocked: bool) -> None:
        """The service takes (or again takes) no more request bytes for now."""


class Waiter(Protocol):
    """Who waits for a connection: a stream."""

    def upstream_ready(self, connection: UpstreamConnection) -> None:
        """Here it is."""

    def upstream_unavailable(self, code: Code, detail: str) -> None:
        """There will be none."""
