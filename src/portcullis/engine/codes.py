"""Codes: the stable names of everything that can be said about an exchange.

A code reads ``<phase>.<reason>`` and is the same in the response, the record, the metrics, ignore
lists and the docs. Codes are never reused. Policies declare their own beside the policy; those of
the gateway itself are here.

What a caller may know and what the record must know differ: a caller learns that authentication
failed, the record that the key had expired. ``Code.public`` names the code that the caller sees.
"""

from __future__ import annotations

import msgspec

PHASES = (
    "guard",
    "authenticate",
    "authorize",
    "limit",
    "validate",
    "inspect",
    "objects",
    "transform",
    "upstream",
    "protect",
    "record",
)


class Code(msgspec.Struct, frozen=True):
    """One thing that can be said about an exchange.

    ``name``: ``<phase>.<reason>``; ``status``: HTTP status of the answer; ``title``: the RFC 9457
    title, the same for every occurrence; ``public``: the code a caller sees, where the exact one
    would tell too much.
    """

    name: str
    status: int
    title: str
    public: Code | None = None

    @property
    def phase(self) -> str:
        """The phase this code belongs to: the part before the dot."""
        return self.name.partition(".")[0]

    @property
    def visible(self) -> Code:
        """The code that the caller is told."""
        return self.public or self


# Framing and the wire: the client's bytes could not be read one way only (RFC 9112).
MALFORMED_REQUEST = Code("guard.malformed_request", 400, "The request is not well-formed HTTP")
MALFORMED_TARGET = Code("guard.malformed_target", 400, "The request target is ambiguous or malformed")
UNSUPPORTED_VERSION = Code("guard.unsupported_version", 505, "Only HTTP/1.0 and HTTP/1.1 are spoken here")
HEAD_TOO_LARGE = Code("guard.head_too_large", 431, "The request head is too large")
TARGET_TOO_LONG = Code("guard.target_too_long", 414, "The request target is too long")
BODY_TOO_LARGE = Code("guard.body_too_large", 413, "The request body is too large")
CODING_UNSUPPORTED = Code("guard.coding_unsupported", 415, "The content coding of the body is not accepted")
CODING_MALFORMED = Code("guard.coding_malformed", 400, "The body is not what its content coding says")
DECOMPRESSION_BOMB = Code("guard.decompression_bomb", 413, "The body grows too much when it is decoded")
REQUEST_TIMEOUT = Code("guard.request_timeout", 408, "The request did not arrive in time")
BUFFERS_FULL = Code("guard.buffers_full", 503, "The gateway is short of memory for request bodies")
UPGRADE_REFUSED = Code("guard.upgrade_refused", 400, "Protocol upgrades are not offered here")
EXPECTATION_FAILED = Code("guard.expectation_failed", 417, "Only the expectation 100-continue is understood")
HTTPS_REQUIRED = Code("guard.https_required", 308, "Use https")
KEY_IN_CLEAR = Code("guard.key_in_clear", 308, "An API key was sent without encryption", HTTPS_REQUIRED)
CREDENTIAL_IN_CLEAR = Code("guard.credential_in_clear", 308, "A credential was sent without encryption", HTTPS_REQUIRED)
CLIENT_ABORTED = Code("guard.client_aborted", 499, "The client went away before it was answered")

# WebSockets, and answers that take long. What ends a session is told by a close code, and the status is for records.
WEBSOCKET_EXPECTED = Code("guard.websocket_expected", 426, "This operation is a WebSocket")
WEBSOCKET_HANDSHAKE = Code("guard.websocket_handshake", 400, "The opening handshake of the WebSocket is malformed")
WEBSOCKET_ORIGIN = Code("guard.websocket_origin", 403, "This origin may not open the WebSocket")
FRAME_MALFORMED = Code("guard.frame_malformed", 400, "A frame is against the rules of WebSockets")
MESSAGE_TOO_LARGE = Code("guard.message_too_large", 413, "A message is too large")
STREAM_IDLE = Code("guard.stream_idle", 408, "Nothing came for too long")
STREAM_LIFETIME = Code("guard.stream_lifetime", 408, "It has lasted as long as it may")
CALLER_EXPIRED = Code("authenticate.no_longer_valid", 401, "What proved the caller does not hold any more")
MESSAGE_RATE = Code("limit.message_rate", 429, "Too many messages, or bytes, in a second")
STREAM_BYTES = Code("limit.stream_bytes", 413, "The answer is longer than it may be")
MESSAGE_INVALID = Code("validate.message", 400, "A message is not what was declared")
MESSAGE_ATTACK = Code("inspect.message", 403, "A message holds what looks like an attack")

# Routing: what the file does not declare does not exist.
UNKNOWN_HOST = Code("guard.unknown_host", 421, "No API is served for this host")
UNKNOWN_PATH = Code("guard.unknown_path", 404, "There is nothing at this path")
UNKNOWN_VERSION = Code("guard.unknown_version", 404, "This version of the API is not served")
METHOD_NOT_ALLOWED = Code("guard.method_not_allowed", 405, "This method is not offered at this path")

# The gateway's own faults. A step that could not be evaluated refuses (fail closed).
INTERNAL = Code("guard.internal", 500, "The gateway failed to decide, so it refused")

# The way to the upstream and back.
UPSTREAM_UNREACHABLE = Code("upstream.unreachable", 502, "The service could not be reached")
UPSTREAM_BAD_RESPONSE = Code("upstream.bad_response", 502, "The service answered with something unusable")
UPSTREAM_CLOSED = Code("upstream.closed", 502, "The service closed the connection before it answered")
UPSTREAM_TIMEOUT = Code("upstream.timeout", 504, "The service did not answer in time")
UPSTREAM_TRUNCATED = Code("upstream.truncated", 502, "The service's answer broke off")
UPSTREAM_TOO_LARGE = Code("upstream.answer_too_large", 502, "The service's answer is too large to be checked")
UPSTREAM_CODING = Code("upstream.bad_coding", 502, "The service's answer can't be decoded")
NO_UPSTREAM = Code("upstream.none_available", 503, "No instance of the service is available")

ENGINE_CODES: tuple[Code, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Code))
