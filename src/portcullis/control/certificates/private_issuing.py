"""Carries out what is asked of an authority of one's own, whose key is in a file here."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from portcullis.control.acme.messages import Done, Failed, Result
from portcullis.engine.certificates.private_authority import (
    IssuingError,
    Signer,
    Wanted,
    issue,
    new_key,
    revocation_list,
)
from portcullis.engine.certificates.reading import UnreadableError, key_belongs_to, read_chain
from portcullis.stores.private_files import write_private

LIST_HOLDS: Final = timedelta(days=7)
_MAX_REVOKED: Final = 100_000


class PrivateAuthority(msgspec.Struct, frozen=True):
    """An authority of one's own: paths of PEM files, and of the list of what it has revoked; ``lifetime``: seconds."""

    name: str
    certificate: str
    key: str
    revoked: str
    lifetime: float

    def __repr__(self) -> str:
        return f"PrivateAuthority({self.name})"


def authority_at(name: str, certificate: str, key: str, lifetime: float = 86_400.0) -> PrivateAuthority:
    """The authority of these PEM files; its list stands beside its certificate, as ``NAME.crl``."""
    return PrivateAuthority(name, certificate, key, str(Path(certificate).with_suffix(".crl")), lifetime)


class PrivateOrder(msgspec.Struct, frozen=True):
    """What it is asked to do; as :class:`~portcullis.control.acme.messages.AcmeOrder`."""

    what: Literal["obtain", "suggest", "revoke"]
    authority: PrivateAuthority
    certificate: str
    names: tuple[str, ...] = ()
    spiffe_id: str = ""
    reason: int = 0


class Revoked(msgspec.Struct):
    """What an authority has revoked: serial numbers in hex with when (Unix seconds), and with why (RFC 5280 5.3.1).

    ``number``: of its last list.
    """

    number: int = 0
    serials: dict[str, float] = {}
    reasons: dict[str, int] = {}


def carry_out(order: PrivateOrder) -> Result:
    """Do what is asked. Never raises for files that are not as they should be."""
    try:
        if order.what == "obtain":
            _obtain(order)
        elif order.what == "revoke":
            _revoke(order)
    except (IssuingError, UnreadableError, OSError) as error:
        reason = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error)
        return Failed(f"{order.authority.name}: {reason}")
    return Done()


def load_signer(certificate: Path, key: Path) -> Signer:
    """Who signs, from the PEM files of certificate (with its chain) and key.

    Raises :class:`IssuingError`, :class:`UnreadableError` and ``OSError``.
    """
    chain, pem = read_chain(certificate.read_bytes()), key.read_bytes()
    if not key_belongs_to(chain[0], pem):
        raise IssuingError(f"{key} is not the key of {certificate}")
    try:
        is_authority = chain[0].extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        is_authority = False
    if not is_authority:
        raise IssuingError(f"{certificate} is not the certificate of an authority")
    return Signer(chain[0], load_pem_private_key(pem, None), chain[1:])


def pem_of(certificate: x509.Certificate, signer: Signer) -> bytes:
    """``certificate`` and what stands between it and a root."""
    chain = [signer.certificate, *signer.chain]
    below = [each for each in chain if each.subject != each.issuer]
    return b"".join(each.public_bytes(Encoding.PEM) for each in (certificate, *below))


def key_pem(key: Any) -> bytes:
    """A private key as PEM."""
    pem: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem


def publish_list(authority: PrivateAuthority, signer: Signer | None = None) -> None:
    """Write the authority's revocation list anew. Raises as :func:`load_signer`."""
    signer = signer or load_signer(Path(authority.certificate), Path(authority.key))
    with _alone(authority):
        _publish(authority, signer, _revoked(authority))


def _publish(authority: PrivateAuthority, signer: Signer, known: Revoked) -> None:
    known.number += 1
    now = datetime.now(UTC)
    serials = [(int(serial, 16), at, known.reasons.get(serial, 0)) for serial, at in known.serials.items()]
    data = revocation_list(signer, serials, known.number, now, LIST_HOLDS).public_bytes(Encoding.PEM)
    write_private(Path(authority.revoked).with_suffix(".json"), msgspec.json.encode(known))
    write_private(Path(authority.revoked), data)


def list_is_due(authority: PrivateAuthority, now: float) -> bool:
    """Whether half of the time that its list holds is over, or there is none."""
    try:
        written = Path(authority.revoked).stat().st_mtime
    except OSError:
        return True
    return now - written > LIST_HOLDS.total_seconds() / 2


def _obtain(order: PrivateOrder) -> None:
    authority = order.authority
    signer = load_signer(Path(authority.certificate), Path(authority.key))
    key = new_key()
    wanted = Wanted(order.names, order.spiffe_id, authority.lifetime)
    certificate = issue(wanted, key.public_key(), signer, datetime.now(UTC))
    write_private(Path(order.certificate), key_pem(key) + pem_of(certificate, signer))
    if list_is_due(authority, time.time()):
        publish_list(authority, signer)


def _revoke(order: PrivateOrder) -> None:
    (certificate, *_) = read_chain(Path(order.certificate).read_bytes())
    authority = order.authority
    with _alone(authority):
        known = _revoked(authority)
        if len(known.serials) >= _MAX_REVOKED:
            raise IssuingError(f"{_MAX_REVOKED} certificates are revoked already: begin with a new authority")
        serial = f"{certificate.serial_number:x}"
        known.serials[serial] = time.time()
        if order.reason:
            known.reasons[serial] = order.reason
        # Kept first: it is on the next list even where no list can be made now.
        write_private(Path(authority.revoked).with_suffix(".json"), msgspec.json.encode(known))
        _publish(authority, load_signer(Path(authority.certificate), Path(authority.key)), known)


@contextmanager
def _alone(authority: PrivateAuthority) -> Iterator[None]:
    """Nobody else changes what is revoked meanwhile: what one of two wrote would be lost."""
    place = Path(authority.revoked).with_suffix(".lock")
    descriptor = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # until it is closed
        yield
    finally:
        os.close(descriptor)


def _revoked(authority: PrivateAuthority) -> Revoked:
    try:
        return msgspec.json.decode(Path(authority.revoked).with_suffix(".json").read_bytes(), type=Revoked)
    except FileNotFoundError:
        return Revoked()
    except msgspec.MsgspecError:
        raise IssuingError(f"{authority.revoked}: what was revoked before can't be read") from None
