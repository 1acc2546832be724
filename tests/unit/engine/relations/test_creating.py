from __future__ import annotations

from collections.abc import Awaitable
from types import SimpleNamespace
from typing import Any

import orjson
from rows import rows

from portcullis.engine.authentication.callers import CallerTypes
from portcullis.engine.config.model import AuthenticateSettings
from portcullis.engine.decision import Modify, Refuse
from portcullis.engine.facts import Facts
from portcullis.engine.identity import Identity
from portcullis.engine.objects import codes
from portcullis.engine.relations.creating import NOBODY, NOT_KEPT, TAKEN, Creation, heading, keeping, preparing
from portcullis.engine.relations.keeping import KEEP, decode_tuples, encode_kept
from portcullis.engine.relations.object_names import parse_object_name
from portcullis.engine.response import ResponseView
from portcullis.testing import FakeQuestions, make_request

CONTEXT: Any = SimpleNamespace(
    settings=SimpleNamespace(public=False, authenticate=AuthenticateSettings.model_validate({"any_of": ["staff"]})),
    configuration=SimpleNamespace(identities={"staff": SimpleNamespace(api_key=None)}),
)
REQUEST = make_request("POST", "/orders")


def creation(answers: Any = True, name: str = "order:{response.id}") -> tuple[Creation, FakeQuestions]:
    """``answers``: what is said of each tuple that is to be kept; ``None``: nobody says anything."""
    said = {} if answers is None else {KEEP: lambda asked: encode_kept([answers] * len(decode_tuples(asked)))}
    questions = FakeQuestions(said)
    types = CallerTypes(CONTEXT, {"staff": "user"})
    made = Creation(
        parse_object_name(name), "order#owner", types, questions, range(200, 300), b"application/json", "#/x"
    )
    return made, questions


def calling(subject: str = "alice") -> Facts:
    facts = Facts()
    facts.identify(Identity("jwt", subject, name="staff"))
    return facts


def answer(body: Any, status: int = 201, **fields: bytes) -> ResponseView:
    headers = {b"content-type": b"application/json"} | {n.replace("_", "-").encode(): v for n, v in fields.items()}
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    return ResponseView(REQUEST, status, tuple(headers.items()), headers, status != 204, data)


async def decided(found: Any) -> Any:
    return await found if isinstance(found, Awaitable) else found


def kept(questions: FakeQuestions) -> list[str]:
    return [str(each) for _, asked in questions.asked for each in decode_tuples(asked)]


async def test_before_the_service_is_asked_it_is_made_sure_that_a_tuple_could_be_kept() -> None:
    made, questions = creation()
    assert await decided(preparing(made)(REQUEST, calling())) is None
    assert len(questions.asked) == 1
    assert kept(questions) == []
    refused = await decided(preparing(creation(None)[0])(REQUEST, calling()))
    assert refused.code is codes.UNAVAILABLE


@rows("subject", ["", "a b", "a#b", "*", "x" * 300])
async def test_who_can_not_stand_in_a_tuple_creates_nothing(subject: str) -> None:
    made, questions = creation()
    refused = await decided(preparing(made)(REQUEST, calling(subject)))
    assert refused.code is NOBODY
    assert questions.asked == []


async def test_the_service_is_asked_for_an_answer_that_can_be_read() -> None:
    made, _ = creation()
    request = make_request("POST", "/orders", {"accept": "application/xml", "accept-encoding": "br", "if-match": "x"})
    assert await decided(preparing(made)(request, calling())) == Modify(
        remove_fields=frozenset({b"accept-encoding"}), set_fields=((b"accept", b"application/json"),)
    )
    plain = make_request("POST", "/orders", {"accept": "*/*"})
    assert await decided(preparing(made)(plain, calling())) is None


@rows(
    ("response", "refused"),
    [
        (answer({}), False),
        (answer({}, 200), False),
        (answer({}, 204), True),
        (answer({}, content_type=b"text/plain"), True),
        (answer({}, 422, content_type=b"text/plain"), False),
    ],
)
def test_an_answer_that_says_that_something_was_created_must_be_able_to_say_what(
    response: ResponseView, refused: bool
) -> None:
    found = heading(creation()[0])(response, calling())
    assert (found is not None) == refused
    assert found is None or found.code is NOT_KEPT


async def test_what_was_created_is_kept_for_the_caller() -> None:
    made, questions = creation()
    assert await decided(keeping(made)(answer({"id": 17}), calling())) is None
    assert kept(questions) == ["order:17#owner@user:alice"]
    assert await decided(keeping(made)(answer({"id": 18}, 409), calling())) is None
    assert len(questions.asked) == 1


async def test_several_objects_are_kept_together() -> None:
    made, questions = creation(name="order:{response.shop}/{response.items[].id}")
    assert await decided(keeping(made)(answer({"shop": "s", "items": [{"id": 1}, {"id": 2}]}), calling())) is None
    assert len(questions.asked) == 1
    assert kept(questions) == ["order:s/1#owner@user:alice", "order:s/2#owner@user:alice"]


@rows(
    ("name", "body"),
    [
        ("order:{response.id}", {}),
        ("order:{response.id}", {"id": None}),
        ("order:{response.id}", {"id": True}),
        ("order:{response.id}", {"id": "a b"}),
        ("order:{response.id}", {"id": "x" * 300}),
        ("order:{response.id}", [{"id": 1}]),
        ("order:{response.id}", b"nonsense"),
        ("order:{response.items[].id}", {}),
        ("order:{response.items[].id}", {"items": {"id": 1}}),
        ("order:{response.items[].id}", {"items": [{"id": 1}, 2]}),
        ("order:{response.shop}/{response.items[].id}", {"items": [{"id": 1}]}),
    ],
)
async def test_what_does_not_name_the_object_is_not_kept(name: str, body: Any) -> None:
    made, questions = creation(name=name)
    refused = await decided(keeping(made)(answer(body), calling()))
    assert (refused.code, refused.code.status) == (NOT_KEPT, 502)
    assert questions.asked == []


@rows(("answers", "code"), [(None, NOT_KEPT), (False, TAKEN)])
async def test_what_can_not_be_kept_is_told_to_the_record(answers: Any, code: Any) -> None:
    refused = await decided(keeping(creation(answers)[0])(answer({"id": 17}), calling()))
    assert isinstance(refused, Refuse)
    assert refused.code is code
    assert refused.finding is not None
    assert (refused.finding.found, refused.finding.source) == ("order:17#owner@user:alice", "#/x")
    assert refused.detail == ""
