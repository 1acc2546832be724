"""What an operation offers to rules, and how it is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rows import rows
from rule_samples import ALICE, make_given

from portcullis.engine.authorization.roles import Roles
from portcullis.engine.identity import ANONYMOUS, Consumer, Identity
from portcullis.engine.objects.declared import place_of
from portcullis.engine.objects.given import Given, OfExchange, OfObject
from portcullis.engine.objects.parsing import parse
from portcullis.engine.objects.surroundings import Answers, Surroundings, is_ambiguous, object_at, reader, strict_reader
from portcullis.engine.objects.tokens import RuleError
from portcullis.engine.openapi.document import SpecDocument

SCHEMA = {
    "type": "object",
    "properties": {
        "owner": {"type": "string"},
        "items": {"type": "array", "items": {"type": "object", "properties": {"owner": {"type": "integer"}}}},
        "secret": {"type": "string", "writeOnly": True},
    },
}
Make = Callable[..., SpecDocument]


class Boss:
    permissions = ("a",)
    inherits = ("clerk",)
    exclusive_with = ()


class Clerk(Boss):
    inherits = ()  # type: ignore[assignment]


ROLES = Roles({"boss": Boss(), "clerk": Clerk()})


def surroundings(rule: str, document: SpecDocument, at: tuple[Any, ...] = (), **how: Any) -> Surroundings:
    (operation,) = document.operations
    checks, answers = document.checks(), document.checks("refuse", "response")
    places = tuple(
        (response.status, place_of(answers.checker, answers.names[content.schema or ""]))
        for response in operation.responses
        for content in response.content
    )
    return Surroundings(
        parse(rule),
        operation,
        checks.names,
        lambda name: place_of(checks.checker, name),
        how.pop("answers", Answers(places, at)),
        roles=ROLES,
        **how,
    )


@rows(
    ("path", "words"),
    [
        ("response.owner", "text"),
        ("response", "an object"),
        ("response.items[].owner", "an integer"),
        ("request.path.id", "an integer"),
        ("request.body.owner", "text"),
        ("request.body.items[].owner", "an integer"),
        ("request.header.X-Who", "text"),
        ("request.query.tags", "a list"),
        ("identity.subject", "text"),
        ("identity.consumer", "text"),
        ("identity.roles", "a list"),
        ("identity.claims.tenant", "anything"),
        ('identity.claims["https://a/b"].c', "anything"),
        ("identity.claims", "an object"),
    ],
)
def test_what_can_stand_at_a_path(path: str, words: str, document: Make) -> None:
    more = [
        {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}},
        {"name": "x-who", "in": "header", "schema": {"type": "string"}},
        {"name": "tags", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}},
    ]
    found = surroundings(f"{path} == 1", document(SCHEMA, parameters=more))
    (path_in_rule,) = found._rule.paths()
    assert found.meaning(path_in_rule).words == words


@rows(
    ("path", "message", "hint"),
    [
        ("response.ownr", "ownr is not declared in the answer 200", 'did you mean "owner"?'),
        ("response.items.owner", "the items of the answer 200 is no object, but a list", "response.items[]"),
        ("response.owner[]", "the owner of the answer 200 is no list, but text", "leave out []"),
        ("response.owner.id", "the owner of the answer 200 is no object, but text", ""),
        ("response.secret", "secret is declared for the other direction only", ""),
        ("request", "request alone is no value", "request.path"),
        ("request.path", "request.path alone is no value", "declared: id"),
        ("request.path.idd", "has no path parameter idd", "declared: id"),
        ("request.quer.id", "there is no request.quer.id", 'did you mean "query"?'),
        ("request.path.id.x", "the path parameter id is no object, but an integer", ""),
        ("request.path[].id", "[] is for lists in bodies", ""),
        ("request.body.ownr", "ownr is not declared in the body of application/json", 'did you mean "owner"?'),
        ("identity", "identity alone is no value", "identity.subject"),
        ("identity.subjct", "there is no identity.subjct", 'did you mean "subject"?'),
        ("identity.subject.x", "there is nothing below identity.subject", ""),
        ("identity.roles[]", "[] is for lists in requests and answers", '"..." in identity.roles'),
    ],
)
def test_what_is_not_there(path: str, message: str, hint: str, document: Make) -> None:
    found = surroundings(f"{path} == 1", document(SCHEMA))
    (path_in_rule,) = found._rule.paths()
    with pytest.raises(RuleError) as error:
        found.meaning(path_in_rule)
    assert message in error.value.message
    assert hint in error.value.hint


def test_an_operation_that_offers_less(document: Make) -> None:
    bare = document(SCHEMA, requestBody={"content": {"application/json": {}}})
    for rule, how, message in (
        ("request.body.a == 1", {}, "the body of application/json has no schema"),
        ("request.path.id == 1", {"why_unread": "it is off"}, "request.path.id is not known: it is off"),
        ("response.a == 1", {"answers": Answers(why_none="there are none")}, "response.a is not known: there are none"),
    ):
        found = surroundings(rule, bare, **how)  # type: ignore[arg-type]
        with pytest.raises(RuleError, match=message):
            found.meaning(found._rule.paths()[0])


def test_a_parameter_without_a_schema_can_be_anything(document: Make) -> None:
    content = {"name": "q", "in": "query", "content": {"application/json": {}}}
    path = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
    found = surroundings("request.query.q == 1", document(SCHEMA, parameters=[path, content]))
    with pytest.raises(RuleError, match="the query parameter q has no schema"):
        found.meaning(found._rule.paths()[0])


def test_roles_are_those_that_are_declared(document: Make) -> None:
    found = surroundings("'a' in identity.roles", document(SCHEMA))
    item = found.meaning(found._rule.paths()[0]).item
    assert item is not None
    assert item.values == {"boss", "clerk"}


def read(rule: str, document: SpecDocument, given: Given, thing: Any = None, **how: Any) -> Any:
    found = surroundings(rule, document, **how)
    source = found.source(found._rule.paths()[0])
    return source.read(given) if isinstance(source, OfExchange) else source.read(thing)


@rows(
    ("path", "value"),
    [
        ("identity.subject", "alice"),
        ("identity.consumer", "alice"),
        ("identity.issuer", None),
        ("identity.scopes", frozenset({"a", "b"})),
        ("identity.roles", frozenset({"boss", "clerk"})),
        ("identity.claims.tenant.id", 7),
        ("identity.claims.tenant.x", None),
        ("identity.claims.missing", None),
    ],
)
def test_identities_are_read(path: str, value: Any, document: Make) -> None:
    boss = Consumer("alice", roles=frozenset({"boss"}))
    identity = Identity("jwt", "alice", scopes=frozenset({"a", "b"}), consumer=boss, claims={"tenant": {"id": 7}})
    assert read(f"{path} == 1", document(SCHEMA), make_given(identity)) == value


@rows("path", ["identity.subject", "identity.consumer", "identity.claims.a"])
def test_nobody_has_nothing(path: str, document: Make) -> None:
    given = make_given()
    given.facts.identity = ANONYMOUS
    assert read(f"{path} == 1", document(SCHEMA), given) is None


def test_requests_are_read_as_their_validation_has_read_them(document: Make) -> None:
    made = document(SCHEMA)
    name = made.checks().names["/paths/~1things~1{id}/post/parameters/0/schema"]
    given = make_given(ALICE, **{name: 17})
    assert read("request.path.id == 1", made, given) == 17
    assert read("request.path.id == 1", made, make_given()) is None
    given.facts.document = {"owner": "a", "items": [{"owner": 1}]}
    assert read("request.body.owner == 1", made, given) == "a"
    assert read("request.body.items[].owner == 1", made, given, {"owner": 1}) == 1
    given.facts.document = {"owner": "a", "OWNER": "b"}
    assert read("request.body.owner == 1", made, given) is None


def test_an_answer_is_the_object_unless_the_rule_speaks_of_items(document: Make) -> None:
    made = document(SCHEMA)
    found = surroundings("response.owner == 'a'", made)
    assert isinstance(found.source(found._rule.paths()[0]), OfObject)
    found = surroundings("response.items[].owner == 1 and response.owner == 'a'", made)
    item, whole = (found.source(path) for path in found._rule.paths())
    assert isinstance(item, OfObject)
    assert item.read({"owner": 1}) == 1
    assert isinstance(whole, OfExchange)
    assert whole.read(make_given(whole={"owner": "a"})) == "a"


def test_a_rule_without_items_is_about_what_is_at_a_place(document: Make) -> None:
    found = surroundings("response.owner == 1", document(SCHEMA), at=("items",))
    assert found.meaning(found._rule.paths()[0]).words == "an integer"


@rows(
    ("steps", "value", "result"),
    [
        ((), 5, 5),
        (("a",), {"a": 1}, 1),
        (("a",), {}, None),
        (("a",), [1], None),
        (("a",), "abc", None),
        (("a",), None, None),
        (("a", "b"), {"a": {"b": 2}}, 2),
        (("a", "b"), {"a": "x"}, None),
        (("a", "b"), {"a": None}, None),
    ],
)
def test_readers(steps: tuple[str, ...], value: Any, result: Any) -> None:
    assert reader(steps)(value) == result
    assert strict_reader(steps)(value) == result


@rows(
    ("value", "ambiguous"),
    [
        ({"id": 1}, False),
        ({"id": 1, "name": 2}, False),
        ({"id": 1, "ID": 2}, True),
        ({"id": 1, "Id": 2}, True),
        ({"straße": 1, "STRASSE": 2, "id": 1}, False),
    ],
)
def test_a_name_that_comes_again_in_another_case_is_ambiguous(value: dict[str, Any], ambiguous: bool) -> None:
    assert is_ambiguous(value, "id") is ambiguous
    assert (strict_reader(("id",))(value) is None) is ambiguous
    assert reader(("id",))(value) == 1


def test_objects_are_items_where_a_list_is_declared(place: Callable[..., Any]) -> None:
    thing = {"type": "object", "properties": {"a": {"type": "string"}}}
    assert object_at(place({"type": "array", "items": thing})).names == ["a"]
    assert object_at(place(thing)).names == ["a"]
    assert object_at(place({"oneOf": [thing, {"type": "array", "items": thing}]})).names == ["a"]


@rows("other", ["Owner", "owner[]", "owner[0]", " owner", "OWNER ", "[owner]", "[Owner][id]"])
def test_a_name_that_services_bind_to_the_same_makes_a_field_ambiguous(other: str) -> None:
    assert is_ambiguous({"owner": "alice", other: "bob"}, "owner")


@rows("other", ["owners", "x[owner]", "filter[b]"])
def test_another_name_makes_no_field_ambiguous(other: str) -> None:
    assert not is_ambiguous({"owner": 1, "filter[a]": 2, other: 3}, "owner")
    assert not is_ambiguous({"filter[a]": 2, other: 3}, "filter[a]")
