"""Exchanges, rules and questions for the tests of the steps that enforce a rule."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

import orjson
from rule_samples import ALICE, sources_of

from portcullis.engine.decision import Refuse
from portcullis.engine.facts import UNREAD, Facts
from portcullis.engine.objects import codes
from portcullis.engine.objects.deciding import Decider
from portcullis.engine.objects.enumeration import Enumeration
from portcullis.engine.objects.given import UNKNOWN, Arguments, Inquiry, QuestionError, Truth
from portcullis.engine.objects.owner_read_steps import ReadPlan
from portcullis.engine.objects.owning import Ownership, Part
from portcullis.engine.objects.parsing import parse
from portcullis.engine.response import ResponseView
from portcullis.testing import FakeClock, FakeCounters, make_request

RULE = parse("response.owner == identity.subject")
REQUEST = make_request("GET", "/orders/1")
PLAN = ReadPlan(lambda given: "/orders/17", b"application/json")


def owned(rule: Any = RULE, **how: Any) -> Ownership:
    locks = how.pop("locks", False)
    counters = how.pop("counters", FakeCounters())
    return Ownership(rule, "#/x", Enumeration(counters, FakeClock(), "shop", 3, 60, locks), **how)


def part(rule: Any = RULE, at: Any = (), functions: Any = None, **how: Any) -> Part:
    return Part(Decider(rule.condition, sources_of(rule.condition), functions or {}), at, **how)


def facts(document: Any = UNREAD, **arguments: Any) -> Facts:
    found = Facts()
    found.identify(ALICE)
    found.document, found.arguments = document, arguments
    return found


def answer(body: Any = None, status: int = 200, **headers: str) -> ResponseView:
    fields = {b"content-type": b"application/json"} | {
        n.replace("_", "-").encode(): v.encode() for n, v in headers.items()
    }
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    return ResponseView(REQUEST, status, tuple(fields.items()), fields, status not in (204, 304), data)


def code_of(found: object) -> codes.Code | None:
    assert found is None or isinstance(found, Refuse)
    return None if found is None else found.code


def asking(answers: dict[Any, Truth], asked: list[Any]) -> Inquiry:
    """Answers questions by ``answers``; one that is not there can't be answered."""

    async def ask(_facts: Any, questions: Sequence[Arguments]) -> list[Truth]:
        await asyncio.sleep(0)
        asked.append(list(questions))
        if any(question not in answers for question in questions):
            raise QuestionError("nobody knows")
        return [answers[question] for question in questions]

    return Inquiry(lambda facts, arguments: True if arguments == ("known",) else UNKNOWN, ask)


async def waited(found: Any) -> Any:
    assert isinstance(found, Awaitable)
    return await found
