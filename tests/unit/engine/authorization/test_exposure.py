"""Administrative functions that every caller may call."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from rows import rows

from portcullis.engine.authorization.exposure import permission_for
from portcullis.engine.compile import compile_snapshot
from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.config.load import load_configuration
from portcullis.engine.ports import Ports
from portcullis.testing import FakeClock, FakeCounters, FakeFiles, FakeKeys

OK = {"responses": {"204": {"description": "ok"}}}
SCHEMES = {
    "login": {
        "type": "oauth2",
        "flows": {"clientCredentials": {"tokenUrl": "https://id.example/t", "scopes": {"admin": "A", "shop": "S"}}},
    }
}
ROLES = {"boss": ["*"]}
PERMITTED = {"authorize": {"permissions": ["users:read"]}}
EVERYONE = {"authorize": {"every_caller": True}}


def document(*operations: str, root: Any = None, **securities: Any) -> str:
    """``operations`` such as ``"GET /admin"``; ``securities``: what is said of the first, second ... of them."""
    paths: dict[str, Any] = {}
    for index, name in enumerate(operations):
        method, _, path = name.partition(" ")
        own = {"security": securities[f"_{index}"]} if f"_{index}" in securities else {}
        paths.setdefault(path, {})[method.lower()] = {**OK, **own}
    made: dict[str, Any] = {"openapi": "3.1.0", "info": {"title": "S", "version": "1"}, "paths": paths}
    made |= {"components": {"securitySchemes": SCHEMES}}
    return yaml.safe_dump(made if root is None else {**made, "security": root}, sort_keys=False)


def told(spec: str, api: dict[str, Any] | None = None, operations: dict[str, Any] | None = None) -> list[str]:
    """What is told of administrative functions, of a gateway with this document and these settings."""
    return [
        f"{each.pointer}: {each.message}"
        for each in found(spec, ROLES, {**(api or {}), "operations": operations or {}})
    ]


def hints(spec: str, roles: dict[str, Any] | None) -> list[str]:
    """What would be right, of a gateway with this document and these roles."""
    return [each.hint for each in found(spec, roles or {}, {})]


def found(spec: str, roles: dict[str, Any], api: dict[str, Any]) -> list[Diagnostic]:
    shop = {"hosts": ["*"], "upstream": {"targets": ["http://127.0.0.1:1"]}, "authenticate": ["partners"]}
    configuration = {
        "listeners": {"public": {"bind": "127.0.0.1:0"}},
        "identities": {"partners": {"api_key": {}}},
        "roles": roles,
        "apis": {"shop": {**shop, "versions": {"v1": {"spec": "shop.yaml"}}, **api}},
    }
    files = FakeFiles({"shop.yaml": spec})
    try:
        loaded = load_configuration(yaml.safe_dump(configuration, sort_keys=False), "p.yaml", files)
        compile_snapshot(loaded, files, Ports(FakeClock(), FakeCounters(), FakeKeys()))
    except ConfigurationError as error:
        return [each for each in error.diagnostics if "administrative" in each.message]
    return []


ADMIN = document("GET /admin/users", "GET /orders")
LOOKS = "GET /admin/users (shop.yaml:7) looks administrative (admin in its path), and "


def test_a_function_that_every_caller_may_call_is_an_error() -> None:
    assert told(ADMIN) == [f"apis.shop.versions.v1: {LOOKS}every caller that is authenticated may call it"]


def test_what_is_told_has_its_place_and_what_would_be_right() -> None:
    files = FakeFiles({"shop.yaml": ADMIN})
    text = """\
listeners: {public: {bind: "127.0.0.1:0"}}
identities: {partners: {api_key: {}}}
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["http://127.0.0.1:1"]}
    versions: {v1: {spec: shop.yaml}}
    authenticate: [partners]
    operations:
      "GET /admin/users": {max_response: 1KiB}
