"""The record of one exchange: what the access log, the audit trail and everything that watches are made from."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import msgspec

from portcullis.engine.facts import Verdict


class Record(msgspec.Struct, omit_defaults=True):
    """One exchange. In the access log it is one JSON line with these keys; empty ones are left out.

    ``time``: arrival of the head, RFC 3339; ``decision``: ``allow``, ``refuse`` or
    ``abort``; ``code``: the deciding code where it was not allowed; ``status``: what the client was answered
    (0: nothing); ``upstream_status``: what the service answered (0: not asked); ``bytes_in``/``bytes_out``: body
    bytes from and to the client; ``us_total``: microseconds from the head's arrival to the answer's end;
    ``us_upstream``: of these, spent waiting for the service; ``us_gateway``: the rest; ``also``: the consumers that
    were proven beside the caller; ``actors``: who acts for it, the one who called first.

    A call of gRPC has the ``grpc_status`` that its client got, with ``status`` 200.

    A WebSocket has two: of its handshake (``session`` is ``open``) and of its end (``end``), with the same
    ``request_id``. The latter has ``messages_in`` and ``messages_out``, from and to the client, bytes of frames instead
    of bodies, and the ``close_code`` by which it ended (RFC 6455 7.4; 1005: a close frame without one, 1006: none).
    """

    time: str
    request_id: str
    trace_id: str
    client: str
    method: str
    target: str
    decision: str
    status: int
    host: str = ""
    api: str = ""
    version: str = ""
    operation: str = ""
    consumer: str = ""
    identity: str = ""
    credential: str = ""
    code: str = ""
    verdicts: Sequence[Verdict] = ()
    upstream: str = ""
    upstream_status: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    us_total: int = 0
    us_upstream: int = 0
    us_gateway: int = 0
    also: Sequence[str] = ()
    actors: Sequence[str] = ()
    session: str = ""
    messages_in: int = 0
    messages_out: int = 0
    close_code: int = 0
    grpc_status: int = -1


class Timestamps:
    """Unix seconds as RFC 3339 in UTC with microseconds; what stays the same within a second is kept."""

    __slots__ = ("_prefix", "_whole")

    def __init__(self) -> None:
        self._whole = -1
        self._prefix = ""

    def format(self, seconds: float) -> str:
        """``1764000000.25`` -> ``"2025-11-24T16:00:00.250000Z"``."""
        whole = int(seconds)
        if whole != self._whole:
            self._whole = whole
            self._prefix = datetime.datetime.fromtimestamp(whole, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{self._prefix}.{int((seconds - whole) * 1e6):06d}Z"
