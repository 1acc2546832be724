"""Asks authorities about single certificates (OCSP): each once at a time, and not again before half of what it held.

Where nothing was found out about a certificate, asking again has to wait, ever longer: its owner may connect as often
as he likes.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from cryptography import x509

from portcullis.control.outgoing import Outgoing, OutgoingError
from portcullis.control.revocation_lists.points import is_at
from portcullis.control.revocation_lists.settings import OcspSource
from portcullis.engine.authentication.live_revocation import MAX_ANSWERS, SERIAL_BYTES
from portcullis.engine.authentication.ocsp import (
    MAX_ANSWER,
    NONCE_BYTES,
    OcspAnswer,
    OcspError,
    read_answer,
    request_for,
    responders_of,
)
from portcullis.engine.authentication.status_messages import CertificateStatus
from portcullis.engine.backoff import Backoff

MAX_CALLS: Final = 24
"""Calls that are under way at a time: whoever comes then goes without an answer."""
_TYPES: Final = ("application/ocsp-request", "application/ocsp-response")
_REFRESH: Final = 0.5
_PAUSES: Final = Backoff(failures=2, within_ns=10_000_000_000, first_ns=1_000_000_000, longest_ns=30_000_000_000)
"""Between attempts that found nothing out."""

_log = logging.getLogger(__name__)
_Key = tuple[bytes, int]


class Responders:
    """Whom ``source`` lets ask. ``results``: how often there was which answer."""

    def __init__(self, source: OcspSource, outgoing: Outgoing, wall_s: Callable[[], float]) -> None:
        self.source = source
        self.results: Counter[str] = Counter()
        self._outgoing = outgoing
        self._wall_s = wall_s
        self._known: dict[_Key, tuple[CertificateStatus, float]] = {}
        self._under_way: dict[_Key, asyncio.Task[CertificateStatus | None]] = {}
        self._failures: dict[_Key, int] = {}
        """Words of :data:`_PAUSES`."""
        self._in_trouble: set[str] = set()

    async def ask(self, certificate: x509.Certificate, issuer: x509.Certificate) -> CertificateStatus | None:
        """What is known of ``certificate``, which ``issuer`` has signed; ``None`` if nothing can be found out."""
        key = issuer.subject.public_bytes(), certificate.serial_number
        known = self._known.get(key)
        if known is not None and self._wall_s() < known[1]:
            return known[0]
        task = self._under_way.get(key)
        if task is None:
            # A lock that is longer than any can be is from before the clock was set back.
            if 0 < _PAUSES.locked_for(self._failures.get(key, 0), self._now_ns()) <= _PAUSES.longest_ns:
                self.results["paused"] += 1
                return None
            if len(self._under_way) >= MAX_CALLS:
                self.results["busy"] += 1
                return None
            task = self._under_way[key] = asyncio.create_task(self._ask(key, certificate, issuer))
            task.add_done_callback(lambda _done: self._under_way.pop(key, None))
        return await asyncio.shield(task)

    async def _ask(
        self, key: _Key, certificate: x509.Certificate, issuer: x509.Certificate
    ) -> CertificateStatus | None:
        url = self._responder_of(certificate)
        if url is None:
            self.results["nobody"] += 1
            return None
        try:
            answer = await answer_of(url, certificate, issuer, self._outgoing, self._wall_s)
        except (OutgoingError, OcspError) as error:
            self.results["failed"] += 1
            self._troubled(url, str(error).removeprefix(f"{url}: "))
            self._failed(key)
            return None
        self._fine(url)
        self.results[answer.status] += 1
        if answer.status == "unknown":
            self._failed(key)  # the responder may hear of the certificate at any time
            return None
        self._failures.pop(key, None)
        now = self._wall_s()
        until = min(answer.until, now + self.source.max_age)
        told = CertificateStatus(key[0], _packed(key[1]), answer.status, until)
        _make_room(self._known, key)
        self._known[key] = told, now + (until - now) * _REFRESH
        return told

    def _failed(self, key: _Key) -> None:
        word = self._failures.get(key, 0)
        _make_room(self._failures, key)
        self._failures[key] = _PAUSES.failed(word, self._now_ns())

    def _now_ns(self) -> int:
        return int(self._wall_s() * 1e9)

    def _responder_of(self, certificate: x509.Certificate) -> str | None:
        if self.source.responder:
            return self.source.responder
        return next((url for url in responders_of(certificate) if is_at(url, self.source.hosts)), None)

    def _troubled(self, url: str, why: str) -> None:
        if url not in self._in_trouble:
            self._in_trouble.add(url)
            _log.warning("portcullis: certificates can't be asked about at %s: %s", url, why)

    def _fine(self, url: str) -> None:
        if url in self._in_trouble:
            self._in_trouble.discard(url)
            _log.warning("portcullis: certificates can be asked about again at %s", url)


async def answer_of(
    url: str,
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    outgoing: Outgoing,
    wall_s: Callable[[], float],
) -> OcspAnswer:
    """What the responder at ``url`` says of ``certificate``. Raises :class:`OutgoingError` and :class:`OcspError`."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    request = request_for(certificate, issuer, nonce)
    data = await outgoing.post(url, request, sends=_TYPES[0], accept=_TYPES[1], most=MAX_ANSWER)
    return read_answer(data, certificate, issuer, nonce, wall_s())


def _make_room(known: dict[_Key, Any], key: _Key) -> None:
    """Forget the oldest, if ``key`` would be one too many."""
    if len(known) >= MAX_ANSWERS and key not in known:
        del known[next(iter(known))]


def _packed(serial: int) -> bytes:
    return serial.to_bytes(SERIAL_BYTES + 1)  # a serial of 20 bytes that are all set is one more to some