"""
    loaded = load_configuration(text, "p.yaml", files)
    with pytest.raises(ConfigurationError) as caught:
        compile_snapshot(loaded, files, Ports(FakeClock(), FakeCounters(), FakeKeys()))
    (diagnostic,) = (each for each in caught.value.diagnostics if "administrative" in each.message)
    assert (diagnostic.file, diagnostic.line, diagnostic.column) == ("p.yaml", 10, 7)
    assert diagnostic.pointer == 'apis.shop.operations."GET /admin/users"'
    assert diagnostic.hint == (
        'say who may: operations: {"GET /admin/users": {authorize: {permissions: [users:read]}}}, '
        "and give that permission to a role (none gives any yet), "
        "or authorize: {every_caller: true} there if every authenticated caller may"
    )


@rows(
    ("roles", "told"),
    [
        (None, "[users:read]}}}, and give that permission to a role (none gives any yet), or"),
        ({"clerk": ["orders:read", "a:b"]}, "to a role (they give a:b, orders:read), or"),
        (
            {"clerk": [f"a:{n}" for n in range(9)]},
            "to a role (they give a:0, a:1, a:2, a:3, a:4, a:5, a:6, a:7, ...), or",
        ),
        ({"clerk": ["orders:read"], "boss": ["users:*"]}, "[users:read]}}}, or authorize"),
        ({"auditor": ["*:read"]}, "[users:read]}}}, or authorize"),
    ],
)
def test_a_permission_that_no_role_gives_is_to_be_given(roles: Any, told: str) -> None:
    (hint,) = hints(ADMIN, roles)
    assert told in hint


@rows(
    "settings",
    [
        PERMITTED,
        EVERYONE,
        {"public": True},
        {"authorize": {"scopes": ["admin"]}},
        {"authorize": {"claims": {"staff": True}}},
        {"authorize": {"permissions": {"any_of": ["users:read"], "mode": "monitor"}}},
    ],
)
def test_a_rule_of_its_own_says_who_may(settings: dict[str, Any]) -> None:
    assert told(ADMIN, operations={"GET /admin/users": settings}) == []


def test_a_rule_that_is_turned_off_says_nothing() -> None:
    operations = {"GET /admin/users": {"authorize": {"scopes": {"all_of": ["admin"], "mode": "off"}}}}
    (error,) = told(ADMIN, operations=operations)
    assert error.endswith("every caller that is authenticated may call it")


def test_a_rule_for_all_does_not_tell_it_from_what_everyone_may() -> None:
    (error,) = told(ADMIN, PERMITTED)
    assert error.endswith(f"{LOOKS}nothing more is asked of its callers than of those of GET /orders")
    operations = {"GET /admin/users": {"authorize": {"scopes": ["admin"]}}}
    assert told(ADMIN, PERMITTED, operations) == []


def test_a_rule_for_all_is_enough_where_everything_is_administrative() -> None:
    assert told(document("GET /admin/users", "DELETE /admin/users"), PERMITTED) == []


def test_a_rule_for_all_is_enough_where_ordinary_operations_ask_for_something_else() -> None:
    assert told(ADMIN, PERMITTED, {"GET /orders": EVERYONE}) == []
    assert told(ADMIN, PERMITTED, {"GET /orders": {"public": True}}) == []


def test_an_ordinary_operation_that_asks_for_more_shows_that_this_asks_for_less() -> None:
    (error,) = told(ADMIN, PERMITTED, {"GET /orders": {"authorize": {"scopes": ["shop"]}}})
    assert error.endswith("than of those of GET /orders")


def test_what_lets_everyone_in_has_to_be_said_of_the_operation_itself() -> None:
    assert told(ADMIN, EVERYONE) == [f"apis.shop.versions.v1: {LOOKS}every_caller: true is said for more than it"]


def test_a_public_api_has_no_public_administration() -> None:
    spec = document("GET /admin/users", "GET /orders")
    versions = {"v1": {"spec": "shop.yaml", "public": True}}
    (error,) = told(spec, {"versions": versions})
    assert error == f"apis.shop.versions.v1: {LOOKS}public: true is said for more than it"


def test_scopes_of_the_document_say_who_may() -> None:
    own = [{"login": ["admin"]}]
    assert told(document("GET /admin/users", "GET /orders", _0=own)) == []
    off = {"authorize": {"scopes": {"from_document": False}}}
    assert len(told(document("GET /admin/users", "GET /orders", _0=own), off)) == 1


def test_scopes_that_the_document_asks_for_everywhere_are_a_rule_for_all() -> None:
    (error,) = told(document("GET /admin/users", "GET /orders", root=[{"login": ["shop"]}]))
    assert error.endswith("than of those of GET /orders")
    assert told(document("GET /admin/users", "GET /admin/x", root=[{"login": ["admin"]}])) == []
    assert told(document("GET /admin/users", "GET /orders", root=[{"login": ["shop"]}], _1=[{"login": ["s"]}])) == []


def test_what_does_not_look_administrative_needs_no_rule() -> None:
    assert told(document("GET /orders", "POST /orders")) == []


def test_every_one_of_them_is_told() -> None:
    errors = told(document("GET /admin/a", "GET /admin/b", "DELETE /orders", "GET /orders/x"))
    assert [error.partition(": ")[2].partition(" (")[0] for error in errors] == ["GET /admin/a", "GET /admin/b"]


def test_a_permission_is_proposed() -> None:
    assert permission_for("GET /admin/users") == "users:read"
    assert permission_for("DELETE /users/{id}") == "users:delete"
    assert permission_for("PUT /users/{id}/Roles") == "roles:write"
    assert permission_for("POST /{x}") == "all:write"


def test_a_call_graph_says_who_may_where_services_alone_may() -> None:
    for asked, exposed in (({"only": True}, False), ({"max_actors": 2}, True), ({"only": True, "mode": "off"}, True)):
        own = {"GET /admin/users": {"authorize": {"services": asked}}}
        assert bool(told(ADMIN, operations=own)) == exposed, asked
