"""Revocation lists of client certificates, kept fresh in the control process and told to every worker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from portcullis.control.parts import ControlServices, PartKind
from portcullis.control.revocation_lists.settings import OcspSource, RevocationListsSettings, settings_of, topic_of
from portcullis.engine.authentication.status_messages import MAX_CHAIN, TOPIC, decode_question, encode

if TYPE_CHECKING:
    from cryptography import x509
    from starlette.routing import BaseRoute

    from portcullis.control.revocation_lists.keeping import ListKeeper
    from portcullis.control.revocation_lists.responders import Responders

LOOK_SECONDS: Final = 1.0
"""How often it is looked whether a list is due, or a file has changed."""


class RevocationLists:
    """Keeps the lists of all listeners; ``make_keeper`` makes what keeps those of one."""

    def __init__(
        self,
        services: ControlServices,
        make_keeper: Callable[..., ListKeeper],
        make_responders: Callable[[OcspSource], Responders],
    ) -> None:
        self.keepers: dict[str, ListKeeper] = {}
        self.responders: dict[str, Responders] = {}
        self._services = services
        self._make_keeper = make_keeper
        self._make_responders = make_responders
        services.hub.answer(TOPIC, self._answer)

    def take_over(self, settings: RevocationListsSettings) -> None:
        """Go by ``settings`` from now on: the lists of listeners that are as they were stay."""
        hub = self._services.hub
        wanted = {each.listener: each for each in settings.listeners}
        for name in self.keepers.keys() - wanted.keys():
            del self.keepers[name]
            hub.withdraw(topic_of(name))
        for name, each in wanted.items():
            keeper = self.keepers.get(name)
            if keeper is None or keeper.wanted != each:
                keeper = self._make_keeper(each, partial(hub.publish, topic_of(name)))
                self.keepers[name] = keeper
                hub.announce(topic_of(name), partial(_told, keeper))
                keeper.begin()
        for name in self.responders.keys() - {name for name, each in wanted.items() if each.ocsp is not None}:
            del self.responders[name]
        for name, each in wanted.items():
            known = self.responders.get(name)
            if each.ocsp is not None and (known is None or known.source != each.ocsp):
                self.responders[name] = self._make_responders(each.ocsp)

    async def _answer(self, message: bytes) -> bytes:
        """Find out about the chain of a client that has shaken hands with a listener."""
        from portcullis.control.revocation_lists.points import points_of  # noqa: PLC0415
        from portcullis.engine.peer_certificate import CertificateError, read_certificate  # noqa: PLC0415

        question = decode_question(message)
        keeper, responders = self.keepers.get(question.listener), self.responders.get(question.listener)
        try:
            chain = [read_certificate(der) for der in question.chain[:MAX_CHAIN]]
        except CertificateError:
            return encode(())
        pairs = list(pairwise(chain))
        if keeper is not None and keeper.wanted.points:
            points = keeper.wanted.points
            await asyncio.gather(*(keeper.learn(points_of(each, points), _name(each)) for each, _ in pairs))
        if responders is None:
            return encode(())
        found = await asyncio.gather(*(responders.ask(each, issuer) for each, issuer in pairs))
        return encode(tuple(each for each in found if each is not None))

    def routes(self) -> Sequence[BaseRoute]:
        """None."""
        return ()

    async def run(self) -> None:
        """Keep them fresh, until cancelled; one listener's lists do not wait for another's."""
        under_way: dict[ListKeeper, asyncio.Task[None]] = {}
        try:
            while True:
                for keeper in self.keepers.values():
                    if keeper not in under_way:
                        task = under_way[keeper] = asyncio.create_task(keeper.refresh())
                        task.add_done_callback(partial(_forget, under_way, keeper))
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            for task in under_way.values():
                task.cancel()


def _name(certificate: x509.Certificate) -> bytes:
    return certificate.issuer.public_bytes()


def _forget(under_way: dict[ListKeeper, asyncio.Task[None]], keeper: ListKeeper, _done: asyncio.Task[None]) -> None:
    del under_way[keeper]


def _told(keeper: ListKeeper) -> bytes | None:
    return keeper.told


def _make(services: ControlServices) -> Any:
    # What reads certificates takes a while to load, and few listeners look at lists.
    def make_keeper(wanted: Any, changed: Callable[[bytes], None]) -> ListKeeper:
        from portcullis.control.revocation_lists.keeping import ListKeeper  # noqa: PLC0415
        from portcullis.control.revocation_lists.kept import KeptLists  # noqa: PLC0415

        kept = KeptLists(services.state)
        return ListKeeper(wanted, services.files, services.outgoing, kept, services.wall_s, changed)

    def make_responders(source: OcspSource) -> Responders:
        from portcullis.control.revocation_lists.responders import Responders  # noqa: PLC0415

        return Responders(source, services.outgoing, services.wall_s)

    from portcullis.control.revocation_lists.measuring import RevocationListCollector  # noqa: PLC0415

    part = RevocationLists(services, make_keeper, make_responders)
    services.hub.metrics.add(RevocationListCollector(part.keepers, part.responders, services.wall_s))
    return part


PART = PartKind("revocation_lists", RevocationListsSettings, settings_of, _make)
