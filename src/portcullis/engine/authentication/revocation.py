"""Certificate revocation lists (RFC 5280 5), complete ones and deltas.

A list that has run out, or of which a part is not understood, is not gone by: who is on the next one is not known. So
nobody passes for whom that list would decide.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final, Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

MAX_ENTRIES: Final = 2_000_000
"""Certificates that one list may name."""
_UNDERSTOOD: Final = frozenset({x509.CRLNumber.oid, x509.AuthorityKeyIdentifier.oid})
_PEM: Final = b"-----BEGIN X509 CRL-----"

Status = Literal["good", "revoked", "unknown"]


class RevocationListError(ValueError):
    """A list can't be gone by. The message says why."""


class OutdatedListError(RevocationListError):
    """A list does not hold now."""


class RevocationList:
    """One list: what ``issuer`` (a name in DER; ``whose``: in words) has revoked, and until when it holds.

    ``number``: of the list (RFC 5280 5.2.3), 0 where it has none; ``base``: of the complete list that a delta adds to,
    ``None`` for a complete one; ``removed``: serial numbers that a delta takes from it.
    """

    __slots__ = ("base", "issuer", "number", "removed", "revoked", "until", "whose")

    def __init__(
        self,
        issuer: bytes,
        whose: str,
        revoked: frozenset[int],
        until: float,
        number: int = 0,
        base: int | None = None,
        removed: frozenset[int] = frozenset(),
    ) -> None:
        self.issuer = issuer
        self.whose = whose
        self.revoked = revoked
        self.until = until
        self.number = number
        self.base = base
        self.removed = removed


class Revocations:
    """Several lists, by their issuers."""

    def __init__(self, lists: Iterable[RevocationList]) -> None:
        self._by_issuer: dict[bytes, RevocationList] = {}
        for each in lists:
            known = self._by_issuer.get(each.issuer)
            # Of two lists of one authority the one that was made last holds.
            if known is None or known.until < each.until:
                self._by_issuer[each.issuer] = each

    def status(self, issuer: bytes, serial: int, now: float) -> Status:
        """What is known of a certificate: ``unknown`` where its authority has no list here that still holds."""
        found = self._by_issuer.get(issuer)
        if found is None:
            return "unknown"
        if serial in found.revoked:
            return "revoked"
        return "good" if now < found.until else "unknown"


def combined(lists: Sequence[RevocationList]) -> list[RevocationList]:
    """One list for each issuer: its newest complete one, with what the deltas to it say (RFC 5280 5.2.4).

    With a delta the list holds until the first of both ends: what has been revoked since then would be on a newer one.
    Of a delta to a later complete list only what it revokes counts; one to no list at all is left out.
    """
    complete: dict[bytes, RevocationList] = {}
    for each in lists:
        known = complete.get(each.issuer)
        if each.base is None and (known is None or (known.number, known.until) < (each.number, each.until)):
            complete[each.issuer] = each
    return [_with_deltas(each, lists) for each in complete.values()]


def _with_deltas(complete: RevocationList, lists: Sequence[RevocationList]) -> RevocationList:
    deltas = [each for each in lists if each.issuer == complete.issuer and each.base is not None]
    revoked, until, number = complete.revoked, complete.until, complete.number
    mine = [each for each in deltas if (each.base or 0) <= complete.number <= each.number]
    if mine:
        delta = max(mine, key=lambda each: (each.number, each.until))
        revoked = (revoked - delta.removed) | delta.revoked
        until, number = min(until, delta.until), delta.number
    revoked = revoked.union(*(each.revoked for each in deltas if (each.base or 0) > complete.number))
    return RevocationList(complete.issuer, complete.whose, revoked, until, number)


def read_list(
    data: bytes,
    authorities: Sequence[x509.Certificate],
    now: float,
    *,
    deltas: bool = False,
    by_authorities: bool = False,
) -> RevocationList:
    """The list in ``data`` (PEM or DER), if it holds ``now``. Raises :class:`RevocationListError`.

    It must be signed by one of ``authorities`` where one of them has its issuer's name. Lists of authorities that
    only the chains of clients have are verified in their handshakes, unless it must be ``by_authorities``. ``deltas``:
    it may be one.
    """
    understood = frozenset({x509.DeltaCRLIndicator.oid} if deltas else ())
    with readable_list():
        crl, until = open_list(data, authorities, now, understood, by_authorities=by_authorities)
        number, base = _number(crl, x509.CRLNumber), _number(crl, x509.DeltaCRLIndicator)
        removed = frozenset(_removed(crl) if base is not None else ())
        revoked = frozenset(entry.serial_number for entry in crl) - removed
        whose = crl.issuer.rfc4514_string()
    return RevocationList(crl.issuer.public_bytes(), whose, revoked, until, number or 0, base, removed)


