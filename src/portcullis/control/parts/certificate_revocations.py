"""Whether certificates of the gateway's own are revoked: asked daily of those who have issued them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec

from portcullis.control.certificates.inventory import ConfiguredCertificate, configured_certificates
from portcullis.control.parts import ControlServices, PartKind
from portcullis.engine.config.model import Configuration

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from portcullis.control.certificates.revocation_watching import RevocationWatch

LOOK_SECONDS: Final = 2.0


class CertificateRevocationsSettings(msgspec.Struct, frozen=True):
    """The certificates to watch; ``own``: the files of the certificates of authorities of the gateway's own."""

    watched: tuple[ConfiguredCertificate, ...] = ()
    own: tuple[str, ...] = ()


class CertificateRevocations:
    """Has a ``watch`` look at them, which is made when there is one to look at."""

    def __init__(self, services: ControlServices) -> None:
        self.watch: RevocationWatch | None = None
        self._services = services

    def take_over(self, settings: CertificateRevocationsSettings) -> None:
        """Go by ``settings`` from now on."""
        if self.watch is None and settings.watched:
            self.watch = self._make_watch()
        if self.watch is not None:
            self.watch.take_over(settings.watched, settings.own)

    def routes(self) -> Sequence[BaseRoute]:
        """None: what is found is in a file."""
        return ()

    async def run(self) -> None:
        """Look at what is due, until cancelled."""
        while True:
            if self.watch is not None:
                await self.watch.look()
            await asyncio.sleep(LOOK_SECONDS)

    def _make_watch(self) -> RevocationWatch:
        from portcullis.control.certificates.revocation_asking import ask_authority  # noqa: PLC0415
        from portcullis.control.certificates.revocation_findings import KeptFindings  # noqa: PLC0415
        from portcullis.control.certificates.revocation_watching import RevocationWatch  # noqa: PLC0415

        services = self._services
        ask = partial(ask_authority, outgoing=services.outgoing, wall_s=services.wall_s)
        return RevocationWatch(services.files, KeptFindings(services.state), ask, services.wall_s)


def _settings(configuration: Configuration) -> CertificateRevocationsSettings:
    authorities = configuration.certificate_authorities.values()
    own = tuple(each.private.certificate for each in authorities if each.private is not None)
    return CertificateRevocationsSettings(tuple(configured_certificates(configuration)), own)


def _make(services: ControlServices) -> Any:
    return CertificateRevocations(services)


PART = PartKind("certificate_revocations", CertificateRevocationsSettings, _settings, _make)
