"""The phase as a whole: what of an answer is not told, ids that are tried, and the order of its steps."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from rows import rows

from portcullis.engine.objects import functions
from portcullis.engine.objects.declared import ANYTHING
from portcullis.engine.objects.functions import Function
from portcullis.engine.objects.given import UNKNOWN, Inquiry
from portcullis.engine.policies.objects import owner
from portcullis.engine.policies.objects.owner import OwnerConfig
from portcullis.engine.policy import all_policies, policies_of

ORDER = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}, "owner": {"type": "string"}}}
ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
JSON = {"description": "It.", "content": {"application/json": {"schema": ORDER}}}
DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Shop", "version": "1"},
    "paths": {
        "/orders/{id}": {
            "parameters": [ID],
            "get": {"responses": {"200": JSON, "404": {"description": "None."}}},
            "delete": {"responses": {"204": {"description": "Gone."}}},
        },
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
    },
}
RULE = "response.owner == identity.subject"


def test_its_kinds() -> None:
    assert [policy.key for policy in policies_of("objects")] == ["creates", "fields", "owner"]
    assert [policy.phase for policy in all_policies()].index("objects") > 0


def test_all_that_is_not_the_callers_is_answered_alike_to_the_letter(scene: Any) -> None:
    made = scene(DOCUMENT, {"GET /orders/{id}": {"owner": RULE}})
    answers = [
        {"id": 1, "owner": "bob"},
        {"id": 1},
        {"status": 404, "json": {"no": "order 1", "trace": "x"}, "headers": {"X-Inner": "a", "ETag": '"a"'}},
        {"status": 410, "text": ""},
        {"text": "id;owner", "headers": {"Content-Type": "text/csv"}},
        {"text": "{"},
        304,
        204,
    ]
    told = [made.call("GET /orders/1", [answer]) for answer in answers]
    assert len({each.record.code for each in told}) == 4
    seen = {(each.status, tuple(each.headers.items()), each.body) for each in told}
    assert len(seen) == 1
    (status, headers, body) = seen.pop()
    assert status == 404
    assert set(json.loads(body)) == {"type", "title", "status", "code", "request_id"}
    assert not re.search("bob|owner|csv", f"{headers} {body!r}")


def test_ids_that_are_tried_are_told_and_then_the_caller_is_locked(scene: Any) -> None:
    settings = {"rule": RULE, "enumeration": {"after": 3, "per": "1m", "lock": True}}
    made = scene(DOCUMENT, {"GET /orders/{id}": {"owner": settings}})
    theirs = {"id": 1, "owner": "bob"}
    assert [made.call(f"GET /orders/{n}", [theirs]).record.code for n in (1, 1, 2, 1)] == ["objects.not_owner"] * 4
    many = made.call("GET /orders/3", [theirs])
    assert (many.status, many.record.code) == (404, "objects.enumeration")
    assert json.loads(many.body)["code"] == "objects.not_found"
    locked = made.call("GET /orders/4")
    assert (locked.status, locked.headers["retry-after"], locked.record.code) == (429, "60", "objects.locked")
    assert made.call("GET /orders/4", [{"id": 4, "owner": "bob"}], by="bob").status == 200
    made.clock.advance(61)
    assert made.call("GET /orders/5", [{"id": 5, "owner": "alice"}]).status == 200


def test_without_a_lock_it_is_only_told(scene: Any) -> None:
    settings = {"rule": RULE, "enumeration": {"after": 2, "per": "1m"}}
    made = scene(DOCUMENT, {"GET /orders/{id}": {"owner": settings}})
    codes = [made.call(f"GET /orders/{n}", [{"id": n, "owner": "bob"}]).record.code for n in range(1, 5)]
    assert codes == ["objects.not_owner", *["objects.enumeration"] * 3]
    assert made.call("GET /orders/9", [{"id": 9, "owner": "alice"}]).status == 200


def test_counters_that_can_not_be_reached_refuse_where_there_is_a_lock(scene: Any) -> None:
    settings = {"rule": RULE, "enumeration": {"lock": True}}
    made = scene(DOCUMENT, {"GET /orders/{id}": {"owner": settings}})
    made.counters.broken = True
    found = made.call("GET /orders/1")
    assert (found.status, found.record.code) == (503, "objects.unavailable")


def test_the_answer_is_looked_at_before_it_is_validated_and_fields_are_hidden_after(scene: Any) -> None:
    said = {"owner": RULE, "fields": {"response": {"/owner": {"see": []}}}}
    made = scene(DOCUMENT, {"GET /orders/{id}": said})
    (operation,) = [each for each in made.snapshot.operations if each.name == "GET /orders/{id}"]
    order = [step.policy for step in operation.response_body_steps if step.policy != "protect.errors"]
    assert order == ["objects.owner", "validate.response", "objects.fields"]
    assert operation.response_head_steps[0].policy == "objects.owner"


def test_an_api_may_say_it_for_all_its_operations(scene: Any) -> None:
    lists = {"GET /orders": {"owner": {"mode": "off"}}, "DELETE /orders/{id}": {"owner": {"mode": "off"}}}
    made = scene(DOCUMENT, lists, objects={"owner": {"rule": RULE, "not_found": False}})
    found = made.call("GET /orders/1", [{"id": 1, "owner": "bob"}])
    assert (found.status, found.record.verdicts[-1].finding.source) == (403, "#/apis/shop/objects/owner")
    assert made.call("GET /orders", [[{"id": 1, "owner": "bob"}]]).body == b'[{"id": 1, "owner": "bob"}]'


def test_a_public_operation_ends_what_its_api_says_of_callers(scene: Any) -> None:
    open_to_all = {
        "GET /orders/{id}": {"public": True},
        "GET /orders": {"owner": {"mode": "off"}},
        "DELETE /orders/{id}": {"owner": {"mode": "off"}},
    }
    made = scene(DOCUMENT, open_to_all, objects={"owner": RULE})
    assert made.call("GET /orders/1", [{"id": 1, "owner": "bob"}], by="").status == 200


def test_a_rule_that_asks_nothing_of_callers_holds_for_public_operations(scene: Any) -> None:
    said = {"public": True, "objects": {"owner": 'response.owner == "alice"'}}
    made = scene(DOCUMENT, {"GET /orders/{id}": said})
    assert made.call("GET /orders/1", [{"id": 1, "owner": "alice"}], by="").status == 200
    assert made.call("GET /orders/1", [{"id": 1, "owner": "bob"}], by="").status == 404


def test_functions_are_asked(scene: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    async def linked(facts: Any, questions: Any) -> list[bool]:
        asked.extend((facts.identity.subject, arguments) for arguments in questions)
        return [bool(arguments[1] == 17) for arguments in questions]

    def compiled(_context: Any) -> Any:
        return Inquiry(lambda facts, arguments: UNKNOWN, linked)

    parameters = (("kind", ANYTHING), ("id", ANYTHING))
    known = {"linked": Function("linked", parameters, 'linked("order", request.path.id)', compiled)}
    monkeypatch.setattr(owner, "all_functions", lambda: known)
    made = scene(DOCUMENT, {"DELETE /orders/{id}": {"owner": 'linked("order", request.path.id)'}})
    assert made.call("DELETE /orders/17", [204]).status == 204
    refused = made.call("DELETE /orders/18")
    assert (refused.status, refused.record.code) == (404, "objects.not_owner")
    assert asked == [("alice", ("order", 17)), ("alice", ("order", 18))]
    assert functions.all_functions() is not known


def test_a_rule_alone_is_short_for_a_mapping() -> None:
    assert OwnerConfig.model_validate(RULE) == OwnerConfig.model_validate({"rule": RULE})
    schema = OwnerConfig.model_json_schema()
    assert [form["type"] for form in schema["anyOf"]] == ["string", "object"]


def test_no_shared_cache_may_keep_what_was_made_for_one_caller(scene: Any) -> None:
    said = {"json": {"id": 1, "owner": "alice"}, "headers": {"Cache-Control": "public, max-age=600"}}
    rules: list[dict[str, Any]] = [{"owner": RULE}, {"fields": {"response": {"/owner": {"see": ["support"]}}}}]
    for rule in rules:
        made = scene(DOCUMENT, {"GET /orders/{id}": rule})
        for by in ("alice", "sam"):
            answer = made.call("GET /orders/1", [said], by=by)
            assert answer.headers["cache-control"] == "no-store"
    unruled = scene(DOCUMENT, {"GET /orders/{id}": {}}).call("GET /orders/1", [said])
    assert unruled.headers["cache-control"] == "public, max-age=600"


@rows(
    "protect",
    [{}, {"headers": {"mode": "off"}}, {"headers": {"mode": "monitor"}}, {"headers": {"set": {"Cache-Control": None}}}],
)
@rows("objects", [{"owner": RULE}, {"fields": {"response": {"/owner": {"see": []}}}}])
def test_no_cache_keeps_what_is_for_one_caller(objects: Any, protect: Any, scene: Any) -> None:
    made = scene(DOCUMENT, {"GET /orders/{id}": objects}, protect=protect)
    for said in ({}, {"Cache-Control": "public, max-age=60"}, {"Last-Modified": "Thu, 26 Nov 2026 12:00:00 GMT"}):
        told = made.call("GET /orders/1", [{"json": {"id": 1, "owner": "alice"}, "headers": said}])
        assert (told.status, told.headers.get("cache-control")) == (200, "no-store")
    told = made.call("GET /orders/1", [{"json": {"id": 1, "owner": "alice"}, "headers": {"Cache-Control": "private"}}])
    assert told.headers["cache-control"] == "private"
