"""TLS towards services: whom a connection must be with, proven by a certificate, by a key (a pin), or by both."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from portcullis.engine.peer_certificate import CertificateError, read_certificate
from portcullis.engine.public_key_pins import pin_of, written_pin
from portcullis.mounts.judging_context import JudgingContext, RefusedCertificateError, verified_chain

if TYPE_CHECKING:
    from portcullis.engine.peer_certificate import PeerCertificate

_log = logging.getLogger(__name__)


class UpstreamTls(msgspec.Struct, frozen=True):
    """What is asked of a service.

    ``service``: what it is called in the log; ``ca``: path of a PEM file with the authorities that may sign its
    certificate, ``None`` for the system's; ``verified``: whether that is asked at all; ``pins``: SHA-256 digests of
    public keys (SubjectPublicKeyInfo), one of which must be in its chain, the one in use first; ``certificate`` and
    ``key``: paths of what the gateway shows it; ``tls13``: nothing older is spoken; ``protocols``: what is spoken
    in it, the preferred first.
    """

    service: str = ""
    ca: str | None = None
    verified: bool = True
    pins: tuple[bytes, ...] = ()
    certificate: str | None = None
    key: str | None = None
    tls13: bool = False
    protocols: tuple[str, ...] = ("http/1.1",)


class UpstreamContext(JudgingContext):
    """A context for connections to a service, which looks for pinned keys."""

    asked: UpstreamTls
    _told: bytes = b""

    def judge(self, connection: ssl.SSLObject, now: float, *, asked: bool = False) -> PeerCertificate | None:  # noqa: ARG002 - a pin has no end
        """Refuse a service none of whose keys is pinned; a connection to one has no certificate of a client's."""
        keys = list(_keys(connection, whole=self.asked.verified))
        pins = self.asked.pins
        found = next((pin for pin in pins if pin in keys), None)
        if found is None:
            shown = f", it shows {written_pin(keys[0])}" if keys else ""
            raise RefusedCertificateError(f"none of its keys is pinned{shown}")
        if found != pins[0] and found != self._told:
            self._told = found
            _log.warning(
                "%s shows the key of pin %s and no more that of the first pin: name a new backup after it",
                self.asked.service,
                written_pin(found),
            )
        return None


def upstream_context(asked: UpstreamTls) -> UpstreamContext:
    """A context that asks what is ``asked``. Raises ``OSError`` or ``ssl.SSLError``."""
    context = UpstreamContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3 if asked.tls13 else ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(asked.protocols)
    if not asked.verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif asked.ca is not None:
        context.load_verify_locations(asked.ca)
    else:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if asked.certificate is not None:
        context.load_cert_chain(asked.certificate, asked.key, password=no_password)
    context.asked = asked
    context.judges = bool(asked.pins)
    return context


def no_password() -> str:
    """Called for an encrypted key file: the gateway never asks at a terminal."""
    raise ssl.SSLError("the private key is encrypted; store it unencrypted with mode 0600")


def _keys(connection: ssl.SSLObject, *, whole: bool) -> Iterator[bytes]:
    """The digests of the keys of the peer's chain; only of its own certificate unless the chain was verified."""
    own = connection.getpeercert(binary_form=True)
    chain: Sequence[bytes] = verified_chain(connection) if whole else () if own is None else (own,)
    for each in chain:
        try:
            yield pin_of(read_certificate(each))
        except CertificateError as error:
            raise RefusedCertificateError(str(error)) from None
