"""Watching whether certificates of our own are revoked: asked soon after each is found, and daily from then on.

One is asked about after the other, so that whoever is slow, or sends much, costs little. The list of an authority of
our own is a file here, so it is looked at as soon as it changes.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

from cryptography import x509

from portcullis.control.certificates.inventory import ConfiguredCertificate
from portcullis.control.certificates.private_issuing import authority_at
from portcullis.control.certificates.revocation_asking import (
    NobodyToAskError,
    NotToldError,
    ask_own_list,
    issuer_in,
)
from portcullis.control.certificates.revocation_findings import KeptFindings
from portcullis.engine.certificates import revocation
from portcullis.engine.certificates.reading import UnreadableError, facts_of, read_chain
from portcullis.engine.certificates.revocation import Finding, Told
from portcullis.stores.files import ConfigurationFiles

_log = logging.getLogger(__name__)
_Stamp = tuple[int, int, int]
_NOT_THERE: Final[_Stamp] = (0, 0, 0)
_OwnAuthority = tuple[Path, x509.Certificate]
"""Where its list is, and its certificate."""
Ask = Callable[[Sequence[x509.Certificate]], Awaitable[Told]]


class _Subject:
    """A certificate that is there. ``own``: the file of the authority of our own that has issued it, if one has."""

    def __init__(self, name: str, stamp: _Stamp, chain: Sequence[x509.Certificate], due: float) -> None:
        facts = facts_of(chain[0])
        self.name = name
        self.stamp = stamp
        self.chain = chain
        self.fingerprint = facts.fingerprint
        self.ends = facts.not_after
        self.due = due
        self.own: _OwnAuthority | None = None
        self.list_stamp: _Stamp = _NOT_THERE


class RevocationWatch:
    """Keeps ``kept`` true of the certificates that were taken over last.

    ``ask`` finds out about a certificate and its chain, as :func:`~.revocation_asking.ask_authority` does; ``wall_s``:
    Unix seconds; ``draw``: between 0 and 1.
    """

    def __init__(
        self,
        files: ConfigurationFiles,
        kept: KeptFindings,
        ask: Ask,
        wall_s: Callable[[], float],
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._files = files
        self._kept = kept
        self._ask = ask
        self._wall_s = wall_s
        self._draw = draw
        self._watched: Sequence[ConfiguredCertificate] = ()
        self._own: Sequence[str] = ()
        self._subjects: dict[str, _Subject] = {}
        self._unreadable: dict[str, _Stamp] = {}
        self._findings: dict[str, Finding] = dict(kept.latest())
        self._in_trouble: set[str] = set()
        self._cannot_keep = False
        self._to_keep = False

    def take_over(self, watched: Sequence[ConfiguredCertificate], own: Sequence[str]) -> None:
        """Go by these from now on; ``own``: the files of the certificates of authorities of our own."""
        self._watched, self._own = watched, own

    async def look(self) -> None:
        """Ask about those that are due."""
        await asyncio.to_thread(self._find)
        await asyncio.to_thread(self._look_in_own_lists)
        await self._keep()
        for subject in list(self._subjects.values()):
            now = self._wall_s()
            if subject.own is None and subject.due <= now < subject.ends:
                await self._ask_about(subject)
                await self._keep()

    def _find(self) -> None:
        """Read the certificates whose files have changed, and forget those that are watched no more."""
        watched = self._watched
        paths = {each.certificate for each in watched}
        self._subjects = {path: each for path, each in self._subjects.items() if path in paths}
        self._unreadable = {path: stamp for path, stamp in self._unreadable.items() if path in paths}
        for each in watched:
            stamp = self._stamp(self._files.path(each.certificate))
            known = self._subjects.get(each.certificate)
            if stamp in (None if known is None else known.stamp, self._unreadable.get(each.certificate)):
                continue
            due = revocation.first_at(self._wall_s(), self._draw())
            try:
                chain = read_chain(self._files.read(each.certificate))
                self._subjects[each.certificate] = _Subject(each.name, stamp, chain, due)
            except (OSError, UnreadableError):
                self._unreadable[each.certificate] = stamp  # whoever looks at certificates tells of it

    def _look_in_own_lists(self) -> None:
        """Look up, in lists that have changed or are due, those that an authority of our own has issued."""
        authorities = [each for each in map(self._read_authority, self._own) if each is not None]
        for subject in self._subjects.values():
            certificate, *others = subject.chain
            subject.own = _issuer_among(authorities, certificate)
            if subject.own is None:
                continue
            path, authority = subject.own
            stamp, now = self._stamp(path), self._wall_s()
            if (stamp == subject.list_stamp and now < subject.due) or now >= subject.ends:
                continue
            subject.list_stamp = stamp
            try:
                # The authority that issues now may be another one of the same name, with the list of both.
                told = ask_own_list(path, certificate, (authority, *others), now)
            except NotToldError as error:
                self._not_told(subject, str(error))
            else:
                self._told(subject, told)

    def _read_authority(self, file: str) -> _OwnAuthority | None:
        """The list of an authority of our own, where it has one, and its certificate."""
        path = self._files.path(file)
        published = Path(authority_at("", str(path), "").revoked)
        try:
            authority = read_chain(path.read_bytes())[0]
            return (published, authority) if authority.subject and published.exists() else None
        except (OSError, ValueError):
            return None

    async def _ask_about(self, subject: _Subject) -> None:
        try:
            told = await self._ask(subject.chain)
        except NobodyToAskError as error:
            self._found(subject, revocation.nobody_to_ask(str(error), self._wall_s()))
        except NotToldError as error:
            self._not_told(subject, str(error))
        except Exception as error:  # noqa: BLE001 - what is odd about one certificate must not end the watch of others
            self._not_told(subject, f"it can't be asked about ({type(error).__name__})")
        else:
            self._told(subject, told)

    def _told(self, subject: _Subject, told: Told) -> None:
        self._found(subject, revocation.answered(told, self._wall_s()))
        if subject.name in self._in_trouble:
            self._in_trouble.discard(subject.name)
            _log.warning("portcullis: certificate %s: %s says again whether it is revoked", subject.name, told.source)

    def _not_told(self, subject: _Subject, why: str) -> None:
        now = self._wall_s()
        self._found(subject, revocation.not_answered(self._findings.get(subject.fingerprint), why, now))
        if subject.name not in self._in_trouble:
            self._in_trouble.add(subject.name)
            _log.warning("portcullis: certificate %s: nobody says whether it is revoked: %s", subject.name, why)

    def _found(self, subject: _Subject, finding: Finding) -> None:
        self._findings[subject.fingerprint] = finding
        subject.due = revocation.next_at(finding, self._draw())
        self._to_keep = True

    async def _keep(self) -> None:
        """Write what is known of those that are there, if it has changed."""
        present = {each.fingerprint for each in self._subjects.values()}
        for gone in self._findings.keys() - present:
            del self._findings[gone]
        if not self._to_keep:
            return
        try:
            await asyncio.to_thread(self._kept.keep, dict(self._findings))
        except OSError as error:
            if not self._cannot_keep:
                self._cannot_keep = True
                why = error.strerror or error
                _log.error("portcullis: what is known of revocations can't be kept: %s: %s", self._kept.path, why)
            return
        self._to_keep = self._cannot_keep = False

    @staticmethod
    def _stamp(path: Path) -> _Stamp:
        try:
            status = path.stat()
        except OSError:
            return _NOT_THERE
        return status.st_mtime_ns, status.st_size, status.st_ino


def _issuer_among(authorities: Sequence[_OwnAuthority], certificate: x509.Certificate) -> _OwnAuthority | None:
    """The authority that has issued ``certificate``, or one that has its name: lists go by it."""
    named = [each for each in authorities if each[1].subject == certificate.issuer]
    if len(named) < 2:
        return named[0] if named else None
    return next((each for each in named if issuer_in(certificate, [each[1]]) is not None), named[0])
