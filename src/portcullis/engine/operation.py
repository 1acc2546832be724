"""A compiled operation: everything the gateway needs to know about one method of one path of one version."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from portcullis.engine.compression.choosing import Compression
    from portcullis.engine.config.model import ApiConfig, Configuration, OperationSettings
    from portcullis.engine.openapi.document import SpecDocument, SpecOperation
    from portcullis.engine.policy import Step
    from portcullis.engine.ports import Ports
    from portcullis.engine.websocket.rules import StreamRules, WebSocketRules

DEFAULT_MAX_RESPONSE: Final = 4 * 1024 * 1024
"""Bytes of an answer that are held back for those who want it whole."""


class Operation(msgspec.Struct, frozen=True, eq=False):
    """One operation as the hot path sees it.

    ``name``: ``"GET /orders/{order_id}"``, as in the document; the steps of its pipeline by what they need
    (:class:`~portcullis.engine.policy.Step`); ``max_body``: bytes of request body accepted, also decoded;
    ``upstream``: name of the pool that serves it (the API's name); ``upstream_path``: turns the normalised request path
    into the path sent upstream; ``max_response``: bytes of an answer that are held back for those who want it whole;
    ``compression``: of its answers, ``None`` if they go as they are;
    ``websocket``: of the session that its handshake opens; ``stream``: bounds of answers that take long;
    ``trailers``: what follows the body of an answer is for the client, who has asked for it (``te``);
    ``duplex``: request and answer are both as long as ``stream`` lets them, and may wait for each other;
    ``encoded_slash``: values in the path may hold ``%2F``; ``declared_fields``: header fields (lower-case) that reach
    the service though their names look doubtful; ``max_body_source``: where ``max_body`` is said, as in
    :attr:`Finding.source <portcullis.engine.decision.Finding>`, ``""`` if nowhere.
    """

    api: str
    version: str
    name: str
    head_steps: tuple[Step, ...]
    body_steps: tuple[Step, ...]
    max_body: int
    upstream: str
    upstream_path: Callable[[str], str]
    stream_steps: tuple[Step, ...] = ()
    wire_steps: tuple[Step, ...] = ()
    response_head_steps: tuple[Step, ...] = ()
    response_body_steps: tuple[Step, ...] = ()
    answer_steps: tuple[Step, ...] = ()
    before_steps: tuple[Step, ...] = ()
    max_response: int = DEFAULT_MAX_RESPONSE
    compression: Compression | None = None
    websocket: WebSocketRules | None = None
    stream: StreamRules | None = None
    trailers: bool = False
    duplex: bool = False
    encoded_slash: bool = False
    declared_fields: frozenset[bytes] = frozenset()
    max_body_source: str = ""

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps, in the order in which they would run."""
        requests = (*self.head_steps, *self.wire_steps, *self.body_steps, *self.stream_steps, *self.before_steps)
        return (*requests, *self.response_head_steps, *self.response_body_steps, *self.answer_steps)


class OperationContext(msgspec.Struct, frozen=True):
    """What a policy may look at while it is compiled for one operation.

    ``settings`` are the effective ones: the API's, overlaid by the version's, overlaid by the operation's.
    ``where`` is the path of the operation in the configuration file, for diagnostics and
    :attr:`Finding.source <portcullis.engine.decision.Finding>`. ``shared``: what policies make once for all operations.
    """

    configuration: Configuration
    api_name: str
    api: ApiConfig
    version: str
    settings: OperationSettings
    document: SpecDocument
    operation: SpecOperation
    ports: Ports
    where: tuple[str | int, ...]
    shared: dict[tuple[str, ...], Any] = msgspec.field(default_factory=dict)


UNROUTED = Operation(
    api="", version="", name="", head_steps=(), body_steps=(), max_body=0, upstream="", upstream_path=str
)
"""Stands for the operation of a request that has not been (or could not be) routed."""
