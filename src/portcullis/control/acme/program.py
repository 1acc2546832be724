"""The program that speaks ACME: ``python -m portcullis.control.acme.program``.

It reads an :class:`~portcullis.control.acme.messages.AcmeOrder` from standard input, has challenges shown by whoever
started it, and says last what became of it. When its input ends nobody wants the outcome any more, and it ends.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections.abc import Callable
from typing import BinaryIO

import msgspec

from portcullis.control.acme.messages import AcmeOrder, Failed, Present, Said


class Dialogue:
    """The lines to whoever started the program; ``ended`` is called when nobody is there any more."""

    def __init__(self, heard: BinaryIO, said: BinaryIO, ended: Callable[[], None]) -> None:
        self._heard = heard
        self._ended = ended
        self._said = said
        self._answers: queue.Queue[bytes] = queue.Queue()

    def order(self) -> AcmeOrder:
        """What is to be done. Raises ``msgspec.MsgspecError``."""
        order = msgspec.json.decode(self._heard.readline(), type=AcmeOrder)
        threading.Thread(target=self._listen, daemon=True).start()
        return order

    def say(self, what: Said) -> None:
        """Tell it."""
        self._said.write(msgspec.json.encode(what) + b"\n")
        self._said.flush()

    def present(self, challenge: Present) -> None:
        """Have ``challenge`` shown, and wait until it is."""
        self.say(challenge)
        self._answers.get()

    def _listen(self) -> None:
        for line in self._heard:
            self._answers.put(line)
        self._ended()


def _end() -> None:
    """At once, from whichever thread, whatever the others wait for."""
    os._exit(1)


def main() -> None:
    """Carry the order out."""
    dialogue = Dialogue(sys.stdin.buffer, sys.stdout.buffer, _end)
    order = dialogue.order()
    try:
        from portcullis.control.acme.obtaining import carry_out  # noqa: PLC0415 - so that a failure of it is told, too

        dialogue.say(carry_out(order, dialogue.present))
    except Exception as error:  # noqa: BLE001 - whoever waits for the outcome must be told one
        dialogue.say(Failed(f"{order.authority.name}: internal error: {type(error).__name__}"))


if __name__ == "__main__":
    main()
