"""However an exchange ends: what was held of its bodies is given back, and it is recorded once."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable
from typing import Any

import pytest
from rows import rows

from portcullis.engine.codes import Code
from portcullis.engine.decision import Modify, Refuse
from portcullis.testing import settle

BAD = Code("test.bad", 403, "Bad")
HEAD = b"POST /a HTTP/1.1\r\nHost: shop\r\nContent-Length: 3000\r\n\r\n"
CODED = b"POST /a HTTP/1.1\r\nHost: shop\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
HALF = b"x" * 1500
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n"


def passes(*_: object) -> None:
    """A step that allows everything."""


def refuses(*_: object) -> Refuse:
    return Refuse(BAD)


def fails(*_: object) -> None:
    raise RuntimeError("broken")


async def waits(*_: object) -> None:
    await asyncio.Event().wait()


def shrinks(*_: object) -> Modify:
    return Modify(body=b"x")


class Scanner:
    """Refuses what holds a ``!``."""

    held = 0

    def feed(self, data: bytes) -> Refuse | None:
        return Refuse(BAD) if b"!" in data else None

    def end(self) -> None:
        """Nothing against it."""


def scans(*_: object) -> Scanner:
    return Scanner()


# Each: the steps, and what happens, until the exchange has ended.


async def client_goes_while_its_body_is_held(p) -> None:
    p.client_sends(HEAD + HALF)
    assert p.gateway.buffers.held == 1500
    p.client_goes()


async def client_is_too_slow(p) -> None:
    p.client_sends(HEAD + HALF)
    p.wait(31)


async def whole_request_is_refused(p) -> None:
    p.client_sends(HEAD + HALF)
    p.client_sends(HALF)


async def client_goes_before_a_connection_is_there(p) -> None:
    p.client_sends(HEAD + HALF)
    p.client_goes()
    await settle()


async def client_goes_while_a_step_decides(p) -> None:
    p.client_sends(HEAD + HALF)
    await settle()
    p.client_sends(HALF)
    assert p.gateway.buffers.held == 3000
    p.client_goes()
    await settle()


async def service_is_down(p) -> None:
    p.service_is_up = False
    p.client_sends(HEAD + HALF + HALF)
    await settle()


async def service_does_not_answer(p) -> None:
    p.client_sends(HEAD + HALF + HALF)
    await settle()
    assert p.gateway.buffers.held
    p.wait(3_600)


async def service_answers(p) -> None:
    p.client_sends(HEAD + HALF + HALF)
    await settle()
    p.service_sends(ANSWER + b"y" * 2000)


async def service_answers_early(p) -> None:
    p.client_sends(HEAD + HALF)
    await settle()
    p.service_sends(ANSWER + b"y" * 1000)
    p.client_sends(HALF)
    p.service_sends(b"y" * 1000)


async def service_breaks_off_its_answer(p) -> None:
    p.client_sends(HEAD + HALF + HALF)
    await settle()
    p.service_sends(ANSWER + b"y" * 1000)
    p.service_goes()


async def client_goes_while_the_answer_is_held(p) -> None:
    p.client_sends(HEAD + HALF + HALF)
    await settle()
    p.service_sends(ANSWER + b"y" * 1000)
    assert p.gateway.buffers.held == 1000
    p.client_goes()


async def answer_never_ends(p) -> None:
    p.client_sends(HEAD + HALF + HALF)
    await settle()
    p.service_sends(ANSWER + b"y" * 1000)
    p.wait(3_600)


async def answer_is_too_large(p) -> None:
    p.client_sends(HEAD + HALF + HALF)
    await settle()
    p.service_sends(b"HTTP/1.1 200 OK\r\n\r\n" + b"y" * 10_001)


async def answer_is_not_http(p) -> None:
    p.client_sends(HEAD + HALF + HALF)
    await settle()
    p.service_sends(b"garbage\r\n\r\n")


async def scan_refuses_while_the_answer_is_held(p) -> None:
    p.client_sends(HEAD + HALF)
    await settle()
    p.service_sends(ANSWER + b"y" * 1000)
    p.client_sends(b"!")


async def body_is_decoded(p) -> None:
    encoded = gzip.compress(HALF * 20)
    p.client_sends(CODED % len(encoded) + encoded)
    await settle()
    p.service_sends(ANSWER + b"y" * 2000)


async def body_is_no_gzip(p) -> None:
    p.client_sends(CODED % 10 + b"0123456789")


async def gateway_drains(p) -> None:
    p.client_sends(HEAD + HALF)
    p.gateway.drain()
    p.client_sends(HALF)
    await settle()
    p.service_sends(ANSWER + b"y" * 2000)


async def kept_connection_was_closed(p) -> None:
    p.client_sends(b"GET /a HTTP/1.1\r\nHost: shop\r\n\r\n")
    await settle()
    p.service_sends(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    p.records.clear()
    p.client_sends(HEAD + HALF + HALF)
    p.service_goes()  # before a byte was written
    await settle()
    p.service_sends(ANSWER + b"y" * 2000)


async def memory_is_used_up(p) -> None:
    p.gateway.buffers.cap = 2000
    p.client_sends(HEAD + HALF)
    p.client_sends(HALF)


ENDINGS: list[tuple[list[tuple[str, Callable[..., Any]]], Callable[..., Any]]] = [
    ([("body", passes)], client_goes_while_its_body_is_held),
    ([("body", passes)], client_is_too_slow),
    ([("body", refuses)], whole_request_is_refused),
    ([("body", fails)], whole_request_is_refused),
    ([("body", shrinks)], service_answers),
    ([("body", passes)], service_answers),
    ([("body", passes)], service_does_not_answer),
    ([("body", passes)], service_is_down),
    ([("body", passes)], body_is_decoded),
    ([("body", passes)], body_is_no_gzip),
    ([("body", passes)], gateway_drains),
    ([("body", passes)], memory_is_used_up),
    ([("body", waits)], client_goes_while_a_step_decides),
    ([("head", waits)], client_goes_while_a_step_decides),
    ([], client_goes_before_a_connection_is_there),
    ([], service_is_down),
    ([], service_answers),
    ([], service_answers_early),
    ([], kept_connection_was_closed),
    ([("stream", scans)], service_answers),
    ([("stream", scans)], body_is_decoded),
    ([("stream", scans)], body_is_no_gzip),
    ([("stream", fails)], whole_request_is_refused),
    ([("stream", scans), ("response_body", passes)], scan_refuses_while_the_answer_is_held),
    ([("response_head", refuses)], service_answers),
    ([("response_head", fails)], service_answers),
    ([("response_body", passes)], service_answers),
    ([("response_body", refuses)], service_answers),
    ([("response_body", fails)], service_answers),
    ([("response_body", shrinks)], service_answers),
    ([("response_body", passes)], service_answers_early),
    ([("response_body", passes)], service_breaks_off_its_answer),
    ([("response_body", passes)], client_goes_while_the_answer_is_held),
    ([("response_body", passes)], answer_never_ends),
    ([("response_body", passes)], answer_is_too_large),
    ([("response_body", passes)], answer_is_not_http),
    ([("answer", fails)], service_answers),
    ([("answer", fails), ("body", refuses)], whole_request_is_refused),
]


@rows(
    ("steps", "happens"),
    [
        pytest.param(steps, happens, id=f"{' '.join(f'{needs} {run.__name__}' for needs, run in steps)}, {name}")
        for steps, happens in ENDINGS
        for name in [happens.__name__.replace("_", " ")]
    ],
)
async def test_what_was_held_is_given_back_and_one_record_is_written(play, steps, happens):
    p = play(POST=steps)
    await happens(p)
    assert p.gateway.buffers.held == 0
    assert len(p.records) == 1
    p.wait(3_600)
    await settle()
    assert len(p.records) == 1
    assert p.gateway.buffers.held == 0