@contextmanager
def readable_list() -> Iterator[None]:
    """Within it, what only lists that are broken raise is a :class:`RevocationListError`."""
    try:
        yield
    except RevocationListError:
        raise
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.InvalidVersion):
        raise RevocationListError("it is no revocation list in PEM or DER") from None


def open_list(
    data: bytes,
    authorities: Sequence[x509.Certificate],
    now: float,
    understood: frozenset[x509.ObjectIdentifier] = frozenset(),
    *,
    by_authorities: bool = False,
) -> tuple[x509.CertificateRevocationList, float]:
    """The list in ``data`` as :func:`read_list` takes it, and until when it holds; within :func:`readable_list`.

    ``understood``: critical extensions that the caller looks at himself.
    """
    crl = x509.load_pem_x509_crl(data) if _PEM in data else x509.load_der_x509_crl(data)
    whose = crl.issuer.rfc4514_string()
    _check_extensions(crl, _UNDERSTOOD | understood)
    _check_signature(crl, whose, authorities, known_only=by_authorities)
    return crl, _end(crl, whose, now)


def as_pem(data: bytes) -> str:
    """The list in ``data``, which was read before, in PEM."""
    crl = x509.load_pem_x509_crl(data) if _PEM in data else x509.load_der_x509_crl(data)
    return crl.public_bytes(Encoding.PEM).decode()


def _end(crl: x509.CertificateRevocationList, whose: str, now: float) -> float:
    starts, ends = crl.last_update_utc, crl.next_update_utc
    if ends is None:
        raise RevocationListError(f"the list of {whose} does not say until when it holds")
    if starts.timestamp() > now:
        raise OutdatedListError(f"the list of {whose} does not hold before {_day(starts)}")
    if ends.timestamp() <= now:
        raise OutdatedListError(f"the list of {whose} has expired at {_day(ends)}")
    if len(crl) > MAX_ENTRIES:
        raise RevocationListError(f"the list of {whose} has more than {MAX_ENTRIES} entries")
    return ends.timestamp()


def _number(crl: x509.CertificateRevocationList, kind: type[x509.CRLNumber | x509.DeltaCRLIndicator]) -> int | None:
    found = [each.value for each in crl.extensions if isinstance(each.value, kind)]
    return found[0].crl_number if found else None


def _removed(crl: x509.CertificateRevocationList) -> Iterator[int]:
    """Serial numbers of what is on hold no more (RFC 5280 5.3.1, removeFromCRL)."""
    for entry in crl:
        for each in entry.extensions:
            if isinstance(each.value, x509.CRLReason) and each.value.reason is x509.ReasonFlags.remove_from_crl:
                yield entry.serial_number


def _check_extensions(crl: x509.CertificateRevocationList, understood: Collection[x509.ObjectIdentifier]) -> None:
    """A list with a critical part that is not understood must not be used (RFC 5280 5.2): it may be but a part."""
    for each in crl.extensions:
        if each.critical and each.oid not in understood:
            raise RevocationListError(f"the list is not a complete one ({each.oid.dotted_string} is not understood)")


def _check_signature(
    crl: x509.CertificateRevocationList, whose: str, authorities: Sequence[x509.Certificate], *, known_only: bool
) -> None:
    named = [each for each in authorities if each.subject == crl.issuer]
    if known_only and not named:
        raise RevocationListError(f"the list is of {whose}, which is none of the authorities that are known")
    if named and not any(_signed(crl, each) for each in named):
        raise RevocationListError(f"the list of {whose} is not signed by it")


def _signed(crl: x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    try:
        return crl.is_signature_valid(authority.public_key())  # type: ignore[arg-type]
    except (InvalidSignature, TypeError, ValueError, UnsupportedAlgorithm):
        return False


def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
