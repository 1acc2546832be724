"""Client certificates on a listener: asked for and verified in the handshake, and looked at once more after it.

OpenSSL verifies the chain, the times and the revocation lists. It does so in full handshakes only, so a session that
is resumed would carry a certificate on that was revoked since. Listeners that ask for certificates therefore hand out
no tickets, and what OpenSSL may still resume (TLS 1.2, in the same process) is judged by what is known of the
certificate now.
"""

from __future__ import annotations

import logging
import ssl
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from portcullis.engine.peer_certificate import CertificateError, PeerCertificate

if TYPE_CHECKING:
    from portcullis.engine.authentication.revocation import Revocations

_log = logging.getLogger(__name__)
_PAUSE: Final = 1.0
"""Seconds between two lines of the log about one listener: strangers must not fill it."""
_DER: Final = 2
"""How OpenSSL's bindings are asked for DER, where ``ssl`` has no public way to a chain (before Python 3.13)."""


class RefusedCertificateError(Exception):
    """The handshake was fine, and the client's certificate is not. The message says why."""


class RefusedClients:
    """Writes into the log why handshakes on ``listener`` failed for the client's certificate.

    These clients never make a call, so no record tells of them.
    """

    __slots__ = ("_listener", "_next", "_unsaid")

    def __init__(self, listener: str) -> None:
        self._listener = listener
        self._next = 0.0
        self._unsaid = 0

    def note(self, error: Exception) -> None:
        """A handshake has failed; other reasons than the certificate are the network's own."""
        if isinstance(error, ssl.SSLCertVerificationError):
            reason = error.verify_message
        elif isinstance(error, RefusedCertificateError):
            reason = str(error)
        elif getattr(error, "reason", None) == "PEER_DID_NOT_RETURN_A_CERTIFICATE":
            reason = "there is none"
        else:
            return
        now = time.monotonic()
        if now < self._next:
            self._unsaid += 1
            return
        more = f" (and {self._unsaid} more before)" if self._unsaid else ""
        self._next, self._unsaid = now + _PAUSE, 0
        _log.warning("listener %s refused a client certificate: %s%s", self._listener, reason, more)


class ClientCertificates(msgspec.Struct, frozen=True, eq=False):
    """What a listener asks of its clients.

    ``ca``: path of the PEM file with the authorities; ``required``: whether clients without a certificate are sent
    away; ``lists``: revocation lists in PEM, which are ``complete`` where every authority has one; ``revocations``:
    the same, to look certificates up in.
    """

    ca: str
    required: bool = True
    lists: Sequence[str] = ()
    complete: bool = False
    revocations: Revocations | None = None


class ListenerContext(ssl.SSLContext):
    """A context that knows what to ask of client certificates; ``asked`` is ``None`` where none is asked for."""

    asked: ClientCertificates | None = None

    def ask(self, asked: ClientCertificates) -> None:
        """Ask clients for certificates. Raises ``OSError`` or ``ssl.SSLError``."""
        self.load_verify_locations(asked.ca)
        self.verify_mode = ssl.CERT_REQUIRED if asked.required else ssl.CERT_OPTIONAL
        self.options |= ssl.OP_NO_TICKET
        self.num_tickets = 0
        for each in asked.lists:
            # Certificates can be loaded from memory, lists only from files.
            with tempfile.NamedTemporaryFile("w", encoding="ascii", suffix=".pem") as file:
                file.write(each)
                file.flush()
                self.load_verify_locations(file.name)
        if asked.lists:
            chain = ssl.VerifyFlags.VERIFY_CRL_CHECK_CHAIN
            self.verify_flags |= chain if asked.complete else ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
        self.asked = asked

    def certificate_of(self, connection: ssl.SSLObject, now: float) -> PeerCertificate | None:
        """The client's certificate, if it still holds at ``now`` (Unix seconds); ``None`` where it has none.

        Raises :class:`RefusedCertificateError`.
        """
        if self.asked is None:
            return None
        der = connection.getpeercert(binary_form=True)
        if der is None:
            if self.asked.required:
                raise RefusedCertificateError("there is none")
            return None
        certificate = PeerCertificate(der, partial(_presented_chain, connection))
        try:
            details = certificate.details
        except CertificateError as error:
            raise RefusedCertificateError(str(error)) from None
        if not details.not_before <= now < details.not_after:
            raise RefusedCertificateError("it does not hold now")
        if self.asked.revocations is not None:
            status = self.asked.revocations.status(details.issuer_name, details.serial, now)
            if status != "good":
                raise RefusedCertificateError("it has been revoked" if status == "revoked" else "no list holds now")
        return certificate


def _presented_chain(connection: ssl.SSLObject) -> Sequence[bytes]:
    """What the client sent, in DER, its own certificate first."""
    public = getattr(connection, "get_unverified_chain", None)
    if public is not None:
        return cast("Sequence[bytes]", public())
    inner: Any = connection._sslobj  # type: ignore[attr-defined]  # noqa: SLF001 - no public way before Python 3.13
    return [each.public_bytes(_DER) for each in inner.get_unverified_chain() or ()]
