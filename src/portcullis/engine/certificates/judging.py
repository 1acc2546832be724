"""What is wrong with a certificate, or soon will be. Nothing here looks at a clock or a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final, Literal

import msgspec
from cryptography import x509

from portcullis.engine.certificates.reading import (
    CertificateFacts,
    UnreadableError,
    facts_of,
    is_self_signed,
    key_belongs_to,
)

Kind = Literal[
    "expired",
    "not_yet_valid",
    "expires_soon",
    "wrong_name",
    "weak_key",
    "weak_signature",
    "incomplete_chain",
    "key_mismatch",
    "file_permissions",
    "unreadable",
    "not_issued",
    "revoked",
]

ALERT_DAYS: Final = (21, 7, 3, 1)
"""Days before the end at which somebody is told."""
_LIFE_PART: Final = 3
"""What is left of a short-lived certificate is no reason to worry until this part of its life: a third."""
_WEAK_HASHES: Final = frozenset({"md5", "sha1"})
_LEAST_RSA: Final = 2048
_LEAST_EC: Final = 256


class Problem(msgspec.Struct, frozen=True):
    """``kind``: stable, for alerts and scripts; ``text``: for people; ``grave``: clients refuse it already."""

    kind: Kind
    text: str
    grave: bool = False


def alert_days(facts: CertificateFacts, now: float) -> int | None:
    """The last of ``ALERT_DAYS`` that ``facts`` has come to; ``None`` while there is no reason to worry.

    A certificate of six days is renewed with two left, and one of 47 with 15: what is more than a third of its life
    does not count.
    """
    left = facts.days_left(now)
    third = (facts.not_after - facts.not_before) / 86_400 / _LIFE_PART
    passed = [days for days in ALERT_DAYS if left <= min(days, third)]
    return min(passed) if passed else None


def problems_of(
    chain: Sequence[x509.Certificate],
    key_pem: bytes | None,
    now: float,
    *,
    hosts: Iterable[str] = (),
    is_root: Callable[[x509.Name], bool] = lambda _: True,
) -> Iterator[Problem]:
    """What is wrong with the first of ``chain``, with the others of it, and with the key that belongs to it.

    ``now``: Unix seconds; ``hosts``: names under which it is served (``*`` for any), none where they don't matter;
    ``is_root``: whether an authority is one that clients know. Raises :class:`UnreadableError`.
    """
    facts = facts_of(chain[0])
    yield from _times(facts, now)
    yield from _strength(chain)
    yield from _names(facts, list(hosts))
    yield from _links(chain, now, is_root)
    if key_pem is not None:
        try:
            belongs = key_belongs_to(chain[0], key_pem)
        except UnreadableError as error:
            yield Problem("unreadable", str(error), grave=True)
        else:
            if not belongs:
                yield Problem("key_mismatch", "the private key is that of another certificate", grave=True)


def _times(facts: CertificateFacts, now: float) -> Iterator[Problem]:
    left = facts.days_left(now)
    if left <= 0:
        yield Problem("expired", f"expired {in_days(-left)} ago", grave=True)
    elif now < facts.not_before:
        yield Problem("not_yet_valid", f"holds only in {in_days((facts.not_before - now) / 86_400)}", grave=True)
    elif alert_days(facts, now) is not None:
        yield Problem("expires_soon", f"expires in {in_days(left)}")


def _strength(chain: Sequence[x509.Certificate]) -> Iterator[Problem]:
    for index, certificate in enumerate(chain):
        facts = facts_of(certificate)
        whose = "its" if index == 0 else f"the authority's ({facts.subject})"
        kind, _, bits = facts.key.partition(" ")
        least = {"RSA": _LEAST_RSA, "EC": _LEAST_EC}.get(kind, 0)
        if kind == "DSA" or int(bits or 0) < least:
            yield Problem("weak_key", f"{whose} key is weak: {facts.key}", grave=index == 0)
        # Nobody verifies what a root says of itself.
        if facts.signature in _WEAK_HASHES and not is_self_signed(certificate):
            yield Problem("weak_signature", f"{whose} signature is over {facts.signature}", grave=True)


def _names(facts: CertificateFacts, hosts: Sequence[str]) -> Iterator[Problem]:
    if hosts and not facts.names:
        yield Problem("wrong_name", "it is for no name (subject alternative names)", grave=True)
    elif hosts and not any(covers(name, host) for name in facts.names for host in hosts):
        text = f"it is for {_first_three(facts.names)}, not for {_first_three(hosts)}"
        yield Problem("wrong_name", text, grave=True)


def _first_three(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def covers(name: str, host: str) -> bool:
    """Whether a certificate's ``name`` is for some host that ``host`` (``*``, ``*.domain``, a name) stands for."""
    name, host = name.lower(), host.lower().strip("[]")
    if host in {"*", name}:
        return True
    if host.startswith("*."):
        return name.endswith(host[1:])
    label, dot, parent = host.partition(".")
    return bool(label and dot) and name == f"*.{parent}"  # one label (RFC 9525 6.3)


def _links(chain: Sequence[x509.Certificate], now: float, is_root: Callable[[x509.Name], bool]) -> Iterator[Problem]:
    for below, above in pairwise(chain):
        try:
            below.verify_directly_issued_by(above)
        except (ValueError, TypeError, x509.InvalidVersion):
            text = f"what follows {below.subject.rfc4514_string()} in the file did not sign it"
            yield Problem("incomplete_chain", text)
            return
        except Exception as error:  # noqa: BLE001 - InvalidSignature, and what else a hostile file may hold
            yield Problem("incomplete_chain", f"a signature in the chain is wrong ({type(error).__name__})", grave=True)
            return
        if facts_of(above).days_left(now) <= 0:
            yield Problem("expired", f"its authority {above.subject.rfc4514_string()} has expired", grave=True)
    last = chain[-1]
    # An authority that says where its own certificate is to be had is no root that others know by heart.
    if not is_self_signed(last) and _names_its_issuer(last) and not is_root(last.issuer):
        text = f"the file ends before an authority that clients know: {last.issuer.rfc4514_string()} is missing"
        yield Problem("incomplete_chain", text)


def _names_its_issuer(certificate: x509.Certificate) -> bool:
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    return any(each.access_method == x509.oid.AuthorityInformationAccessOID.CA_ISSUERS for each in access)


def in_days(days: float) -> str:
    """``3 days``; below two days in hours."""
    if days >= 2:
        return f"{int(days)} days"
    return f"{int(days * 24)} hours"
