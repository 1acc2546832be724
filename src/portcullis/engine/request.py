"""The read-only view of a request that policies read, whatever protocol carried it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from portcullis.engine.operation import UNROUTED, Operation
from portcullis.engine.peer_certificate import PeerCertificate

Fields = Sequence[tuple[bytes, bytes]]

_NO_VALUES: Mapping[str, str] = {}


class RequestView(msgspec.Struct, eq=False, gc=False):
    """One request. Policies read it; only the engine and the mount that made it write it.

    Attributes (bytes are as received, names are lower-case):

    ``method``      ``"POST"``
    ``target``      the request target as received, for the record: ``"/shop//v1/x?y=1"``
    ``path``        the normalised path; still percent-encoded, with unreserved characters decoded
    ``query``       the raw query string without ``?``; ``""`` if there is none
    ``host``        lower-case host without port
    ``scheme``      ``"http"`` or ``"https"``
    ``client``      the client's address as text, behind trusted proxies the one they report
    ``fields``      every header field in order of arrival, names lower-case
    ``headers``     the same by name; repeated fields joined with ``", "`` (RFC 9110 5.3)
    ``body``        the whole body if a step asked for it (``b""`` if the request has none), else ``None``
    ``has_body``    the message has a body (by its framing; a Content-Length of 0 is no body)
    ``operation``   the compiled operation it was routed to; ``UNROUTED`` before
    ``path_values`` percent-decoded values of the path template's variables, by name
    ``certificate`` what the client proved to hold the key of in the TLS handshake; ``None`` without one
    ``upgrades``    the client wants to go on with a WebSocket (RFC 6455 4.1)
    """

    method: str
    target: str
    fields: Fields
    headers: Mapping[bytes, bytes]
    scheme: str = "http"
    client: str = "127.0.0.1"
    has_body: bool = False
    operation: Operation = UNROUTED
    host: str = ""
    path: str = ""
    query: str = ""
    path_values: Mapping[str, str] = _NO_VALUES
    body: bytes | None = None
    certificate: PeerCertificate | None = None
    upgrades: bool = False

    def header(self, name: bytes) -> str | None:
        """The value of header ``name`` (lower-case) as text, or ``None``. Octets over 127 read as ISO-8859-1."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")
