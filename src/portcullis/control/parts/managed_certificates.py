"""Certificates that the gateway gets and renews itself, by ACME."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from portcullis.control.parts import ControlServices, PartKind
from portcullis.engine.certificates.challenges import TOPIC, Challenges, encode
from portcullis.engine.config.model import Configuration

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from portcullis.control.acme.messages import AcmeOrder, Present, Result
    from portcullis.control.certificates.private_issuing import PrivateOrder
    from portcullis.control.certificates.renewing import ManagedCertificate, Renewer

LOOK_SECONDS: Final = 1.0
SHOWN_SECONDS: Final = 0.3
"""What workers are told needs this time at most, until all of them show it."""
MAX_ORDERS: Final = 4
"""Orders that are carried out at a time."""

_log = logging.getLogger(__name__)


class AuthoritySettings(msgspec.Struct, frozen=True):
    """An authority as the file names it; ``key``: where the key of the external account is, ``env:`` or ``file:``."""

    name: str
    directory: str
    contact: tuple[str, ...] = ()
    ca: str | None = None
    proxy: str | None = None
    key_id: str = ""
    key: str = ""
    profile: str | None = None


class PrivateAuthoritySettings(msgspec.Struct, frozen=True):
    """An authority of one's own as the file names it."""

    name: str
    certificate: str
    key: str
    bundle: tuple[str, ...]
    lifetime: float


class CertificateSettings(msgspec.Struct, frozen=True):
    """A certificate as the file names it."""

    name: str
    names: tuple[str, ...]
    authorities: tuple[str, ...]
    challenge: str
    dns_hook: tuple[str, ...] = ()
    dns_wait: float = 0.0
    key: str = "ec-256"
    spiffe_id: str = ""
    folder: str | None = None


class ManagedCertificatesSettings(msgspec.Struct, frozen=True):
    """All of them."""

    authorities: tuple[AuthoritySettings, ...] = ()
    certificates: tuple[CertificateSettings, ...] = ()
    private: tuple[PrivateAuthoritySettings, ...] = ()


