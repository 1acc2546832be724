"""The parts of a rule, and where they are decided."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from rows import rows

from portcullis.engine.objects.compiling import RuleCompiler, json_types, need_not_be_there, places_in_answers
from portcullis.engine.objects.declared import ANYTHING, place_of
from portcullis.engine.objects.functions import Function
from portcullis.engine.objects.parsing import parse
from portcullis.engine.objects.surroundings import Answers, Surroundings
from portcullis.engine.objects.syntax import Call, Constant, Rule
from portcullis.engine.objects.tokens import RuleError
from portcullis.engine.openapi.document import SpecDocument

SCHEMA = {
    "type": "object",
    "properties": {
        "owner": {"type": "string"},
        "items": {"type": "array", "items": {"type": "object", "properties": {"owner": {"type": "string"}}}},
    },
}
NOTHING: Any = SimpleNamespace()


def check_call(rule: Rule, call: Call, _context: object) -> None:
    if isinstance(call.arguments[0], Constant):
        raise rule.error(call.arguments[0], "a constant says nothing")


FUNCTIONS = {
    "asked": Function(
        "asked", (("id", ANYTHING),), "asked(...)", lambda context: lambda facts, values: True, check_call
    )
}
Make = Callable[..., SpecDocument]


def compiler(text: str, document: SpecDocument, *, reads_first: bool = True, at: Any = ()) -> RuleCompiler:
    rule = parse(text)
    (operation,) = document.operations
    checks = document.checks()
    places = places_in_answers(operation, document.checks("refuse", "response"))
    found = Surroundings(
        rule, operation, checks.names, lambda name: place_of(checks.checker, name), Answers(tuple(places), at)
    )
    return RuleCompiler(rule, NOTHING, found, FUNCTIONS, at=at, reads_first=reads_first)


@rows(
    ("rule", "head", "body", "response"),
    [
        ("response.owner == identity.subject", False, 0, True),
        ("request.path.id == 1", True, 0, False),
        ("identity.subject == 'a'", True, 0, False),
        ("request.body.owner == identity.subject", False, 1, False),
        ("request.path.id == 1 and request.body.owner == 'a' and response.owner == 'b'", True, 1, True),
        ("request.body.owner == 'a' and request.body.owner != 'b'", False, 1, False),
        ("request.body.owner == 'a' and request.body.items[].owner == 'b'", False, 2, False),
        ("request.path.id == 1 or response.owner == 'b'", False, 0, True),
        ("request.body.owner == response.owner", False, 0, True),
        ("not (request.path.id == 1 and response.owner == 'b')", False, 0, True),
    ],
)
def test_each_part_is_decided_as_soon_as_it_can_be(
    rule: str, head: bool, body: int, response: bool, document: Make
) -> None:
    parts = compiler(rule, document(SCHEMA)).parts()
    assert (parts.head is not None, len(parts.body), parts.response is not None) == (head, body, response)


def test_lists_of_bodies_are_looked_for_below_the_body(document: Make) -> None:
    parts = compiler("request.body.items[].owner == identity.subject", document(SCHEMA)).parts()
    assert parts.body[0].at == ("items",)
    assert compiler("request.body.owner == 'a'", document(SCHEMA)).parts().body[0].at is None


def test_objects_of_answers_are_where_they_were_found(document: Make) -> None:
    parts = compiler("response.owner == 'a'", document(SCHEMA), at=("items",)).parts(absent_is_none=True)
    assert parts.response is not None
    assert (parts.response.at, parts.response.absent_is_none) == (("items",), True)


def test_a_body_is_gone_when_the_answer_comes(document: Make) -> None:
    with pytest.raises(RuleError, match="is not known any more"):
        compiler("request.body.owner == response.owner", document(SCHEMA), reads_first=False).parts()


@rows(
    "rule",
    [
        "response.owner == request.body.items[].owner",
        "request.body.items[].owner == identity.subject or response.owner == identity.subject",
        "asked(request.body.items[].owner) or response.owner == 'a'",
        "request.body.owner == 'a' and (response.owner == 'a' or request.body.items[].owner == 'b')",
    ],
)
def test_items_of_a_body_are_not_mistaken_for_what_is_read_first(rule: str, document: Make) -> None:
    with pytest.raises(RuleError, match=r"request\.body\.items\[\]\.owner is of each item of the body"):
        compiler(rule, document(SCHEMA)).parts()


def test_questions_are_asked_where_their_arguments_are_known(document: Make) -> None:
    parts = compiler("asked(request.path.id) and asked(request.body.owner)", document(SCHEMA)).parts()
    assert (parts.head is not None, len(parts.body), parts.response) == (True, 1, None)
    assert compiler("asked(response.owner)", document(SCHEMA)).parts().response is not None


def test_each_call_of_a_function_is_looked_at(document: Make) -> None:
    with pytest.raises(RuleError, match="a constant says nothing") as error:
        compiler("asked(response.owner) or asked('x')", document(SCHEMA))
    assert error.value.column == 32


def test_mistakes_are_told(document: Make) -> None:
    with pytest.raises(RuleError, match="ownr is not declared"):
        compiler("response.ownr == 'a'", document(SCHEMA))


def answers(**statuses: Any) -> dict[str, Any]:
    return {
        "responses": {
            status.removeprefix("s"): {"description": "It.", **({} if content is None else {"content": content})}
            for status, content in statuses.items()
        }
    }


JSON, OTHER = {"application/json": {"schema": SCHEMA}}, {"text/csv": {}}


@rows(
    ("statuses", "found"),
    [
        ({"s200": JSON}, ["200"]),
        ({"s200": JSON, "s201": JSON, "s404": JSON}, ["200", "201"]),
        ({"s2XX": JSON, "default": JSON}, ["2xx"]),
        ({"default": JSON}, ["default"]),
        ({"s200": OTHER}, []),
        ({"s200": {"application/json": {}}}, []),
        ({"s204": None}, []),
        ({"s303": JSON}, []),
    ],
)
def test_answers_that_hold_objects(statuses: Any, found: list[str], document: Make) -> None:
    made = document(SCHEMA, **answers(**statuses))
    (operation,) = made.operations
    places = places_in_answers(operation, made.checks("refuse", "response"))
    assert [status for status, _ in places] == found
    assert need_not_be_there(places, ("items",))


@rows(
    ("content", "accept"),
    [
        (JSON, b"application/json"),
        ({**JSON, **OTHER, "application/hal+json": {}}, b"application/json, application/hal+json"),
        ({"application/*": {"schema": SCHEMA}}, b"application/json"),
        ({"application/problem+json": {"schema": SCHEMA}}, b"application/json"),
    ],
)
def test_what_is_asked_for(content: Any, accept: bytes, document: Make) -> None:
    (operation,) = document(SCHEMA, **answers(s200=content)).operations
    assert json_types(operation) == accept
