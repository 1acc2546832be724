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
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Final

import msgspec

from portcullis.engine.peer_certificate import CertificateError, PeerCertificate, read_certificate
from portcullis.mounts.judging_context import (
    JudgingContext,
    RefusedCertificateError,
    UndecidedCertificateError,
    presented_chain,
    verified_chain,
)

if TYPE_CHECKING:
    import asyncio

    from portcullis.engine.authentication.live_revocation import LiveRevocation
    from portcullis.engine.authentication.revocation import Revocations
    from portcullis.mounts.certificate_inquiry import CertificateInquiry

CLIENT_CERTIFICATE: Final = "client_certificate"
"""What a transport is asked for to know of the client's certificate."""
_log = logging.getLogger(__name__)
_CHAINS: Final = 1024
"""Verified chains that are remembered for sessions that are resumed."""
_PAUSE: Final = 1.0
"""Seconds between two lines of the log about one listener: strangers must not fill it."""


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


class ClientCertificates(msgspec.Struct, eq=False):
    """What a listener asks of its clients.

    ``ca``: path of the PEM file with the authorities; ``required``: whether clients without a certificate are sent
    away; ``lists``: revocation lists in PEM, which are ``complete`` where every authority has one; ``revocations``:
    the same, to look certificates up in; ``live``: what is revoked now, in place of all these lists; ``inquiry``: by
    which more is found out about a certificate that is shown, where ``live`` asks.
    """

    ca: str
    required: bool = True
    lists: Sequence[str] = ()
    complete: bool = False
    revocations: Revocations | None = None
    live: LiveRevocation | None = None
    inquiry: CertificateInquiry | None = None


class ListenerContext(JudgingContext):
    """A context that knows what to ask of client certificates; ``asked`` is ``None`` where none is asked for."""

    asked: ClientCertificates | None = None
    _chains: dict[bytes, Sequence[bytes]]

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
        self.judges = True
        self._chains = {}

    def judge(self, connection: ssl.SSLObject, now: float, *, asked: bool = False) -> PeerCertificate | None:
        """The client's certificate, if it still holds at ``now`` (Unix seconds); ``None`` where it has none.

        Raises :class:`RefusedCertificateError`: one that is undecided where nobody ``asked``, and somebody can.
        """
        if self.asked is None:
            return None
        der = connection.getpeercert(binary_form=True)
        if der is None:
            if self.asked.required:
                raise RefusedCertificateError("there is none")
            return None
        certificate = PeerCertificate(der, partial(presented_chain, connection))
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
        if self.asked.live is not None:
            self._look_up(certificate, self._chain_of(connection, der), self.asked.live, now, asked=asked)
        return certificate

    def _chain_of(self, connection: ssl.SSLObject, der: bytes) -> Sequence[bytes]:
        """The chain as it was verified: now, or in the session that is resumed, of which OpenSSL keeps none."""
        chain = verified_chain(connection)
        if not chain:
            known = self._chains.get(der)
            if known is None:
                raise RefusedCertificateError("its session is resumed, and its chain is not known any more")
            return known
        self._chains.pop(der, None)
        self._chains[der] = chain
        if len(self._chains) > _CHAINS:
            del self._chains[next(iter(self._chains))]
        return chain

    def _look_up(
        self,
        certificate: PeerCertificate,
        chain: Sequence[bytes],
        live: LiveRevocation,
        now: float,
        *,
        asked: bool,
    ) -> None:
        """See whether anything of a verified ``chain`` is revoked; the client's own is first, what is trusted last."""
        details = certificate.details
        path = [(details.issuer_name, details.serial), *map(_issuer_and_serial, chain[1:-1])]
        certificate.refusal = partial(live.refusal, path)
        inquiry = None if self.asked is None else self.asked.inquiry
        if inquiry is not None and live.asks:
            certificate.inquire = partial(inquiry.renew, tuple(chain), path)
            if not asked and live.status(path, now) == "unknown":
                raise UndecidedCertificateError(partial(inquiry.ask, tuple(chain)))
        if reason := certificate.refusal(now):
            raise RefusedCertificateError(reason)


def end_revoked(transports: Iterable[asyncio.Transport], now: float) -> None:
    """Break off the connections of clients whose certificates do not hold any more."""
    reasons: Counter[str] = Counter()
    for transport in transports:
        certificate: PeerCertificate | None = transport.get_extra_info(CLIENT_CERTIFICATE)
        if certificate is not None and certificate.refusal is not None and (reason := certificate.refusal(now)):
            transport.abort()
            reasons[reason] += 1
    for reason, count in reasons.items():
        _log.warning("connections ended for their client's certificate, since %s: %d", reason, count)


@lru_cache(maxsize=256)
def _issuer_and_serial(der: bytes) -> tuple[bytes, int]:
    certificate = read_certificate(der)
    return certificate.issuer.public_bytes(), certificate.serial_number