class ManagedCertificates:
    """Has them renewed, and has workers answer the challenges of authorities."""

    def __init__(self, services: ControlServices) -> None:
        self.renewer: Renewer | None = None
        self._services = services
        self._settings = ManagedCertificatesSettings()
        self._certificates: list[ManagedCertificate] = []
        self._open: dict[int, list[Present]] = {}
        self._slots = asyncio.Semaphore(MAX_ORDERS)
        services.hub.announce(TOPIC, self._challenges)

    def take_over(self, settings: ManagedCertificatesSettings) -> None:
        """Go by ``settings`` from now on; what is under way ends as it began."""
        self._settings = settings
        if not settings.certificates:
            self._certificates = []
            return
        from portcullis.control.certificates.assembling import assemble  # noqa: PLC0415

        self._certificates = assemble(settings, self._services.files, self._services.state)
        if self.renewer is None:
            self.renewer = self._make_renewer()

    def routes(self) -> Sequence[BaseRoute]:
        """``/v1/certificates``."""
        from portcullis.control.certificates.routes import certificate_routes  # noqa: PLC0415

        return certificate_routes(lambda: self.renewer, self._certificate)

    def _certificate(self, name: str) -> ManagedCertificate | None:
        return next((each for each in self._certificates if each.name == name), None)

    async def run(self) -> None:
        """Look at each every second, until cancelled; those that are busy are left alone."""
        busy: dict[str, asyncio.Task[None]] = {}
        try:
            while True:
                for each in self._certificates:
                    if each.name not in busy or busy[each.name].done():
                        busy[each.name] = asyncio.create_task(self._look(each))
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            for task in busy.values():
                task.cancel()
            await asyncio.gather(*busy.values(), return_exceptions=True)

    async def _look(self, certificate: ManagedCertificate) -> None:
        from portcullis.stores.database.connection import DatabaseError  # noqa: PLC0415

        if self.renewer is None:
            return
        try:
            await self.renewer.look(certificate)
        except DatabaseError:
            await asyncio.sleep(LOOK_SECONDS)  # whoever watches the database tells of it
        except Exception:  # noqa: BLE001 - whatever it is, others must be renewed nevertheless
            _log.exception("portcullis: certificate %s", certificate.name)
            await asyncio.sleep(60.0)

    def _make_renewer(self) -> Renewer:
        from portcullis.control.certificates.inventory import MANAGED  # noqa: PLC0415
        from portcullis.control.certificates.renewing import Renewer  # noqa: PLC0415
        from portcullis.control.certificates.revocation_findings import KeptFindings  # noqa: PLC0415
        from portcullis.control.certificates.states import CertificateFolder  # noqa: PLC0415
        from portcullis.stores.database.leases import LeaseStore  # noqa: PLC0415

        services = self._services
        leases = LeaseStore(services.database, secrets.token_hex(16), services.wall_s)
        folder, findings = CertificateFolder(services.state / MANAGED), KeptFindings(services.state)
        return Renewer(folder, leases, self._carry_out, services.wall_s, findings=findings.latest)

    async def _carry_out(self, order: AcmeOrder | PrivateOrder) -> Result:
        """Have an order carried out; its challenges are shown until it ends."""
        from portcullis.control.acme.running import run_acme  # noqa: PLC0415
        from portcullis.control.certificates.private_issuing import PrivateOrder, carry_out  # noqa: PLC0415

        if isinstance(order, PrivateOrder):
            return await asyncio.to_thread(carry_out, order)

        mine: list[Present] = []

        async def present(challenge: Present) -> None:
            mine.append(challenge)
            self._open[id(mine)] = mine
            self._publish()
            await asyncio.sleep(SHOWN_SECONDS)

        async with self._slots:
            try:
                return await run_acme(order, present)
            finally:
                if self._open.pop(id(mine), None) is not None:
                    self._publish()

    def _publish(self) -> None:
        self._services.hub.publish(TOPIC, self._challenges())

    def _challenges(self) -> bytes:
        shown = [each for challenges in self._open.values() for each in challenges]
        return encode(
            Challenges(
                {each.key: each.value for each in shown if each.challenge == "http-01"},
                {each.key: each.value for each in shown if each.challenge == "tls-alpn-01"},
            )
        )


def _settings(configuration: Configuration) -> ManagedCertificatesSettings:
    outgoing = configuration.outgoing
    authorities, private = [], []
    for name, authority in configuration.certificate_authorities.items():
        acme, own = authority.acme, authority.private
        if own is not None:
            private.append(PrivateAuthoritySettings(name, own.certificate, own.key, tuple(own.bundle), own.lifetime))
        if acme is None:
            continue
        bound = acme.external_account
        authorities.append(
            AuthoritySettings(
                name,
                acme.directory,
                tuple(acme.contact),
                acme.ca or outgoing.ca,
                outgoing.proxy,
                "" if bound is None else bound.key_id,
                "" if bound is None else f"{bound.key.kind}:{bound.key.name}",
                acme.profile,
            )
        )
    certificates = [
        CertificateSettings(
            name,
            tuple(each.names),
            tuple(each.authorities),
            each.challenge,
            tuple(each.dns_hook),
            each.dns_wait,
            each.key,
            each.spiffe_id or "",
            each.folder,
        )
        for name, each in configuration.certificates.items()
    ]
    return ManagedCertificatesSettings(tuple(authorities), tuple(certificates), tuple(private))


def _make(services: ControlServices) -> Any:
    from portcullis.control.certificates.renewal_measuring import RenewalCollector  # noqa: PLC0415

    part = ManagedCertificates(services)
    services.hub.metrics.add(RenewalCollector(lambda: part.renewer))
    return part


PART = PartKind("managed_certificates", ManagedCertificatesSettings, _settings, _make)
