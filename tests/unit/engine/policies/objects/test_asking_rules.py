"""Rules that ask: one sentence for an object and for lists of them, whoever answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portcullis.engine.decision_points.questions import DECIDE, MOST_TOGETHER, Decided, decode_asked, encode_decided
from portcullis.engine.relations.checking import MAX_OBJECTS
from portcullis.engine.relations.tuples import parse_tuple

ORDER = {"type": "object", "properties": {"id": {"type": "integer"}, "owner": {"type": "string"}}}
DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Shop", "version": "1"},
    "paths": {
        "/orders": {
            "get": {
                "responses": {
                    "200": {
                        "description": "All.",
                        "content": {"application/json": {"schema": {"type": "array", "items": ORDER}}},
                    }
                }
            }
        },
        "/orders/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}],
            "get": {"responses": {"200": {"description": "It.", "content": {"application/json": {"schema": ORDER}}}}},
            "delete": {"responses": {"204": {"description": "Gone."}}},
        },
    },
}
FILE = {
    "relations": {
        "user": ["people"],
        "group": {"member": ["user", "group#member"]},
        "folder": {"viewer": ["user"]},
        "order": {
            "parent": ["folder"],
            "owner": ["user"],
            "viewer": ["owner", "group#member", "folder#viewer via parent"],
        },
    },
    "decision_points": {"pdp": {"kind": "authzen", "url": "https://pdp.example"}},
}
RELATED = 'related("order", response.id, "viewer")'
DECIDED = 'decided("pdp", "read", "order", response.id)'
SETTINGS = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def made(scene: Any, rule: str, *parts: str) -> Any:
    """Reading one order and all of them by ``rule``; the sections ``parts`` of the file are needed for it."""
    operations = {"GET /orders": {"owner": rule}, "GET /orders/{id}": {"owner": rule}}
    return scene(DOCUMENT, operations, file={part: FILE[part] for part in parts})


def seen(world: Any, numbers: range) -> tuple[list[int], list[int]]:
    """Which orders alice sees in the list of all, and which of them alone."""
    played = world.call("GET /orders", [[{"id": number} for number in numbers]])
    assert played.status == 200
    alone = [number for number in numbers if world.call(f"GET /orders/{number}", [{"id": number}]).status == 200]
    return [order["id"] for order in json.loads(played.body)], alone


NAMES = st.sampled_from("ab")
WHO = st.sampled_from(["alice", "bob"])
TUPLES = st.lists(
    st.one_of(
        st.builds(lambda o, u: f"order:{o}#owner@user:{u}", st.integers(0, 4), WHO),
        st.builds(lambda o, g: f"order:{o}#viewer@group:{g}#member", st.integers(0, 4), NAMES),
        st.builds(lambda o, f: f"order:{o}#parent@folder:{f}", st.integers(0, 4), NAMES),
        st.builds(lambda f, u: f"folder:{f}#viewer@user:{u}", NAMES, WHO),
        st.builds(lambda g, u: f"group:{g}#member@user:{u}", NAMES, WHO),
        st.builds(lambda g, h: f"group:{g}#member@group:{h}#member", NAMES, NAMES),
    ),
    max_size=10,
)


@pytest.mark.slow
@SETTINGS
@given(TUPLES, st.sampled_from([RELATED, f"not {RELATED}", f'{RELATED} or response.owner == "x"']))
def test_a_list_shows_what_can_be_seen_alone_and_nothing_else(scene: Any, tuples: list[str], rule: str) -> None:
    world = made(scene, rule, "relations")
    world.relations.tuples |= set(map(parse_tuple, tuples))
    in_list, alone = seen(world, range(5))
    assert in_list == alone


@pytest.mark.slow
@SETTINGS
@given(st.sets(st.integers(0, 4)), st.booleans())
def test_so_it_is_where_a_decision_point_decides(scene: Any, allowed: set[int], negated: bool) -> None:
    world = made(scene, f"not {DECIDED}" if negated else DECIDED, "decision_points")
    world.questions.answers[DECIDE] = lambda asked: encode_decided(
        Decided([int(question.resource.id) in allowed for question in decode_asked(asked).questions])
    )
    in_list, alone = seen(world, range(5))
    assert in_list == alone == [number for number in range(5) if (number in allowed) != negated]


def test_an_object_with_too_many_ways_is_seen_neither_alone_nor_in_a_list(scene: Any) -> None:
    world = made(scene, RELATED, "relations")
    groups = {f"order:1#viewer@group:{n}#member" for n in range(MAX_OBJECTS)}
    world.relations.tuples |= set(map(parse_tuple, {*groups, "group:0#member@user:alice", "order:2#owner@user:alice"}))
    assert seen(world, range(4)) == ([2], [2])
    refused = world.call("GET /orders/1", [{"id": 1}])
    assert refused.record.code == "objects.undecided"


def test_all_of_a_list_is_asked_about_at_once(scene: Any) -> None:
    world = made(scene, DECIDED, "decision_points")
    world.questions.answers[DECIDE] = lambda asked: encode_decided(Decided([True] * len(decode_asked(asked).questions)))
    assert world.call("GET /orders", [[{"id": number} for number in range(50)]]).status == 200
    assert world.call("GET /orders", [[{"id": number} for number in range(50)]]).status == 200
    ((_, question),) = world.questions.asked
    assert len(decode_asked(question).questions) == 50


def test_a_list_that_asks_too_much_is_refused(scene: Any) -> None:
    world = made(scene, DECIDED, "decision_points")
    refused = world.call("GET /orders", [[{"id": number} for number in range(MOST_TOGETHER + 1)]])
    assert (refused.status, refused.record.code) == (503, "objects.unavailable")


def test_a_decision_stands_before_the_service_is_asked_to_change_anything(scene: Any) -> None:
    rule = {"owner": 'decided("pdp", "delete", "order", request.path.id)'}
    world = scene(DOCUMENT, {"DELETE /orders/{id}": rule}, file={"decision_points": FILE["decision_points"]})
    answer = Decided([False])
    world.questions.answers[DECIDE] = lambda asked: encode_decided(answer)
    assert world.call("DELETE /orders/1").status == 404
    world.clock.advance(10)
    answer = Decided([], "away")
    refused = world.call("DELETE /orders/1")
    assert (refused.status, refused.record.code) == (503, "objects.unavailable")
    answer = Decided([True])
    assert world.call("DELETE /orders/1", [204]).status == 204


@pytest.mark.parametrize("rule", [RELATED, DECIDED])
def test_an_object_that_is_read_first_is_asked_about(scene: Any, rule: str) -> None:
    operations = {"DELETE /orders/{id}": {"owner": {"rule": rule, "before": {"read": "GET /orders/{id}"}}}}
    part = "relations" if rule is RELATED else "decision_points"
    world = scene(DOCUMENT, operations, file={part: FILE[part]})
    world.relations.tuples |= {parse_tuple("order:1#owner@user:alice")}
    world.questions.answers[DECIDE] = lambda asked: encode_decided(
        Decided([question.resource.id == "1" for question in decode_asked(asked).questions])
    )
    assert world.call("DELETE /orders/1", [{"id": 1}, 204]).status == 204
    assert world.call("DELETE /orders/2", [{"id": 2}]).status == 404


def test_relations_that_can_not_be_read_let_nothing_pass(scene: Any) -> None:
    world = made(scene, RELATED, "relations")
    world.relations.broken = True
    for refused in (world.call("GET /orders", [[{"id": 1}]]), world.call("GET /orders/1", [{"id": 1}])):
        assert (refused.status, refused.record.code) == (503, "objects.unavailable")


def test_a_list_without_objects_asks_nothing(scene: Any) -> None:
    world = made(scene, DECIDED, "decision_points")
    assert world.call("GET /orders", [[]]).body == b"[]"
    assert world.questions.asked == []
