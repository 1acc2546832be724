"""Relations in the control process, which alone writes them: for workers that saw objects created, and for commands."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from portcullis.control.parts import ControlServices, PartKind
from portcullis.engine.config.model import Configuration
from portcullis.engine.relations.keeping import KEEP, decode_tuples, encode_kept

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from portcullis.control.relations.service import RelationService

MOST_TOGETHER: Final = 500
"""Questions to keep something that one transaction answers."""

_log = logging.getLogger(__name__)


class RelationSettings(msgspec.Struct, frozen=True):
    """What the file declares."""

    types: dict[str, list[str] | dict[str, list[str]]] = {}


class Relations:
    """The service, and whoever waits for something to be kept: all who wait are served by one commit."""

    def __init__(self, services: ControlServices, service: RelationService) -> None:
        self.service = service
        self._waiting: list[tuple[bytes, asyncio.Future[bytes]]] = []
        self._asked = asyncio.Event()
        self._is_prepared = True
        services.hub.answer(KEEP, self._keep)

    def take_over(self, settings: RelationSettings) -> None:
        """Go by ``settings`` from now on. The file is prepared for them as soon as nobody else writes."""
        self.service.declare(settings.types)
        self._is_prepared = False
        self._asked.set()

    def routes(self) -> Sequence[BaseRoute]:
        """``/v1/relations``."""
        from portcullis.control.relations.routes import relation_routes  # noqa: PLC0415 - as in _make

        return relation_routes(self.service)

    async def run(self) -> None:
        """Keep what workers ask for, until cancelled."""
        await asyncio.to_thread(self.service.tidy)
        try:
            while True:
                await self._asked.wait()
                self._asked.clear()
                if not self._is_prepared:
                    self._is_prepared = True
                    await self._prepare()
                while self._waiting:
                    together, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
                    await self._answer(together)
        finally:
            self.service.close()

    async def _prepare(self) -> None:
        from portcullis.control.relations.orders import RelationServiceError  # noqa: PLC0415 - as in _make

        try:
            await asyncio.to_thread(self.service.prepare)
        except RelationServiceError as error:
            _log.warning("portcullis: relations: %s", error.detail)

    async def _keep(self, question: bytes) -> bytes:
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        self._asked.set()
        return await answer

    async def _answer(self, together: list[tuple[bytes, asyncio.Future[bytes]]]) -> None:
        try:
            orders = [decode_tuples(question) for question, _ in together]
            kept = await asyncio.to_thread(self.service.keep, [each for order in orders for each in order])
        except Exception as error:  # noqa: BLE001 - whoever waits must be told, whatever it is
            _log.error("portcullis: relations could not be kept: %s", getattr(error, "detail", type(error).__name__))
            for _, answer in together:
                if not answer.done():
                    answer.set_exception(error)
            return
        for order, (_, answer) in zip(orders, together, strict=True):
            own, kept = kept[: len(order)], kept[len(order) :]
            if not answer.done():
                answer.set_result(encode_kept(own))


def _settings(configuration: Configuration) -> RelationSettings:
    return RelationSettings({name: _plain(said) for name, said in configuration.relations.items()})


def _plain(said: list[str] | dict[str, list[str]]) -> list[str] | dict[str, list[str]]:
    return dict(said) if isinstance(said, dict) else list(said)


def _make(services: ControlServices) -> Any:
    # What writes is loaded where it writes: the supervisor reads the settings alone.
    from portcullis.control.relations.service import RelationService  # noqa: PLC0415
    from portcullis.control.state_paths import RELATIONS  # noqa: PLC0415

    return Relations(services, RelationService(services.state / RELATIONS))


PART = PartKind("relations", RelationSettings, _settings, _make)
