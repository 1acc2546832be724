"""A rule enforced on an object that is read first."""

from __future__ import annotations

from typing import Any

import msgspec
from owning_samples import PLAN, REQUEST, answer, asking, code_of, facts, owned, part, waited
from rows import rows

from portcullis.engine.objects import codes
from portcullis.engine.objects.owner_read_steps import ReadPlan, before_step
from portcullis.engine.objects.parsing import parse
from portcullis.engine.policy import FirstRead
from portcullis.engine.response import ResponseView


def first_read(plan: ReadPlan, **how: Any) -> FirstRead:
    found = before_step(owned(**how), part(), plan)(REQUEST, facts())
    assert isinstance(found, FirstRead)
    return found


async def test_an_object_that_is_read_first_is_asked_about_then() -> None:
    rule = parse("linked(response.id)")
    functions = {"linked": asking({(1,): True, (2,): False}, [])}
    found = before_step(owned(rule), part(rule, (), functions), PLAN)(REQUEST, facts())
    assert isinstance(found, FirstRead)
    assert await waited(found.judge(answer({"id": 1}), facts())) is None
    assert code_of(await waited(found.judge(answer({"id": 2}), facts()))) is codes.NOT_OWNER


@rows(
    ("said", "code"),
    [
        (answer({"owner": "alice"}), None),
        (answer({"owner": "bob"}), codes.NOT_OWNER),
        (answer({}), codes.UNDECIDED),
        (answer([]), codes.ABSENT),
        (answer([{"owner": "alice"}, {"owner": "bob"}]), codes.NOT_OWNER),
        (answer(b"{"), codes.UNREADABLE),
        (answer({}, content_type="text/plain"), codes.UNREADABLE),
        (answer(status=204), codes.UNREADABLE),
        (answer(status=404), codes.ABSENT),
        (answer(status=410), codes.ABSENT),
        (answer({"owner": "alice"}, status=401), codes.UNAVAILABLE),
        (answer({"owner": "alice"}, status=503), codes.UNAVAILABLE),
        (answer({"owner": "alice"}, status=301), codes.UNREADABLE),
    ],
)
def test_what_was_read_decides(said: ResponseView, code: codes.Code | None) -> None:
    assert code_of(first_read(PLAN).judge(said, facts())) is code


def test_what_is_not_there_may_pass() -> None:
    plan = msgspec.structs.replace(PLAN, absent_passes=True)
    assert first_read(plan).judge(answer(status=404), facts()) is None
    assert code_of(first_read(plan).judge(answer({"owner": "bob"}), facts())) is codes.NOT_OWNER


def test_without_a_place_to_read_from_nothing_is_read() -> None:
    found = before_step(owned(), part(), ReadPlan(lambda given: None, b"a/b"))(REQUEST, facts())
    assert code_of(found) is codes.UNREADABLE  # type: ignore[arg-type]
