"""A rule enforced on the service's answer."""

from __future__ import annotations

from typing import Any

import orjson
from owning_samples import answer, asking, code_of, facts, owned, part, waited
from rows import rows

from portcullis.engine.decision import Modify
from portcullis.engine.objects import codes
from portcullis.engine.objects.owner_answer_steps import ListPlan, response_body_step, response_head_step, wants_answer
from portcullis.engine.objects.parsing import parse
from portcullis.engine.response import ResponseView


async def test_of_an_answer_all_objects_are_asked_about_together() -> None:
    asked: list[Any] = []
    rule = parse("linked(response.id)")
    functions = {"linked": asking({(1,): True, (2,): False, (3,): True}, asked)}
    run = response_body_step(owned(rule), part(rule, (), functions), ListPlan())
    changed = await waited(run(answer([{"id": 1}, {"id": 2}, {"id": 3}]), facts()))
    assert orjson.loads(changed.body) == [{"id": 1}, {"id": 3}]
    assert asked == [[(1,), (2,), (3,)]]
    assert await waited(run(answer({"id": 1}), facts())) is None
    assert code_of(await waited(run(answer({"id": 2}), facts()))) is codes.NOT_OWNER


@rows(
    ("said", "code"),
    [
        (answer({}), None),
        (answer({}, content_type="application/hal+json; charset=UTF-8"), None),
        (answer({}, content_type="text/html"), codes.UNREADABLE),
        (answer({}, content_type=""), codes.UNREADABLE),
        (answer(status=204), codes.UNREADABLE),
        (answer(status=304), codes.UNREADABLE),
        (answer(status=302), codes.UNREADABLE),
        (answer(status=404), codes.ABSENT),
        (answer(status=410), codes.ABSENT),
        (answer(status=400), None),
        (answer(status=500), None),
    ],
)
def test_what_the_head_of_an_answer_says(said: ResponseView, code: codes.Code | None) -> None:
    assert code_of(response_head_step(owned(), monitor=False)(said, facts())) is code


def test_the_service_may_say_itself_that_nothing_is_there() -> None:
    assert response_head_step(owned(hides=False), monitor=False)(answer(status=404), facts()) is None
    assert response_head_step(owned(), monitor=True)(answer(status=404), facts()) is None


def test_answers_that_hold_an_object_are_wanted() -> None:
    assert wants_answer(answer({}))
    assert wants_answer(answer({}, status=409))
    for kind in ("application/problem+json", "application/Problem+JSON; charset=utf-8", "text/plain"):
        assert not wants_answer(answer({}, status=409, content_type=kind))


@rows(
    ("document", "refused"),
    [
        ({"owner": "bob"}, True),
        ([{"owner": "alice"}, {"owner": "bob"}], True),
        ({"owner": "alice"}, False),
        ({"error": "conflict"}, False),
        ({"owner": None}, False),
        ("conflict", False),
        (None, False),
    ],
)
def test_an_error_is_refused_if_it_shows_an_object_of_somebody_else(document: Any, refused: bool) -> None:
    found: Any = response_body_step(owned(), part(), ListPlan())(answer(document, status=409), facts())
    assert (found is not None) is refused
    assert not refused or (found.status, found.code.name) == (404, "objects.not_owner")


def test_callers_may_be_told() -> None:
    refusal: Any = response_body_step(owned(hides=False), part(), ListPlan())(answer({"owner": "bob"}), facts())
    assert (refusal.status, refusal.code.name, refusal.code.visible) == (403, "objects.not_owner", codes.FORBIDDEN)


def test_a_filtered_answer_comes_with_its_document() -> None:
    found: Any = response_body_step(owned(), part(), ListPlan())(
        answer([{"owner": "bob"}, {"owner": "alice"}]), facts()
    )
    assert found.body == b'[{"owner":"alice"}]'
    assert found.document == [{"owner": "alice"}]
    assert (found.code, found.finding.found) == (codes.LIST_FILTERED, "1 object of others")
    assert found.remove_fields == {b"etag", b"last-modified", b"content-range"}


def test_a_list_may_be_refused() -> None:
    run = response_body_step(owned(), part(), ListPlan(filters=False))
    assert code_of(run(answer([{"owner": "alice"}, {"owner": "bob"}]), facts())) is codes.LIST_REFUSED  # type: ignore[arg-type]
    assert run(answer([{"owner": "alice"}]), facts()) is None


def test_fields_that_count_are_corrected_where_they_are() -> None:
    run = response_body_step(owned(), part(), ListPlan(total_fields=(b"x-total",)))
    assert run(answer([{"owner": "alice"}]), facts()) is None
    found = run(answer([{"owner": "alice"}], x_total="9"), facts())
    assert found == Modify(set_fields=((b"x-total", b"1"),))
