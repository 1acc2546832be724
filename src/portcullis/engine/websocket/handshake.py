"""The opening handshake: what a client must say (RFC 6455 4.2.1), and what a service may answer (4.2.2).

A browser sends cookies, and a client certificate, along with the handshake that a page of any other site asks for,
and no preflight comes before it. The origin is all that tells such a page from one's own, so it is always looked at.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from portcullis.engine.codes import WEBSOCKET_EXPECTED, WEBSOCKET_HANDSHAKE, WEBSOCKET_ORIGIN
from portcullis.engine.decision import Finding, Modify, Refuse, shorten
from portcullis.engine.facts import Facts
from portcullis.engine.origins import Origins, is_own
from portcullis.engine.request import RequestView

if TYPE_CHECKING:
    from portcullis.engine.websocket.declaring import WebSocketConfig

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY: Final = re.compile(rb"[A-Za-z0-9+/]{21}[AQgw]==")
_TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}"
_TOKENS: Final = re.compile(rb"[ \t]*%b(?:[ \t]*,[ \t]*%b){0,63}[ \t]*" % (_TOKEN, _TOKEN))
_PROTOCOL: Final = b"sec-websocket-protocol"
_EXTENSIONS: Final = b"sec-websocket-extensions"
_DEFLATE: Final = b"permessage-deflate"
_EXPECTED: Final = Refuse(
    WEBSOCKET_EXPECTED,
    "This operation is a WebSocket, version 13.",
    Finding("/header/upgrade", "", "websocket"),
    ((b"upgrade", b"websocket"), (b"sec-websocket-version", b"13")),
)


class AnswerError(ValueError):
    """A service's answer does not open the WebSocket that was asked for. The message says why."""


def handshake_step(config: WebSocketConfig) -> Callable[[RequestView, Facts], Refuse | Modify | None]:
    """The head step of an operation that is a WebSocket by ``config``."""
    origins = Origins([origin for origin in config.origins if origin != "*"])
    anyone = "*" in config.origins
    protocols = None if config.subprotocols is None else frozenset(name.encode() for name in config.subprotocols)
    compresses = config.compression == "allow"
    without = config.without_origin

    def check(request: RequestView, _facts: Facts) -> Refuse | Modify | None:
        headers = request.headers
        if not request.upgrades or headers.get(b"sec-websocket-version") != b"13":
            return _EXPECTED
        refusal = _malformed(headers) or _foreign(request, origins, without, anyone=anyone)
        if refusal is not None:
            return refusal
        set_fields: list[tuple[bytes, bytes]] = []
        removed = set()
        offered = _names(headers.get(_PROTOCOL, b""))
        if protocols is not None and offered:
            kept = [name for name in offered if name in protocols]
            if kept:
                set_fields.append((_PROTOCOL, b", ".join(kept)))
            else:
                removed.add(_PROTOCOL)
        if _EXTENSIONS in headers:
            offers = [each.strip() for each in headers[_EXTENSIONS].split(b",")] if compresses else []
            kept = [each for each in offers if each.partition(b";")[0].strip() == _DEFLATE]
            if kept:
                set_fields.append((_EXTENSIONS, b", ".join(kept)))
            else:
                removed.add(_EXTENSIONS)
        return Modify(tuple(set_fields), frozenset(removed)) if set_fields or removed else None

    return check


def asks_for_websocket(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a request with ``headers`` wants to go on with a WebSocket (RFC 6455 4.1)."""
    connection = {each.strip().lower() for each in headers.get(b"connection", b"").split(b",")}
    return b"upgrade" in connection and headers.get(b"upgrade", b"").lower() == b"websocket"


def check_answer(
    request: RequestView, set_fields: Mapping[bytes, bytes], removed: frozenset[bytes], headers: Mapping[bytes, bytes]
) -> bool:
    """Whether messages may be compressed after a 101 with ``headers``.

    ``set_fields`` and ``removed``: what was changed in the fields of ``request`` on their way to the service. Raises
    :class:`AnswerError` for what RFC 6455 4.1 tells a client to fail.
    """

    def sent(name: bytes) -> bytes:
        return set_fields.get(name) or (b"" if name in removed else request.headers.get(name, b""))

    if headers.get(b"upgrade", b"").strip().lower() != b"websocket":
        raise AnswerError("it switched to another protocol")
    if b"upgrade" not in {each.strip().lower() for each in headers.get(b"connection", b"").split(b",")}:
        raise AnswerError("its Connection field does not say upgrade")
    if headers.get(b"sec-websocket-accept", b"") != accept_of(request.headers[b"sec-websocket-key"]):
        raise AnswerError("its Sec-WebSocket-Accept does not belong to the key")
    chosen = headers.get(_PROTOCOL)
    if chosen is not None and chosen not in _names(sent(_PROTOCOL)):
        raise AnswerError("it chose a subprotocol that was not offered")
    extensions = headers.get(_EXTENSIONS)
    if extensions is None:
        return False
    if b"," in extensions or extensions.partition(b";")[0].strip() != _DEFLATE or not sent(_EXTENSIONS):
        raise AnswerError("it uses an extension that was not offered")
    return True


def accept_of(key: bytes) -> bytes:
    """What a service answers to ``key`` (RFC 6455 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())


def _names(value: bytes) -> list[bytes]:
    return [name.strip(b" \t") for name in value.split(b",")] if value else []


def _malformed(headers: Mapping[bytes, bytes]) -> Refuse | None:
    if not _KEY.fullmatch(headers.get(b"sec-websocket-key", b"")):
        finding = Finding("/header/sec-websocket-key", "", "16 bytes in base64")
        return Refuse(WEBSOCKET_HANDSHAKE, "The Sec-WebSocket-Key is not 16 bytes in base64.", finding)
    protocols = headers.get(_PROTOCOL)
    if protocols is not None and (not _TOKENS.fullmatch(protocols) or _repeats(_names(protocols))):
        finding = Finding("/header/sec-websocket-protocol", "", "different tokens, at most 64")
        return Refuse(WEBSOCKET_HANDSHAKE, "The Sec-WebSocket-Protocol is no list of different tokens.", finding)
    return None


def _repeats(names: list[bytes]) -> bool:
    return len(set(names)) < len(names)


def _foreign(request: RequestView, origins: Origins, without: str, *, anyone: bool) -> Refuse | None:
    value = request.headers.get(b"origin")
    if value is None:
        if without == "allow" or (without == "without_cookies" and b"cookie" not in request.headers):
            return None
        return Refuse(WEBSOCKET_ORIGIN, finding=Finding("/header/origin", "none", "an origin, as browsers name it"))
    origin = value.decode("latin-1")
    if is_own(origin, request) or origins.allow(origin) or (anyone and b"cookie" not in request.headers):
        return None
    allowed = ", ".join(filter(None, ("the API's own", origins.listed)))
    return Refuse(WEBSOCKET_ORIGIN, finding=Finding("/header/origin", shorten(origin), allowed))
