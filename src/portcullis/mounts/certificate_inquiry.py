"""Finding out about client certificates of which nothing is known: the control process asks their authorities.

What it learns of lists it tells all workers; what it learns of single certificates it answers, and is known here until
it runs out. For connections that are open it is asked again before that.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from portcullis.engine.authentication.status_messages import (
    MAX_CHAIN,
    TOPIC,
    StatusQuestion,
    decode_answer,
    encode,
)
from portcullis.engine.ports import Unanswered

if TYPE_CHECKING:
    from portcullis.engine.authentication.live_revocation import LiveRevocation, Path
    from portcullis.engine.ports import Questions

_log = logging.getLogger(__name__)
MAX_RENEWALS: Final = 64
"""Certificates of open connections that are asked about at a time."""


class CertificateInquiry:
    """Asks for one ``listener``; what is learned, ``live`` knows."""

    def __init__(self, listener: str, live: LiveRevocation, questions: Questions) -> None:
        self._listener = listener
        self._live = live
        self._questions = questions
        self._renewals: dict[tuple[bytes, ...], asyncio.Task[None]] = {}

    async def ask(self, chain: tuple[bytes, ...]) -> None:
        """Find out about a verified ``chain`` in DER, the client's certificate first. Nothing is raised."""
        if len(chain) > MAX_CHAIN:
            return
        try:
            answer = await self._questions.ask(TOPIC, encode(StatusQuestion(self._listener, chain)))
            self._live.learn(decode_answer(answer))
        except Unanswered as error:
            _log.warning("listener %s: nothing can be found out about a certificate: %s", self._listener, error)
        except ValueError:
            _log.error("listener %s: the answer about a certificate can't be read", self._listener)

    def renew(self, chain: tuple[bytes, ...], path: Path, now: float) -> None:
        """Ask about the chain of an open connection again, if what is known of it soon runs out."""
        if chain in self._renewals or len(self._renewals) >= MAX_RENEWALS or not self._live.runs_out(path, now):
            return
        task = self._renewals[chain] = asyncio.get_running_loop().create_task(self.ask(chain))
        task.add_done_callback(lambda _done: self._renewals.pop(chain, None))


def renew_all(certificates: Iterable[object], now: float) -> None:
    """Have all ``certificates`` of open connections looked at again that soon run out; others are let be."""
    for each in certificates:
        inquire = getattr(each, "inquire", None)
        if inquire is not None:
            inquire(now)
