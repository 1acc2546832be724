"""Scopes that a document asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from rows import rows

from portcullis.engine.openapi import security
from portcullis.engine.openapi.document import SpecDocument, load_document, restore_document
from portcullis.engine.openapi.problems import Problems
from portcullis.engine.openapi.security import Alternative, Security, read_security

Load = Callable[..., SpecDocument]
FLOWS = {"clientCredentials": {"tokenUrl": "https://id.example/t", "scopes": {"read": "R", "write": "W"}}}
SCHEMES = {
    "oauth": {"type": "oauth2", "flows": FLOWS},
    "oidc": {"type": "openIdConnect", "openIdConnectUrl": "https://id.example/.well-known/openid-configuration"},
    "bearer": {"type": "http", "scheme": "Bearer"},
    "basic": {"type": "http", "scheme": "basic"},
    "digest": {"type": "http", "scheme": "digest"},
    "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
    "mesh": {"type": "mutualTLS"},
    "again": {"$ref": "#/components/securitySchemes/oauth"},
}


def alternative(*kinds: Any, scopes: str = "") -> Alternative:
    return Alternative(frozenset(kinds), frozenset(scopes.split()))


def read(requirements: Any, root: Any = None) -> tuple[Security | None, Problems]:
    problems = Problems()
    whole = {"components": {"securitySchemes": SCHEMES}, **({} if root is None else {"security": root})}
    operation = {} if requirements is None else {"security": requirements}
    return read_security(whole, operation, "/paths/~1a/get", "/components/securitySchemes", problems), problems


@rows(
    ("requirements", "alternatives"),
    [
        ([{"oauth": ["read"]}], [alternative("token", scopes="read")]),
        ([{"oidc": ["read", "write"]}], [alternative("token", scopes="read write")]),
        ([{"bearer": ["read"]}], [alternative("token", scopes="read")]),
        ([{"again": ["read"]}], [alternative("token", scopes="read")]),
        ([{"oauth": ["read"]}, {"key": []}], [alternative("token", scopes="read"), alternative("key")]),
        ([{"oauth": ["read"], "mesh": []}], [alternative("token", "certificate", scopes="read")]),
        ([{"oauth": ["read"], "oidc": ["write"]}], [alternative("token", scopes="read write")]),
        ([{"oauth": ["read"]}, {"basic": []}], [alternative("token", scopes="read"), alternative("basic")]),
        ([{"oauth": ["read"]}, {}], [alternative("token", scopes="read"), alternative()]),
        ([{"digest": ["read"]}], [alternative("other", scopes="read")]),
        ([{"nowhere": ["read"]}], [alternative("other", scopes="read")]),
        ([{"oauth": ["read"]}, {"oidc": ["read"]}], [alternative("token", scopes="read")]),
    ],
)
def test_requirements_are_alternatives_and_schemes_in_one_are_needed_together(
    requirements: Any, alternatives: list[Alternative]
) -> None:
    found, problems = read(requirements)
    assert found == Security("/paths/~1a/get/security", tuple(alternatives))
    assert list(problems) == []


@rows("requirements", [[], [{"key": []}], [{"oauth": []}], [{}], [{"basic": []}, {"mesh": []}]])
def test_where_no_scope_is_asked_for_there_is_nothing_to_say(requirements: Any) -> None:
    assert read(requirements)[0] is None


def test_what_the_document_says_holds_where_the_operation_says_nothing() -> None:
    root = [{"oauth": ["read"]}]
    assert read(None, root)[0] == Security("/security", (alternative("token", scopes="read"),))
    assert read([], root)[0] is None
    found = read([{"oauth": ["write"]}], root)[0]
    assert found is not None
    assert found.pointer == "/paths/~1a/get/security"
    assert read(None)[0] is None


def test_names_of_roles_are_not_read_and_that_is_told() -> None:
    found, problems = read([{"key": ["admin"], "oauth": ["read"]}])
    assert found is not None
    assert found.alternatives == (alternative("key", "token", scopes="read"),)
    (warning,) = problems
    assert (warning.pointer, warning.severity) == ("/paths/~1a/get/security/0/key", "warning")
    assert "are not read" in warning.message


@rows("requirements", [7, "oauth", {"oauth": ["read"]}, [7], [{"oauth": 7}], [{"oauth": [7]}], [None]])
def test_what_can_not_be_read_nobody_has(requirements: Any) -> None:
    assert read(requirements)[0] == Security("/paths/~1a/get/security", ())


def test_what_can_be_read_counts_beside_what_can_not() -> None:
    found, _ = read([{"oauth": 7}, {"oauth": ["read"]}])
    assert found is not None
    assert found.alternatives == (alternative("token", scopes="read"),)


def test_there_are_only_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "MAX_ALTERNATIVES", 2)
    found, problems = read([{"oauth": [f"s{number}"]} for number in range(3)])
    assert found == Security("/paths/~1a/get/security", ())
    assert [problem.message for problem in problems] == ["more than 2 alternatives"]
    monkeypatch.setattr(security, "MAX_SCOPES", 2)
    found, problems = read([{"oauth": ["a", "b", "c"]}])
    assert found == Security("/paths/~1a/get/security", ())
    assert [problem.message for problem in problems] == ["more than 2 scopes"]


def test_operations_have_it_and_keep_it_when_they_are_stored(load: Load) -> None:
    document = load(
        {"/a": {"get": {"security": [{"oauth": ["read"]}], "x-internal": True}, "put": {"x-internal": "yes"}}},
        components={"securitySchemes": SCHEMES},
    )
    get, put = document.operations
    assert get.security == Security("/paths/~1a/get/security", (alternative("token", scopes="read"),))
    assert (get.internal, put.internal, put.security) == (True, False, None)


def test_it_is_restored_as_it_was() -> None:
    paths = {"/a": {"x-internal": True, "get": {"security": [{"oauth": ["read"]}]}}}
    root = {"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, "paths": paths}
    data = orjson.dumps({**root, "components": {"securitySchemes": SCHEMES}})
    document = load_document("s.json", data)
    document.checks()
    restored = restore_document(document.dump(), "s.json", data)
    assert restored is not None
    assert restored.operations == document.operations
    assert restored.operations[0].security is not None
    assert restored.operations[0].internal


def test_an_operation_that_can_not_be_validated_keeps_it(load: Load) -> None:
    broken = {"parameters": [{"in": "query"}], "security": [{"oauth": ["read"]}], "tags": ["Admin"], "operationId": "o"}
    document = load({"/a": {"get": broken}}, components={"securitySchemes": SCHEMES})
    (operation,) = document.operations
    assert operation.unsupported
    assert operation.security is not None
    assert (operation.tags, operation.operation_id) == (("Admin",), "o")


def test_swagger_2_says_it_likewise() -> None:
    scheme = {"type": "oauth2", "flow": "application", "tokenUrl": "https://id.example/t", "scopes": {"read": "R"}}
    root = {
        "swagger": "2.0",
        "info": {"title": "T", "version": "1"},
        "paths": {"/a": {"get": {"responses": {"200": {"description": "ok"}}}}},
        "securityDefinitions": {"login": scheme, "name": {"type": "basic"}},
        "security": [{"login": ["read"]}, {"name": []}],
    }
    (operation,) = load_document("s.json", orjson.dumps(root)).operations
    assert operation.security == Security("/security", (alternative("token", scopes="read"), alternative("basic")))
