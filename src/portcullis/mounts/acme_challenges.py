"""Challenges of an authority, answered: http-01 on redirectors, tls-alpn-01 on listeners with TLS.

While no tls-alpn-01 challenge is open nobody looks at a ClientHello: connections go to TLS at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from collections.abc import Callable
from typing import cast

from portcullis.engine.certificates.challenges import ACME_PATH, ACME_PROTOCOL, Challenges, decode
from portcullis.engine.client_hello import ClientHello, ClientHelloError, ClientHelloReader
from portcullis.engine.decision import Answer
from portcullis.mounts.admission import Admission
from portcullis.mounts.deadlines import Deadlines

MakeProtocol = Callable[[Admission], asyncio.Protocol]


class AcmeChallenges:
    """Those that are open, as control has told."""

    def __init__(self) -> None:
        self._told = Challenges()
        self._contexts: dict[str, ssl.SSLContext] = {}

    @property
    def in_tls(self) -> bool:
        """Whether a handshake may be one by which an authority has a name proven."""
        return bool(self._told.tls)

    def apply(self, known: bytes) -> None:
        """Take over what is told of :data:`.challenges.TOPIC`. Raises ``ValueError`` where it can't be read."""
        self._told = decode(known)
        self._contexts.clear()

    def answer(self, method: str, target: str) -> Answer | None:
        """What an authority is answered that asks for a token; ``None`` where nothing is known of it."""
        if method not in ("GET", "HEAD") or not target.startswith(ACME_PATH):
            return None
        found = self._told.http.get(target.removeprefix(ACME_PATH))
        if found is None:
            return None
        fields = ((b"content-type", b"application/octet-stream"), (b"cache-control", b"no-store"))
        return Answer(200, fields, found.encode())

    def context(self, hello: ClientHello) -> ssl.SSLContext | None:
        """The context for the handshake that begins with ``hello``, if it is an authority's."""
        name = hello.name
        if ACME_PROTOCOL not in hello.protocols or name not in self._told.tls:
            return None
        if name not in self._contexts:
            self._contexts[name] = _challenge_context(self._told.tls[name])
        return self._contexts[name]


class HelloReader(asyncio.Protocol):
    """A new connection of a listener with TLS: reads the ClientHello, then gives way.

    ``make_usual`` makes what serves clients, ``make_challenge`` what shakes hands with an authority and ends; either
    takes over the ``admission``. Whoever has not said hello after ``header_ns`` nanoseconds is cut off.
    """

    __slots__ = (
        "_admission",
        "_challenges",
        "_deadlines",
        "_header_ns",
        "_make_challenge",
        "_make_usual",
        "_pieces",
        "_reader",
        "_transport",
        "deadline",
    )

    def __init__(
        self,
        challenges: AcmeChallenges,
        make_usual: MakeProtocol,
        make_challenge: Callable[[ssl.SSLContext, Admission], asyncio.Protocol],
        deadlines: Deadlines,
        header_ns: int,
        admission: Admission,
    ) -> None:
        self._challenges = challenges
        self._make_usual = make_usual
        self._make_challenge = make_challenge
        self._deadlines = deadlines
        self._header_ns = header_ns
        self._admission = admission
        self._reader = ClientHelloReader()
        self._pieces: list[bytes] = []
        self._transport: asyncio.Transport
        self.deadline = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the ClientHello, if there is a place for the connection."""
        self._transport = cast("asyncio.Transport", transport)
        if not self._admission.admit(self._transport):
            self._transport.abort()
            return
        self.deadline = self._deadlines.now() + self._header_ns
        self._deadlines.add(self)

    def data_received(self, data: bytes) -> None:
        """Read on until it is clear who this is."""
        if self._transport.is_closing():
            return
        self._pieces.append(data)
        context = None
        try:
            hello = self._reader.feed(data)
            if hello is None:
                return
            context = self._challenges.context(hello)
        except ClientHelloError:
            pass  # TLS will say what is wrong with it
        self._deadlines.discard(self)
        make_challenge = self._make_challenge
        protocol = self._make_usual(self._admission) if context is None else make_challenge(context, self._admission)
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        if not self._transport.is_closing():
            protocol.data_received(b"".join(self._pieces))

    def eof_received(self) -> bool:
        """It has ended before it said hello."""
        return False

    def connection_lost(self, _exc: Exception | None) -> None:
        """Nothing was served on it yet."""
        self._deadlines.discard(self)
        self._admission.release()

    def expire(self) -> None:
        """It has not said hello in time."""
        self._transport.abort()


class ChallengeConnection(asyncio.Protocol):
    """What stands above TLS when an authority has shaken hands: that was all it wanted (RFC 8737 3)."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """End."""
        transport.close()


def _challenge_context(pem: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols([ACME_PROTOCOL.decode()])
    descriptor = os.memfd_create("challenge", os.MFD_CLOEXEC)
    with contextlib.closing(os.fdopen(descriptor, "wb")) as file:
        file.write(pem.encode())
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    return context
