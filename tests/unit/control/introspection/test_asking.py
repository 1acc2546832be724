from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Any

import pytest
from rows import rows

from portcullis.control.introspection.asking import MAX_CALLS, MAX_CLAIMS, Endpoint, read_answer
from portcullis.control.introspection.client_proof import ClientProof
from portcullis.control.outgoing import OutgoingError
from portcullis.engine.authentication.introspection_messages import IntrospectionSource

SOURCE = IntrospectionSource("https://id.example.com/introspect", "gateway", "env:SECRET")


class Calls:
    """Stands for the calls to others: ``said`` is the answer, or what is wrong."""

    def __init__(self) -> None:
        self.said: Any = {"active": True, "sub": "alice"}
        self.forms: list[Mapping[str, str]] = []
        self.fields: list[Mapping[str, str] | None] = []
        self.may: asyncio.Event | None = None

    async def post_form(self, url: str, form: Mapping[str, str], *, fields: Mapping[str, str] | None = None) -> Any:
        assert url == SOURCE.endpoint
        self.forms.append(form)
        self.fields.append(fields)
        if self.may is not None:
            await self.may.wait()
        if isinstance(self.said, Exception):
            raise self.said
        return self.said


@pytest.fixture
def calls() -> Calls:
    return Calls()


@pytest.fixture
def endpoint(calls: Calls) -> Endpoint:
    outgoing: Any = calls
    return Endpoint(
        SOURCE, lambda now: ClientProof({"authorization": "Basic x"}, {"at": str(now)}), outgoing, lambda: 7
    )


async def test_a_question_has_the_token_and_the_proof(endpoint: Endpoint, calls: Calls) -> None:
    answer = await endpoint.ask("abc")
    assert (answer.result, json.loads(answer.claims)) == ("active", {"active": True, "sub": "alice"})
    assert calls.forms == [{"token": "abc", "token_type_hint": "access_token", "at": "7"}]
    assert calls.fields == [{"authorization": "Basic x"}]


async def test_many_who_come_with_one_token_are_one_question(endpoint: Endpoint, calls: Calls) -> None:
    calls.may = asyncio.Event()
    asking = [asyncio.create_task(endpoint.ask("abc")) for _ in range(50)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    asking[0].cancel()  # who goes away takes nothing from the others
    calls.may.set()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert {each.result for each in answers if not isinstance(each, BaseException)} == {"active"}
    assert isinstance(answers[0], asyncio.CancelledError)
    assert len(calls.forms) == 1
    await endpoint.ask("abc")  # but nothing is remembered
    assert len(calls.forms) == 2
    assert endpoint.results == {"active": 2}


async def test_only_some_calls_are_under_way(endpoint: Endpoint, calls: Calls) -> None:
    calls.may = asyncio.Event()
    asking = [asyncio.create_task(endpoint.ask(f"t{number}")) for number in range(MAX_CALLS)]
    await asyncio.sleep(0)
    assert (await endpoint.ask("other")).result == "busy"
    calls.may.set()
    await asyncio.gather(*asking)
    assert (await endpoint.ask("other")).result == "active"


async def test_an_issuer_that_is_away_is_told_of_once(
    endpoint: Endpoint, calls: Calls, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    calls.said = OutgoingError("https://id.example.com/introspect: answered 401", 401)
    for _ in range(3):
        answer = await endpoint.ask("abc")
        assert (answer.result, answer.reason) == ("unavailable", "https://id.example.com/introspect: answered 401")
    calls.said = {"active": False}
    assert (await endpoint.ask("abc")).result == "inactive"
    assert [record.getMessage() for record in caplog.records] == [
        "portcullis: tokens can't be asked about: https://id.example.com/introspect: answered 401",
        "portcullis: tokens can be asked about again: https://id.example.com/introspect",
    ]


async def test_a_token_of_another_kind_is_no_trouble(
    endpoint: Endpoint, calls: Calls, caplog: pytest.LogCaptureFixture
) -> None:
    """Anybody can send one: it must neither count as an outage nor fill the log."""
    caplog.set_level(logging.WARNING)
    calls.said = OutgoingError("answered 400 (unsupported_token_type)", 400, "unsupported_token_type")
    assert (await endpoint.ask("a.signed.one")).result == "inactive"
    calls.said = OutgoingError("answered 400 (invalid_request)", 400, "invalid_request")
    assert (await endpoint.ask("abc")).result == "unavailable"
    assert len(caplog.records) == 1


@rows(
    "document",
    [
        *(None, [], "active", True, 1, {}, {"active": None}, {"active": "true"}, {"active": 1}, {"active": "false"}),
        *([{"active": True}], {"Active": True}, {"active": {}}, {"active": [True]}),
        {"active": True, "x": "a" * MAX_CLAIMS},
    ],
)
def test_whatever_is_neither_yes_nor_no_is_no_answer(document: Any) -> None:
    assert read_answer(document).result == "unavailable"


def test_a_no_needs_nothing_else() -> None:
    assert read_answer({"active": False, "sub": "alice"}).claims == b"{}"
