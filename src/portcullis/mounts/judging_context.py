"""TLS contexts that look once more at whom a connection is with, when OpenSSL has shaken hands.

OpenSSL verifies chains, times and names; what else is asked of a peer is asked here, of every connection, resumed ones
included.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from portcullis.engine.peer_certificate import PeerCertificate

_DER: Final = 2
"""How OpenSSL's bindings are asked for DER, where ``ssl`` has no public way to a chain (before Python 3.13)."""


class RefusedCertificateError(Exception):
    """The handshake was fine, and the peer's certificate is not. The message says why."""


class UndecidedCertificateError(RefusedCertificateError):
    """Nothing is known of the certificate yet; ``ask`` finds out what can be found out, and takes seconds at most."""

    def __init__(self, ask: Callable[[], Awaitable[None]]) -> None:
        super().__init__("nothing is known of it")
        self.ask = ask


class JudgingContext(ssl.SSLContext):
    """A context that judges peers itself where ``judges`` is true."""

    judges: bool = False

    def judge(self, connection: ssl.SSLObject, now: float, *, asked: bool = False) -> PeerCertificate | None:
        """The peer's certificate, if it has one; ``now`` in Unix seconds.

        Raises :class:`RefusedCertificateError`; one that is undecided only as long as nobody has ``asked`` about it.
        """
        raise NotImplementedError


def presented_chain(connection: ssl.SSLObject | ssl.SSLSocket) -> Sequence[bytes]:
    """What the peer sent, in DER, its own certificate first."""
    return _chain(connection, "get_unverified_chain")


def verified_chain(connection: ssl.SSLObject) -> Sequence[bytes]:
    """The chain from the peer's certificate to an authority that is trusted, in DER, as it was verified."""
    return _chain(connection, "get_verified_chain")


def _chain(connection: ssl.SSLObject | ssl.SSLSocket, name: str) -> Sequence[bytes]:
    public = getattr(connection, name, None)
    if public is not None:
        return cast("Sequence[bytes]", public())
    inner: Any = connection._sslobj  # type: ignore[union-attr]  # noqa: SLF001 - no public way before Python 3.13
    return [each.public_bytes(_DER) for each in getattr(inner, name)() or ()]
