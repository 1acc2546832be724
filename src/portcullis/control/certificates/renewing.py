"""One managed certificate: got when there is none, renewed when it is due, by one gateway of all that share a store."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from portcullis.control.acme.messages import AcmeOrder, Authority, Failed, Result, Suggested
from portcullis.control.certificates.delivering import deliver
from portcullis.control.certificates.private_issuing import (
    PrivateAuthority,
    PrivateOrder,
    list_is_due,
    publish_list,
)
from portcullis.control.certificates.states import CertificateFolder, Held
from portcullis.engine.certificates import renewal
from portcullis.engine.certificates.renewal import RenewalState
from portcullis.engine.certificates.revocation import Finding, problem_of

LEASE_SECONDS: Final = 30.0
"""For how long nobody else tries, where a gateway dies over an attempt; prolonged while one lasts."""
_PROLONG_SECONDS: Final = 10.0
_LOOK_AT_LISTS_SECONDS: Final = 600.0

_log = logging.getLogger(__name__)


class BusyError(Exception):
    """Somebody is at it already: another command, or another gateway."""


class RevocationError(Exception):
    """The authority did not revoke it. The message says why."""


class Leases(Protocol):
    """See :class:`~portcullis.stores.database.leases.LeaseStore`."""

    def take(self, name: str, seconds: float) -> bool:
        """Take or prolong a lease; whether no other has it."""

    def give_back(self, name: str) -> None:
        """Let others have it."""


class ManagedCertificate(msgspec.Struct, frozen=True):
    """What the configuration says of one; ``authorities`` in the order in which they are asked.

    ``folder``: where it is delivered, with the roots of the files ``bundle``; empty for nowhere.
    """

    name: str
    names: tuple[str, ...]
    authorities: tuple[Authority | PrivateAuthority, ...]
    challenge: str
    dns_hook: tuple[str, ...] = ()
    dns_wait: float = 0.0
    key: str = "ec-256"
    spiffe_id: str = ""
    folder: str = ""
    bundle: tuple[str, ...] = ()

    def order(self, authority: Authority | PrivateAuthority, what: Any, certificate: str) -> AcmeOrder | PrivateOrder:
        """What ``authority`` is asked to do."""
        if isinstance(authority, PrivateAuthority):
            return PrivateOrder(what, authority, certificate, self.names, self.spiffe_id)
        return AcmeOrder(
            what, authority, certificate, self.names, self.challenge, self.dns_hook, self.dns_wait, self.key
        )


class Renewer:
    """Renews certificates.

    ``ask`` carries an order out; ``wall_s``: Unix seconds; ``draw``: between 0 and 1; ``findings``: what is known of
    revocations, by fingerprint.
    """

    def __init__(
        self,
        folder: CertificateFolder,
        leases: Leases,
        ask: Callable[[AcmeOrder | PrivateOrder], Awaitable[Result]],
        wall_s: Callable[[], float],
        draw: Callable[[], float] = random.random,
        findings: Callable[[], Mapping[str, Finding]] = dict,
    ) -> None:
        self.renewals: dict[tuple[str, str], int] = {}
        self.states: dict[str, RenewalState] = {}
        self.next_at: dict[str, float] = {}
        self._busy: set[str] = set()
        self._undelivered: set[str] = set()
        self._lists_at: dict[str, float] = {}
        self._folder = folder
        self._leases = leases
        self._ask = ask
        self._wall_s = wall_s
        self._draw = draw
        self._findings = findings

    async def look(self, certificate: ManagedCertificate) -> None:
        """Do for ``certificate`` what is due. Raises ``DatabaseError``."""
        held, state = self._known(certificate)
        now = self._wall_s()
        if held is not None and certificate.authorities and not state.revoked:
            state = self._heed_revocation(certificate, held, state)
        asks = any(isinstance(each, Authority) for each in certificate.authorities)
        if asks and held is not None and now >= state.ask_at and now < held.life.end and not state.revoked:
            state = await self._ask_when(certificate, state)
        if self._due_at(certificate, held, state) <= self._wall_s():
            await self._alone(certificate)
        held, state = self._known(certificate)
        self.next_at[certificate.name] = self._due_at(certificate, held, state)
        if certificate.folder:
            await asyncio.to_thread(self._deliver, certificate)
        for authority in certificate.authorities:
            if isinstance(authority, PrivateAuthority):
                await asyncio.to_thread(self._keep_list, authority)

    def _deliver(self, certificate: ManagedCertificate) -> None:
        try:
            bundle = b"".join(Path(each).read_bytes().rstrip() + b"\n" for each in certificate.bundle)
            if deliver(self._folder.path(certificate.name).read_bytes(), bundle, Path(certificate.folder)):
                _log.warning("portcullis: certificate %s: delivered to %s", certificate.name, certificate.folder)
            self._undelivered.discard(certificate.name)
        except FileNotFoundError as error:
            self._not_delivered(certificate, f"{error.filename} is not there")
        except (OSError, ValueError) as error:
            self._not_delivered(certificate, getattr(error, "strerror", None) or str(error))

    def _keep_list(self, authority: PrivateAuthority) -> None:
        """Make its revocation list anew before it runs out."""
        now = self._wall_s()
        if now < self._lists_at.get(authority.name, 0.0):
            return
        self._lists_at[authority.name] = now + _LOOK_AT_LISTS_SECONDS
        try:
            if list_is_due(authority, now):
                publish_list(authority)
        except (OSError, ValueError) as error:
            _log.error("portcullis: certificate authority %s: its revocation list: %s", authority.name, error)

    def _not_delivered(self, certificate: ManagedCertificate, why: str) -> None:
        if certificate.name not in self._undelivered:
            self._undelivered.add(certificate.name)
            _log.error("portcullis: certificate %s: not delivered to %s: %s", certificate.name, certificate.folder, why)

    def held(self, certificate: ManagedCertificate) -> Held | None:
        """The one that is there."""
        return self._folder.held(certificate.name)

    async def renew_now(self, certificate: ManagedCertificate, *, revoke: int | None = None) -> RenewalState:
        """Get a new one whatever the age of the one that is there; the state afterwards.

        ``revoke``: have that one revoked first, for a reason of RFC 5280 5.3.1. Raises :class:`BusyError`,
        :class:`RevocationError` and ``DatabaseError``.
        """
        if not await self._alone(certificate, always=True, revoke=revoke):
            raise BusyError
        return self._known(certificate)[1]

    async def _revoke(self, certificate: ManagedCertificate, reason: int) -> None:
        """Have its authority revoke it, and remember that it has to be replaced."""
        _, state = self._known(certificate)
        path = str(self._folder.path(certificate.name))
        answer = await self._ask(self._order_to_issuer(certificate, state, "revoke", path, reason))
        if isinstance(answer, Failed):
            raise RevocationError(answer.error)
        _log.warning("portcullis: certificate %s: revoked", certificate.name)
        self._remember(certificate, msgspec.structs.replace(state, revoked=True, not_before=0.0))

    def _heed_revocation(self, certificate: ManagedCertificate, held: Held, state: RenewalState) -> RenewalState:
        """Have it replaced if its authority says that it is revoked."""
        problem = problem_of(self._findings().get(held.fingerprint))
        if problem is None:
            return state
        after = renewal.revoked(state, self._wall_s())
        pause = max(0.0, after.not_before - self._wall_s())
        when = f"in {pause:.0f} s" if pause else "now"
        _log.error("portcullis: certificate %s: %s; it is renewed %s", certificate.name, problem.text, when)
        return self._remember(certificate, after)

    def _order_to_issuer(
        self, certificate: ManagedCertificate, state: RenewalState, what: Any, path: str, reason: int = 0
    ) -> AcmeOrder | PrivateOrder:
        issuers = [each for each in certificate.authorities if each.name == state.issuer] or certificate.authorities
        return msgspec.structs.replace(certificate.order(issuers[0], what, path), reason=reason)

    def _known(self, certificate: ManagedCertificate) -> tuple[Held | None, RenewalState]:
        """What is there, and what is remembered of it: nothing where it is another than before."""
        held, state = self._folder.held(certificate.name), self._folder.state(certificate.name)
        if held is not None and held.serial != state.serial:
            state = renewal.renewed(held.serial, self._draw(), state)
            self._folder.remember(certificate.name, state)
        self.states[certificate.name] = state
        return held, state

    def _due_at(self, certificate: ManagedCertificate, held: Held | None, state: RenewalState) -> float:
        """When the next attempt is due; one that is for other names is as good as none."""
        names = frozenset(certificate.names) | ({certificate.spiffe_id} if certificate.spiffe_id else set())
        if not certificate.authorities:
            return float("inf")  # whoever imported it imports the next one too
        return renewal.due_at(held.life if held is not None and names <= held.names else None, state)

    def _remember(self, certificate: ManagedCertificate, state: RenewalState) -> RenewalState:
        self._folder.remember(certificate.name, state)
        self.states[certificate.name] = state
        return state

    async def _ask_when(self, certificate: ManagedCertificate, state: RenewalState) -> RenewalState:
        """What its authority suggests (RFC 9773); who fails to say changes nothing."""
        path = str(self._folder.path(certificate.name))
        answer = await self._ask(self._order_to_issuer(certificate, state, "suggest", path))
        now = self._wall_s()
        if not isinstance(answer, Suggested):
            return self._remember(certificate, renewal.not_suggested(state, now))
        suggested = renewal.suggested(state, now, answer.start, answer.end, again_in=answer.again_in, why=answer.why)
        if answer.end <= now and state.end != answer.end:
            why = f" ({answer.why})" if answer.why else ""
            _log.warning("portcullis: certificate %s: its authority wants it replaced now%s", certificate.name, why)
        return self._remember(certificate, suggested)

    async def _alone(self, certificate: ManagedCertificate, *, always: bool = False, revoke: int | None = None) -> bool:
        """Renew it if it is due, or ``always``; whether nobody else was at it."""
        lease = f"certificate {certificate.name}"
        if certificate.name in self._busy or not await asyncio.to_thread(self._leases.take, lease, LEASE_SECONDS):
            return False
        self._busy.add(certificate.name)
        prolonging = asyncio.create_task(self._prolong(lease))
        try:
            if revoke is not None:
                await self._revoke(certificate, revoke)
            held, state = self._known(certificate)  # by now another may have done it
            if always or self._due_at(certificate, held, state) <= self._wall_s():
                await self._renew(certificate, held, state)
            return True
        finally:
            self._busy.discard(certificate.name)
            prolonging.cancel()
            await asyncio.to_thread(self._leases.give_back, lease)

    async def _prolong(self, lease: str) -> None:
        while True:
            await asyncio.sleep(_PROLONG_SECONDS)
            await asyncio.to_thread(self._leases.take, lease, LEASE_SECONDS)

    async def _renew(self, certificate: ManagedCertificate, held: Held | None, state: RenewalState) -> None:
        path = str(self._folder.path(certificate.name))
        # Remembered first: a gateway that dies over each attempt must not ask without a pause.
        life = None if held is None else held.life
        attempt = renewal.failed(state, life, self._wall_s(), "the gateway ended during the attempt")
        self._remember(certificate, attempt)
        failures: list[Failed] = []
        for authority in certificate.authorities:
            result = await self._ask(certificate.order(authority, "obtain", path))
            if not isinstance(result, Failed):
                self._succeeded(certificate, authority)
                return
            failures.append(result)
        error = "; ".join(each.error for each in failures)
        wait = min(each.wait for each in failures)
        after = renewal.failed(state, life, self._wall_s(), error, wait=wait)
        self._remember(certificate, after)
        self._count(certificate, "failed")
        pause = after.not_before - self._wall_s()
        left = 0.0 if life is None else (life.end - self._wall_s()) / 3600
        have = "there is none yet" if life is None else f"the present one ends in {left:.0f} h"
        _log.error(
            "portcullis: certificate %s: %s; %s, the next attempt is in %.0f s", certificate.name, error, have, pause
        )

    def _succeeded(self, certificate: ManagedCertificate, authority: Authority | PrivateAuthority) -> None:
        self._count(certificate, "renewed")
        held, state = self._known(certificate)
        self._remember(certificate, msgspec.structs.replace(state, issuer=authority.name))
        days = 0.0 if held is None else (held.life.end - self._wall_s()) / 86_400
        _log.warning("portcullis: certificate %s: issued by %s for %.1f days", certificate.name, authority.name, days)

    def _count(self, certificate: ManagedCertificate, result: str) -> None:
        key = (certificate.name, result)
        self.renewals[key] = self.renewals.get(key, 0) + 1
