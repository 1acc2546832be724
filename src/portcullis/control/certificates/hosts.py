"""What a host shows: its certificate and chain, and what is wrong with them."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import Final

import msgspec
from cryptography import x509

from portcullis.engine.certificates.judging import Problem, problems_of
from portcullis.engine.certificates.reading import MAX_CHAIN, CertificateFacts, UnreadableError, facts_of
from portcullis.mounts.judging_context import presented_chain

TIMEOUT: Final = 10.0
"""Seconds for each of the two connections."""


class HostError(Exception):
    """The host can't be asked, or shows nothing that can be read. The message says why."""


class HostReport(msgspec.Struct, frozen=True):
    """``version`` and ``cipher``: what was negotiated; ``trusted``: by the authorities that were asked for."""

    host: str
    port: int
    version: str
    cipher: str
    trusted: bool
    why_not: str
    chain: list[CertificateFacts]
    problems: list[Problem]


def split_host(text: str) -> tuple[str, int]:
    """Host and port of ``HOST``, ``HOST:PORT``, ``[ADDRESS]:PORT``; 443 if there is none. Raises ``ValueError``."""
    host, port = text, "443"
    if text.startswith("[") and "]" in text:
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":") or "443"
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    if not host or not (port.isascii() and port.isdigit()) or not 1 <= int(port) <= 65535:
        raise ValueError("a host, with a port if it is not 443: shop.example, 10.0.0.7:8443, [2001:db8::7]:8443")
    return host, int(port)


def check_host(host: str, port: int, now: float, ca: Path | None = None, name: str | None = None) -> HostReport:
    """Connect twice: to see what is shown, and to see whether it is trusted.

    ``ca``: a PEM file with the authorities, the system's if ``None``; ``name``: what is asked for and verified,
    ``host`` if ``None``. Raises :class:`HostError`.
    """
    wanted = name or host
    blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    blind.check_hostname = False
    blind.verify_mode = ssl.CERT_NONE
    chain, version, cipher = _shown(host, port, wanted, blind)
    try:
        problems = list(problems_of(chain, None, now, hosts=[wanted]))
        facts = [facts_of(each) for each in chain]
    except UnreadableError as error:
        raise HostError(f"{host}: {error}") from None
    why_not = _verify(host, port, wanted, ca)
    return HostReport(host, port, version, cipher, not why_not, why_not, facts, problems)


def _shown(host: str, port: int, name: str, context: ssl.SSLContext) -> tuple[list[x509.Certificate], str, str]:
    try:
        with _connect(host, port, name, context) as connection:
            chain = presented_chain(connection)[:MAX_CHAIN]
            version, cipher = connection.version() or "", (connection.cipher() or ("",))[0]
        return [x509.load_der_x509_certificate(der) for der in chain], version, cipher
    except ssl.SSLError as error:
        raise HostError(f"{host}:{port} refused the handshake: {_reason(error)}") from None
    except OSError as error:
        raise HostError(f"{host}:{port} can't be reached: {error.strerror or error}") from None
    except ValueError:
        raise HostError(f"{host}:{port} shows what is no certificate") from None


def _verify(host: str, port: int, name: str, ca: Path | None) -> str:
    """Why the host is not trusted; empty if it is."""
    try:
        context = ssl.create_default_context(cafile=None if ca is None else str(ca))
    except OSError as error:
        raise HostError(f"{ca} can't be used: {error.strerror or 'no certificates in PEM'}") from None
    try:
        with _connect(host, port, name, context):
            return ""
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    except ssl.SSLError as error:
        return _reason(error)
    except OSError as error:
        return error.strerror or str(error)


def _connect(host: str, port: int, name: str, context: ssl.SSLContext) -> ssl.SSLSocket:
    raw = socket.create_connection((host, port), timeout=TIMEOUT)
    try:
        return context.wrap_socket(raw, server_hostname=name)
    except BaseException:
        raw.close()
        raise


def _reason(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).lower().replace("_", " ")
