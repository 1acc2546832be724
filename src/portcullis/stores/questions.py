"""Questions of a worker that wait for the control process's reply: :class:`~portcullis.engine.ports.Questions`.

Made in the template, used in the worker. A question that can't be sent is not kept: who asks is waiting, and is better
refused at once than late.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Final

import msgspec

from portcullis.engine.ports import Unanswered
from portcullis.stores.frames import Kind, Question, Reply, encode_frame

REPLY_SECONDS: Final = 5.0
MAX_WAITING: Final = 2_000
"""Questions of one worker that may wait at a time."""
MAX_OF_TOPIC: Final = 1_000
"""Those of one topic: callers who make the gateway ask about one thing can't keep it from asking about others."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Reply).decode


class PendingQuestions:
    """The questions of one worker."""

    __slots__ = ("_next", "_of_topic", "_send", "_waiting")

    def __init__(self) -> None:
        self._next = 0
        self._send: Callable[[bytes], None] | None = None
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._of_topic: Counter[str] = Counter()

    def __repr__(self) -> str:
        return f"<PendingQuestions {'down' if self._send is None else 'up'} waiting={len(self._waiting)}>"

    async def ask(self, topic: str, question: bytes) -> bytes:
        """See :meth:`Questions.ask <portcullis.engine.ports.Questions.ask>`."""
        send, waiting = self._send, self._waiting
        if send is None:
            raise Unanswered(f"{topic}: the control process is away")
        if len(waiting) >= MAX_WAITING or self._of_topic[topic] >= MAX_OF_TOPIC:
            raise Unanswered(f"{topic}: too many questions wait already")
        number = self._next = self._next + 1
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        waiting[number] = future
        self._of_topic[topic] += 1
        try:
            send(encode_frame(Kind.QUESTION, _encode(Question(number, topic, question))))
            async with asyncio.timeout(REPLY_SECONDS):
                return await future
        except TimeoutError:
            raise Unanswered(f"{topic}: no answer in {REPLY_SECONDS:.0f} s") from None
        finally:
            del waiting[number]
            self._of_topic[topic] -= 1

    # The line to control.

    def connected(self, send: Callable[[bytes], None]) -> None:
        """The line is up: frames go out by ``send``."""
        self._send = send

    def disconnected(self) -> None:
        """The line is gone, and with it all replies."""
        self._send = None
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(Unanswered("the control process has gone away"))

    def reply(self, payload: bytes) -> None:
        """Take a reply; one that nobody waits for any more is dropped. Raises ``ValueError`` for what is none."""
        reply = _decode(payload)
        future = self._waiting.get(reply.number)
        if future is None or future.done():
            return
        if reply.answer is None:
            future.set_exception(Unanswered("the control process could not answer"))
        else:
            future.set_result(reply.answer)
