from __future__ import annotations

import asyncio
import json

import pytest
from rows import rows

from portcullis.engine.authentication.jose.errors import NoKeysError
from portcullis.engine.ports import Ports, Unanswered
from portcullis.engine.token_service.messages import KEYS, PublishedKeys, encode
from portcullis.engine.token_service.trusted_keys import TrustedKeys
from portcullis.testing import FakeClock, FakeCounters, FakeKeys
from portcullis.testing.tokens import Signer, key_set_of


class Control:
    """Answers questions with ``answer``; ``None``: not at all."""

    def __init__(self, answer: bytes | None) -> None:
        self.answer = answer
        self.asked: list[str] = []

    async def ask(self, topic: str, _question: bytes) -> bytes:
        self.asked.append(topic)
        if self.answer is None:
            raise Unanswered(topic)
        return self.answer


def published(*signers: Signer, issuer: str = "https://i") -> bytes:
    return encode(PublishedKeys(issuer, json.dumps(key_set_of(*signers)).encode(), b"{}"))


def keys_with(control: Control) -> tuple[TrustedKeys, FakeClock]:
    clock = FakeClock()
    return TrustedKeys(Ports(clock, FakeCounters(), FakeKeys(), questions=control)), clock


def test_there_are_none_before_they_are_told() -> None:
    keys, _ = keys_with(Control(None))
    assert keys.usable_until == 0.0
    with pytest.raises(NoKeysError):
        keys.usable(0.0)
    keys.apply(published(Signer("ES256", "a")))
    assert keys.usable(0.0).size == 1
    assert keys.issuer == "https://i"


def test_those_who_remember_are_told_of_changes_only() -> None:
    keys, _ = keys_with(Control(None))
    changes: list[int] = []
    keys.on_change(lambda: changes.append(keys.keys.size))
    first, second = Signer("ES256", "a"), Signer("ES256", "b")
    for message in (published(first), published(first), published(first, second)):
        keys.apply(message)
    assert changes == [1, 2]


def test_a_key_that_may_be_new_is_asked_for_but_not_often() -> None:
    control = Control(published(Signer("ES256", "a")))
    keys, clock = keys_with(control)
    assert keys.may_ask
    asyncio.run(keys.ask())
    assert control.asked == [KEYS]
    assert keys.keys.size == 1
    assert not keys.may_ask
    clock.advance(1.5)
    assert keys.may_ask


@rows("answer", [None, b"", b"\xc1"])
def test_without_an_answer_there_is_doubt(answer: bytes | None) -> None:
    keys, _ = keys_with(Control(answer))
    asyncio.run(keys.ask())
    assert keys.in_doubt
    keys.apply(published(Signer("ES256", "a")))
    assert not keys.in_doubt
