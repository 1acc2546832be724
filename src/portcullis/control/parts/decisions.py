"""Decisions of others, asked for in the name of all workers: only the control process calls anybody, and has tokens."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec

from portcullis.control.decision_protocols import authzen, opa, openfga
from portcullis.control.decision_protocols.speaking import BadAnswerError, Decide, DecisionPointSettings
from portcullis.control.parts import ControlServices, PartKind
from portcullis.engine.config.model import Configuration
from portcullis.engine.config.values import SecretReference
from portcullis.engine.decision_points.declaring import DecisionPointConfig
from portcullis.engine.decision_points.questions import DECIDE, Asked, Decided, decode_asked, encode_decided
from portcullis.engine.ports import SecretError

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from portcullis.engine.ports import Secrets

PROTOCOLS: Final[dict[str, Decide]] = {"authzen": authzen.decide, "opa": opa.decide, "openfga": openfga.decide}
MAX_CALLS: Final = 32
"""Calls to decision points that are under way at a time: half of all, so that a slow one keeps no token waiting."""
NEW_POINT_SECONDS: Final = 1.0
"""How long a question waits for the file that names its decision point: workers may know it a moment earlier."""

_log = logging.getLogger(__name__)


class DecisionSettings(msgspec.Struct, frozen=True):
    """Decision points by their names."""

    points: dict[str, DecisionPointSettings] = {}


class Decisions:
    """Asks decision points. A question that somebody waits for already is not asked twice."""

    def __init__(self, services: ControlServices, secrets: Secrets, call_error: type[Exception]) -> None:
        self._outgoing = services.outgoing
        self._secrets = secrets
        self._call_error = call_error
        self._points: dict[str, DecisionPointSettings] = {}
        self._changed = asyncio.Event()
        self._running: dict[bytes, asyncio.Task[Decided]] = {}
        self._in_trouble: set[str] = set()
        self._slots = asyncio.Semaphore(MAX_CALLS)
        services.hub.answer(DECIDE, self._answer)

    def take_over(self, settings: DecisionSettings) -> None:
        """Go by ``settings`` from now on."""
        self._points = settings.points
        self._changed.set()
        self._changed = asyncio.Event()

    def routes(self) -> Sequence[BaseRoute]:
        """None."""
        return ()

    async def run(self) -> None:
        """Nothing has to be done regularly."""
        await asyncio.Event().wait()

    async def _answer(self, question: bytes) -> bytes:
        running = self._running.get(question)
        if running is None:
            running = self._running[question] = asyncio.create_task(self._decide(decode_asked(question)))
            running.add_done_callback(lambda _task: self._running.pop(question, None))
        return encode_decided(await asyncio.shield(running))

    async def _decide(self, asked: Asked) -> Decided:
        point = await self._point(asked.point)
        if point is None:
            return Decided([], "there is no such decision point")
        try:
            async with asyncio.timeout(point.timeout):
                decisions = await PROTOCOLS[point.kind](partial(self._post, point), point, asked.questions)
        except TimeoutError:
            return self._failed(asked.point, f"no answer in {point.timeout:g} s")
        except (BadAnswerError, SecretError, self._call_error) as error:
            return self._failed(asked.point, str(error))
        if asked.point in self._in_trouble:
            self._in_trouble.discard(asked.point)
            _log.warning("portcullis: decision point %s: answers again", asked.point)
        return Decided(decisions)

    def _failed(self, name: str, failure: str) -> Decided:
        """The answer where there is none; told once, until it answers again."""
        if name not in self._in_trouble:
            self._in_trouble.add(name)
            _log.warning("portcullis: decision point %s: %s", name, failure)
        return Decided([], failure)

    async def _point(self, name: str) -> DecisionPointSettings | None:
        if name not in self._points:
            try:
                async with asyncio.timeout(NEW_POINT_SECONDS):
                    await self._changed.wait()
            except TimeoutError:
                pass
        return self._points.get(name)

    async def _post(self, point: DecisionPointSettings, url: str, document: Any) -> Any:
        fields = {}
        if point.token:
            token = self._secrets.reveal(SecretReference.parse(point.token))
            fields["authorization"] = f"Bearer {token.decode('latin-1')}"
        async with self._slots:
            return await self._outgoing.post_json(url, document, fields=fields)


def _settings(configuration: Configuration) -> DecisionSettings:
    return DecisionSettings({name: _point_of(config) for name, config in configuration.decision_points.items()})


def _point_of(config: DecisionPointConfig) -> DecisionPointSettings:
    token = config.token
    return DecisionPointSettings(
        kind=config.kind,
        url=config.url,
        token="" if token is None else f"{token.kind}:{token.name}",
        store=config.store or "",
        model=config.model or "",
        timeout=config.timeout,
    )


def _make(services: ControlServices) -> Any:
    # What calls others is loaded where it calls: the supervisor reads the settings alone.
    from portcullis.control.outgoing import OutgoingError  # noqa: PLC0415
    from portcullis.stores.secrets import SourceSecrets  # noqa: PLC0415

    return Decisions(services, SourceSecrets(services.files), OutgoingError)


PART = PartKind("decisions", DecisionSettings, _settings, _make)
