"""Certificates of the file, looked after: told when they end, and handed to workers when their files change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from portcullis.control.certificates.inventory import ConfiguredCertificate, configured_certificates
from portcullis.control.parts import ControlServices, PartKind
from portcullis.engine.certificates.messages import TOPIC, CertificateId, encode
from portcullis.engine.config.model import Configuration

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from portcullis.control.certificates.looking import CertificateStatus
    from portcullis.control.certificates.revocation_findings import KeptFindings
    from portcullis.engine.certificates.revocation import Finding

LOOK_SECONDS: Final = 2.0
DAY: Final = 86_400.0

_log = logging.getLogger(__name__)
_Stamp = tuple[tuple[int, int, int], ...]


class CertificatesSettings(msgspec.Struct, frozen=True):
    """The certificates that the configuration names."""

    configured: tuple[ConfiguredCertificate, ...] = ()


class Certificates:
    """Looks at them. ``latest``: what was found, by certificate; ``usable``: the latest that could be used.

    ``findings``: what is known of revocations.
    """

    def __init__(self, services: ControlServices, findings: KeptFindings) -> None:
        self.latest: dict[CertificateId, CertificateStatus] = {}
        self.usable: dict[CertificateId, CertificateStatus] = {}
        self._services = services
        self._findings = findings
        self._revocations: Mapping[str, Finding] = {}
        self._settings = CertificatesSettings()
        self._stamps: dict[CertificateId, _Stamp] = {}
        self._judged_at = float("-inf")
        self._told: dict[CertificateId, tuple[str, ...]] = {}
        self._tell_again_at = 0.0
        services.hub.announce(TOPIC, self._known)

    def take_over(self, settings: CertificatesSettings) -> None:
        """Go by ``settings`` from now on."""
        self._settings = settings
        ids = {each.id for each in settings.configured}
        for known in (self.latest, self.usable, self._stamps, self._told):
            for gone in known.keys() - ids:
                del known[gone]

    def routes(self) -> Sequence[BaseRoute]:
        """None: what there is to know is in the files."""
        return ()

    async def run(self) -> None:
        """Look at files that have changed, and once a day at all, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Look at what has changed, tell what is wrong, and hand on what is new."""
        if not self._settings.configured:
            return
        now = self._services.wall_s()
        everything = now - self._judged_at >= DAY
        if everything:
            self._judged_at = now
        if await asyncio.to_thread(self._look, self._settings.configured, now, everything):
            self._services.hub.publish(TOPIC, self._known() or b"")
        self._tell(now)

    def _look(self, configured: Sequence[ConfiguredCertificate], now: float, everything: bool) -> bool:
        """Judge those whose files have changed, or all; whether there is something new for workers."""
        from portcullis.control.certificates.looking import look_at  # noqa: PLC0415

        changed = False
        findings = self._findings.latest()
        if findings is not self._revocations:
            self._revocations, everything = findings, True
        for each in configured:
            stamp = self._stamp(each)
            if not everything and stamp == self._stamps.get(each.id):
                continue
            self._stamps[each.id] = stamp
            status = self.latest[each.id] = look_at(each, self._services.files, now, findings)
            if status.usable:
                before = self.usable.get(each.id)
                changed |= before is None or before.digest != status.digest
                self.usable[each.id] = status
        return changed

    def _stamp(self, certificate: ConfiguredCertificate) -> _Stamp:
        found = []
        for path in (certificate.certificate, certificate.key):
            try:
                status = self._services.files.path(path).stat()
                found.append((status.st_mtime_ns, status.st_size, status.st_ino))
            except OSError:
                found.append((0, 0, 0))
        return tuple(found)

    def _known(self) -> bytes | None:
        return encode([each.current() for each in self.usable.values()]) if self.usable else None

    def _tell(self, now: float) -> None:
        """Say what is wrong when that changes (as the days 21, 7, 3 and 1 pass), and what is grave once a day."""
        again = now >= self._tell_again_at
        if again:
            self._tell_again_at = now + DAY
        for each, status in self.latest.items():
            said = tuple(
                f"{problem.kind}{status.alert if problem.kind == 'expires_soon' else ''}" for problem in status.problems
            )
            grave = any(problem.grave for problem in status.problems)
            if said == self._told.get(each, ()) and not (again and grave):
                continue
            self._told[each] = said
            for problem in status.problems:
                log = _log.error if problem.grave else _log.warning
                served = " (what was served before serves on)" if not status.usable and each in self.usable else ""
                log("portcullis: certificate %s of %s: %s%s", status.name, status.used_by[0], problem.text, served)
            if not status.problems:
                _log.warning("portcullis: certificate %s of %s: is all right now", status.name, status.used_by[0])


def _settings(configuration: Configuration) -> CertificatesSettings:
    return CertificatesSettings(tuple(configured_certificates(configuration)))


def _make(services: ControlServices) -> Any:
    from portcullis.control.certificates.measuring import CertificateCollector  # noqa: PLC0415
    from portcullis.control.certificates.revocation_findings import KeptFindings  # noqa: PLC0415

    part = Certificates(services, KeptFindings(services.state))
    services.hub.metrics.add(CertificateCollector(lambda: list(part.latest.values()), services.wall_s))
    return part


PART = PartKind("certificates", CertificatesSettings, _settings, _make)
