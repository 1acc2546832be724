"""Making an authority of one's own, as files: the root in a folder that goes offline, what issues in another."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from portcullis.control.certificates.private_issuing import authority_at, key_pem, load_signer, pem_of, publish_list
from portcullis.engine.certificates import private_authority
from portcullis.engine.certificates.private_authority import IssuingError, Wanted, new_key
from portcullis.engine.certificates.reading import read_chain
from portcullis.engine.config.names import check_name, check_server_name, check_spiffe_id
from portcullis.stores.private_files import write_private

ROOT: Final = "root"


def make_root(name: str, folder: Path, days: int) -> str:
    """Make a root for ``name`` in ``folder``; says where. Raises :class:`IssuingError` and ``OSError``."""
    _check_name(name)
    key_file = folder / f"{ROOT}.key"
    if key_file.exists():
        raise IssuingError(f"{key_file} is there already: a root is made once")
    key = new_key()
    certificate = private_authority.make_root(name, key, days, datetime.now(UTC))
    write_private(key_file, key_pem(key))
    write_private(folder / f"{ROOT}.pem", certificate.public_bytes(Encoding.PEM))
    return f"root: {folder / ROOT}.pem, ends {certificate.not_valid_after_utc:%Y-%m-%d}"


def make_intermediate(name: str, root: Path, out: Path, domains: Sequence[str], days: int) -> str:
    """Make an authority for ``name`` below the root in the folder ``root``, in the folder ``out``; says where.

    ``domains``: below which it may issue. Raises :class:`IssuingError`, :class:`UnreadableError` and ``OSError``.
    """
    _check_name(name)
    signer = load_signer(root / f"{ROOT}.pem", root / f"{ROOT}.key")
    key = new_key()
    made = private_authority.make_intermediate(name, key.public_key(), signer, days, domains, datetime.now(UTC))
    # The key first: who reads between the two finds a pair that does not belong together, and waits.
    write_private(out / f"{name}.key", key_pem(key))
    write_private(out / f"{name}.pem", made.public_bytes(Encoding.PEM))
    write_private(out / f"{ROOT}.pem", signer.certificate.public_bytes(Encoding.PEM))
    # Nobody has the root at hand to make another one, so its list holds as long as what it has signed.
    now = datetime.now(UTC)
    holds = made.not_valid_after_utc - now
    listed = private_authority.revocation_list(signer, (), int(now.timestamp()), now, holds)
    write_private(out / f"{ROOT}.crl", listed.public_bytes(Encoding.PEM))
    _add_for_clients(out / f"{name}-clients.pem", [made, signer.certificate])
    publish_list(authority_at(name, str(out / f"{name}.pem"), str(out / f"{name}.key")))
    return f"authority: {out / name}.pem, ends {made.not_valid_after_utc:%Y-%m-%d}"


def domains_before(name: str, out: Path) -> Sequence[str]:
    """The domains of the authority ``name`` that is in the folder ``out``, for the one that takes its place.

    Raises :class:`IssuingError`, :class:`UnreadableError` and ``OSError``.
    """
    _check_name(name)
    return private_authority.domains_of(read_chain((out / f"{name}.pem").read_bytes())[0])


def _check_name(name: str) -> None:
    """It becomes a part of paths, beside those of the root."""
    try:
        check_name(name)
    except ValueError as error:
        raise IssuingError(f"the name of an authority is of {error}") from None
    if name == ROOT:
        raise IssuingError(f"an authority can't be called {ROOT}: its files would take the place of the root's")


def _add_for_clients(file: Path, those: Sequence[x509.Certificate]) -> None:
    """Put ``those`` before what is in ``file``, for listeners that ask for clients' certificates; what ended goes."""
    with suppress(FileNotFoundError):
        those = [*those, *read_chain(file.read_bytes())]
    now = datetime.now(UTC)
    kept = dict.fromkeys(each for each in those if each.not_valid_after_utc > now)
    write_private(file, b"".join(each.public_bytes(Encoding.PEM) for each in kept))


def sign_request(request: Path, certificate: Path, key: Path, names: Sequence[str], spiffe_id: str, hours: int) -> str:
    """A certificate with its chain, in PEM, for the key of ``request``.

    Raises :class:`IssuingError`, :class:`UnreadableError` and ``OSError``.
    """
    if not names and not spiffe_id:
        raise IssuingError("for whom? Say it with --name or --spiffe-id")
    try:
        asked = x509.load_pem_x509_csr(request.read_bytes())
        sound = private_authority.is_signed_by_its_key(asked)
    except ValueError:
        raise IssuingError(f"{request} is no certificate signing request in PEM") from None
    if not sound:
        raise IssuingError(f"{request} is not signed by its own key, or that is too weak")
    try:
        for name in names:
            check_server_name(name.removeprefix("*."))
        if spiffe_id:
            check_spiffe_id(spiffe_id)
    except ValueError as error:
        raise IssuingError(f"it can't be for {', '.join(names)} {spiffe_id}: {error}") from None
    signer = load_signer(certificate, key)
    wanted = Wanted(names, spiffe_id, timedelta(hours=hours).total_seconds())
    issued = private_authority.issue(wanted, asked.public_key(), signer, datetime.now(UTC))
    return pem_of(issued, signer).decode()
