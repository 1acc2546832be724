from __future__ import annotations

import io
import os
import threading
from typing import Any

import msgspec
import pytest

from portcullis.control.acme import program
from portcullis.control.acme.messages import AcmeOrder, Authority, Done, Failed, Present, Said
from portcullis.control.acme.program import Dialogue, main

ORDER = AcmeOrder("obtain", Authority("first", "https://a/dir", ""), "")


class Piped:
    """Standard input and output of the program."""

    def __init__(self, lines: bytes) -> None:
        reading, self.writing = os.pipe()
        os.write(self.writing, lines)
        self.heard = os.fdopen(reading, "rb")
        self.said = io.BytesIO()
        self.ended = threading.Event()

    @property
    def told(self) -> list[Said]:
        return [msgspec.json.decode(line, type=Said) for line in self.said.getvalue().splitlines()]  # type: ignore[misc]


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> Any:
    made = Piped(msgspec.json.encode(ORDER) + b"\nshown\n")
    monkeypatch.setattr(program, "_end", made.ended.set)
    yield made
    os.close(made.writing)
    assert made.ended.wait(5)  # whoever started it is gone
    made.heard.close()


def test_a_challenge_is_waited_for(piped: Piped) -> None:
    dialogue = Dialogue(piped.heard, piped.said, piped.ended.set)
    assert dialogue.order() == ORDER
    dialogue.present(Present("http-01", "a", "b"))
    assert piped.told == [Present("http-01", "a", "b")]


@pytest.mark.parametrize("fails", [False, True])
def test_the_last_word_is_the_outcome_whatever_happens(
    piped: Piped, fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def carry_out(*_: Any) -> Done:
        if fails:
            raise RuntimeError("secret")
        return Done()

    monkeypatch.setattr("portcullis.control.acme.obtaining.carry_out", carry_out)
    monkeypatch.setattr(program.sys, "stdin", type("In", (), {"buffer": piped.heard}))
    monkeypatch.setattr(program.sys, "stdout", type("Out", (), {"buffer": piped.said}))
    main()
    assert piped.told == [Failed("first: internal error: RuntimeError") if fails else Done()]
