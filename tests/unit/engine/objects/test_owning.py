"""What all steps that enforce a rule have in common. Whole exchanges are in the cases of the policy."""

from __future__ import annotations

from owning_samples import PLAN, REQUEST, answer, asking, code_of, facts, owned, part, waited
from rows import rows

from portcullis.engine.objects import codes
from portcullis.engine.objects.owner_answer_steps import ListPlan, response_body_step, response_head_step
from portcullis.engine.objects.owner_read_steps import ReadPlan, before_step
from portcullis.engine.objects.owner_request_steps import body_step, head_step
from portcullis.engine.objects.owning import is_json
from portcullis.engine.objects.parsing import parse
from portcullis.engine.policy import FirstRead


def test_nothing_is_asked_of_who_is_exempt() -> None:
    spared = owned(exempt=frozenset({"clerk"}))
    assert head_step(spared, part(at=None), b"application/json")(REQUEST, facts()) is None
    assert body_step(spared, [part(at=None)])(REQUEST, facts()) is None
    assert response_head_step(spared, monitor=False)(answer(status=204), facts()) is None
    assert response_body_step(spared, part(), ListPlan())(answer({}), facts()) is None
    assert before_step(spared, part(), ReadPlan(lambda given: "/x", b"a/b"))(REQUEST, facts()) is None


async def test_a_question_that_can_not_be_answered_lets_nothing_pass() -> None:
    rule = parse("linked(response.id)")
    functions = {"linked": asking({}, [])}
    run = response_body_step(owned(rule), part(rule, (), functions), ListPlan())
    refused = await waited(run(answer([{"id": 1}]), facts()))
    assert (refused.code, refused.code.status) == (codes.UNAVAILABLE, 503)
    assert (refused.finding.found, refused.finding.source) == ("nobody knows", "#/x")
    found = before_step(owned(rule), part(rule, (), functions), PLAN)(REQUEST, facts())
    assert isinstance(found, FirstRead)
    assert code_of(await waited(found.judge(answer({"id": 1}), facts()))) is codes.UNAVAILABLE


@rows(
    ("field", "json"),
    [
        (b"application/json", True),
        (b"Application/JSON; Charset=UTF-8", True),
        (b"text/json", True),
        (b"application/problem+json", True),
        (b"application/json; charset=latin-1", False),
        (b"application/x-ndjson", False),
        (b"application/json-seq", False),
        (b"application/jsonl", False),
        (b"*/*", False),
        (b"application/*", False),
        (b"application/json, text/html", False),
        (b"json", False),
        (b"", False),
        (b"\xff", False),
    ],
)
def test_what_is_json(field: bytes, json: bool) -> None:
    assert is_json(field) is json
