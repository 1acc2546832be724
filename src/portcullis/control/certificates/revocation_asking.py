"""Asking whether a certificate of our own is revoked: whom it names, or the list of an authority of our own.

Responders (OCSP) come first, since their answers are small and new; then lists. One answer that can be gone by is
enough. Whoever has issued the certificate says where that is, and was chosen by whoever runs the gateway.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from portcullis.control.outgoing import Outgoing, OutgoingError
from portcullis.control.revocation_lists.keeping import LIST_TYPE
from portcullis.control.revocation_lists.kept import MAX_LIST
from portcullis.control.revocation_lists.points import is_at, points_of
from portcullis.control.revocation_lists.responders import answer_of
from portcullis.engine.authentication.ocsp import OcspError, responders_of
from portcullis.engine.authentication.revocation import RevocationListError
from portcullis.engine.certificates.listed import look_up
from portcullis.engine.certificates.reading import is_self_signed
from portcullis.engine.certificates.revocation import Told

MAX_PLACES: Final = 3
"""Responders, and lists, of one certificate that are tried."""


class NotToldError(Exception):
    """Nobody gave an answer that can be gone by. The message says why."""


class NobodyToAskError(Exception):
    """The certificate names nobody who could be asked. The message says so."""


async def ask_authority(chain: Sequence[x509.Certificate], outgoing: Outgoing, wall_s: Callable[[], float]) -> Told:
    """What the authority of the first of ``chain`` says of it.

    Raises :class:`NotToldError` and :class:`NobodyToAskError`.
    """
    certificate, *others = chain
    responders = [url for url in responders_of(certificate) if is_at(url, None)][:MAX_PLACES]
    points = points_of(certificate, None)[:MAX_PLACES]
    if is_self_signed(certificate) or not (responders or points):
        raise NobodyToAskError("it names neither a responder nor a list")
    issuer = issuer_in(certificate, others)
    if issuer is None:
        raise NotToldError("the certificate of its authority, by which answers are verified, is not in the file")
    reasons = []
    for url in responders:
        try:
            return await _ask_responder(url, certificate, issuer, outgoing, wall_s)
        except NotToldError as error:
            reasons.append(str(error))
    for url in points:
        try:
            return await _ask_list(url, certificate, issuer, outgoing, wall_s)
        except NotToldError as error:
            reasons.append(str(error))
    raise NotToldError("; ".join(reasons))


def ask_own_list(
    path: Path, certificate: x509.Certificate, authorities: Sequence[x509.Certificate], now: float
) -> Told:
    """What the list at ``path``, of an authority of our own, says of ``certificate``. Raises :class:`NotToldError`."""
    try:
        return look_up(path.read_bytes(), str(path), certificate, authorities, now)
    except OSError as error:
        raise NotToldError(f"{path}: {error.strerror or error}") from None
    except RevocationListError as error:
        raise NotToldError(f"{path}: {error}") from None


def issuer_in(certificate: x509.Certificate, others: Sequence[x509.Certificate]) -> x509.Certificate | None:
    """The one of ``others`` that has signed ``certificate``."""
    for each in others:
        try:
            certificate.verify_directly_issued_by(each)
        except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
            continue
        return each
    return None


async def _ask_responder(
    url: str,
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    outgoing: Outgoing,
    wall_s: Callable[[], float],
) -> Told:
    try:
        answer = await answer_of(url, certificate, issuer, outgoing, wall_s)
    except (OutgoingError, OcspError) as error:
        raise _not_told(url, error) from None
    if answer.status == "unknown":
        raise NotToldError(f"{url}: it does not know the certificate")
    return Told(answer.status, url, answer.since, answer.reason)


async def _ask_list(
    url: str,
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    outgoing: Outgoing,
    wall_s: Callable[[], float],
) -> Told:
    try:
        data = (await outgoing.get(url, accept=LIST_TYPE, most=MAX_LIST)).content
        return await asyncio.to_thread(look_up, data, url, certificate, (issuer,), wall_s())
    except (OutgoingError, RevocationListError) as error:
        raise _not_told(url, error) from None


def _not_told(url: str, error: Exception) -> NotToldError:
    return NotToldError(f"{url}: {str(error).removeprefix(f'{url}: ')}")
