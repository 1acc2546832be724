"""By what an object is read, and from where its ids are. Whole exchanges are in the cases of the policy."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from rows import rows

from portcullis.engine.config.model import ApiConfig
from portcullis.engine.facts import Facts
from portcullis.engine.objects.declared import place_of
from portcullis.engine.objects.given import Given
from portcullis.engine.objects.reading_first import ReadingError, read_plan, reading_operation
from portcullis.engine.objects.surroundings import Answers, Surroundings
from portcullis.engine.objects.syntax import Rule
from portcullis.engine.openapi.document import SpecDocument, load_document
from portcullis.testing import make_request

OBJECT = {"application/json": {"schema": {"type": "object", "properties": {"id": {"type": "string"}}}}}
READ = {"responses": {"200": {"description": "It.", "content": OBJECT}}}


def variable(name: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": kind}, **more}


PATHS = {
    "/orders/{id}": {"parameters": [variable("id", "integer")], "get": READ, "delete": READ},
    "/records/{id}": {
        "parameters": [variable("id", "string")],
        "get": READ,
        "delete": {**READ, "requestBody": {"content": OBJECT}},
    },
    "/labels/{id}": {"parameters": [variable("id", "string", style="label")], "get": READ, "delete": READ},
    "/flags/{id}": {"parameters": [variable("id", "boolean")], "get": READ, "delete": READ},
}


@pytest.fixture(scope="module")
def shop() -> SpecDocument:
    document = {"openapi": "3.1.0", "info": {"title": "S", "version": "1"}, "paths": PATHS}
    return load_document("shop.json", msgspec.json.encode(document))


def target_of(shop: SpecDocument, name: str, read: str, said: dict[str, str] | None = None) -> Callable[[Given], Any]:
    (operation,) = (each for each in shop.operations if each.name == name)
    checks = shop.checks()
    upstream = {"targets": ["http://127.0.0.1:9"]}
    api = ApiConfig.model_validate(
        {"hosts": ["*"], "base_path": "/shop", "upstream": upstream, "versions": {"v1": {"spec": "shop.json"}}}
    )
    context: Any = SimpleNamespace(api=api, version="v1", document=shop)

    def surroundings(rule: Rule) -> Surroundings:
        return Surroundings(
            rule, operation, checks.names, lambda schema: place_of(checks.checker, schema), Answers(why_none="unread")
        )

    return read_plan(context, reading_operation(shop, read), said or {}, surroundings, absent_passes=False).target


def given(shop: SpecDocument, name: str, text: str, value: Any, body: Any = None) -> Given:
    (operation,) = (each for each in shop.operations if each.name == name)
    request = make_request("DELETE", "/")
    request.path_values = {"id": text}
    facts = Facts(document=body)
    facts.arguments = {shop.checks().names[operation.parameters[0].schema or ""]: value}
    return Given(request, facts)


@rows(
    ("kind", "text", "value", "target"),
    [
        ("orders", "7", 7, "/orders/7"),
        ("orders", "007", 7, "/orders/007"),
        ("orders", "-0", 0, "/orders/-0"),
        ("records", "007", "007", "/records/007"),
        ("records", "urn:x:1", "urn:x:1", "/records/urn%3Ax%3A1"),
        ("records", "..", "..", None),
        ("records", "a/b", "a/b", None),
    ],
)
def test_what_is_read_is_what_the_request_is_about(
    kind: str, text: str, value: Any, target: str | None, shop: SpecDocument
) -> None:
    name = f"DELETE /{kind}/{{id}}"
    found = target_of(shop, name, f"GET /{kind}/{{id}}")(given(shop, name, text, value))
    assert found == (target and f"/shop{target}")


def test_an_id_may_be_from_elsewhere(shop: SpecDocument) -> None:
    name = "DELETE /records/{id}"
    target = target_of(shop, name, "GET /orders/{id}", {"id": "request.body.id"})
    assert target(given(shop, name, "1", "1", {"id": "a b"})) == "/shop/orders/a%20b"
    assert target(given(shop, name, "1", "1", {})) is None


@rows(
    ("name", "read", "said", "key", "message"),
    [
        ("DELETE /orders/{id}", "GET /order/{id}", {}, "read", "no operation of the document"),
        ("DELETE /orders/{id}", "DELETE /orders/{id}", {}, "read", "no operation of the document"),
        ("DELETE /orders/{id}", "GET /labels/{id}", {}, "read", "not written plainly"),
        ("DELETE /orders/{id}", "GET /orders/{id}", {"ids": "request.path.id"}, "with", "has no variable ids"),
        (
            "DELETE /orders/{id}",
            "GET /orders/{id}",
            {"id": "request.query.id"},
            "with",
            "has no query parameter id, for",
        ),
        ("DELETE /orders/{id}", "GET /orders/{id}", {"id": "response.id"}, "with", "unread, for {id}"),
        ("DELETE /flags/{id}", "GET /flags/{id}", {}, "with", "can't be a part of a path"),
    ],
)
def test_what_can_not_be_read_is_told(
    name: str, read: str, said: dict[str, str], key: str, message: str, shop: SpecDocument
) -> None:
    with pytest.raises(ReadingError) as error:
        target_of(shop, name, read, said)
    assert error.value.key == key
    assert message in str(error.value)
