"""Which operations look administrative."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.authorization.administrative import SIGNS, seen_in, shape_of, shapes_of, words_of
from portcullis.engine.openapi.operations import SpecOperation


def operation(name: str, **more: Any) -> SpecOperation:
    method, _, path = name.partition(" ")
    return SpecOperation(method, path, f"/paths/{path}/{method.lower()}", **more)


PATHS = shapes_of([operation(f"GET {path}") for path in ("/users", "/users/{id}", "/me/orders", "/me/orders/{id}")])


@rows(
    ("name", "seen"),
    [
        ("GET /admin", "admin in its path"),
        ("GET /shop/admin-users/{id}", "admin-users in its path"),
        ("GET /adminUsers", "adminUsers in its path"),
        ("GET /Admin/users", "Admin in its path"),
        ("POST /users/{id}/impersonate", "impersonate in its path"),
        ("GET /back-office/orders", "back-office in its path"),
        ("GET /internal/health", "internal in its path"),
        ("GET /actuator/env", "actuator in its path"),
        ("GET /debug/vars", "debug in its path"),
        ("PUT /users/{id}/roles", "it changes roles"),
        ("POST /Permissions", "it changes Permissions"),
        ("DELETE /users/{id}/roles/{role}", "it changes roles"),
        ("DELETE /users", "it is for the whole collection /users"),
        ("PUT /users/", "it is for the whole collection /users"),
        ("PATCH /users", "it is for the whole collection /users"),
    ],
)
def test_paths_and_methods_show_it(name: str, seen: str) -> None:
    assert seen_in(operation(name), PATHS) == seen


@rows(
    "name",
    [
        "GET /users",
        "GET /users/{id}/roles",
        "HEAD /roles",
        "POST /users",
        "DELETE /users/{id}",
        "DELETE /cart",
        "DELETE /me/orders",
        "PUT /settings",
        "GET /administered-drugs",
        "GET /badminton/courts",
        "GET /debugging-guide",
        "GET /order-management",
        "GET /international/rates",
        "GET /subscriptions/{id}/manage",
        "GET /{admin}",
        "OPTIONS /admin",
    ],
)
def test_what_customers_do_as_well_does_not(name: str) -> None:
    assert seen_in(operation(name), PATHS) == ""


@rows(
    ("more", "seen"),
    [
        ({"tags": ("Orders", "Admin")}, "the tag Admin"),
        ({"tags": ("internal",)}, "the tag internal"),
        ({"tags": ("Internal orders", "Management of orders")}, ""),
        ({"operation_id": "adminListUsers"}, "the operationId adminListUsers"),
        ({"operation_id": "purge_all_orders"}, "the operationId purge_all_orders"),
        ({"operation_id": "deleteAllowance"}, ""),
        ({"operation_id": "listAllOrders"}, ""),
        ({"internal": True}, "x-internal"),
    ],
)
def test_the_document_may_say_it_otherwise(more: dict[str, Any], seen: str) -> None:
    assert seen_in(operation("GET /orders", **more), PATHS) == seen


def test_every_sign_says_what_it_finds_with_an_example_that_has_it() -> None:
    for sign in SIGNS:
        key, _, value = sign.example.partition(": ")
        if value:
            name = {"operationId": "operation_id", "x-internal": "internal"}.get(key, key)
            example = operation("GET /orders", **{name: (value.strip("[]"),) if key == "tags" else value})
        else:
            example = operation(sign.example)
        assert sign.see(example, PATHS), sign.example
        assert sign.finds


def test_words_are_found_however_a_name_is_written() -> None:
    assert words_of("adminUsers") == words_of("admin-users") == words_of("Admin_Users") == ("admin", "users")
    assert words_of("HTTPAdmin2") == ("http", "admin", "2")
    assert words_of("") == ()


def test_shapes_leave_the_names_of_variables_out() -> None:
    assert shape_of("/a/{id}/b/{x}.json") == "/a/{}/b/{}.json"


@given(st.text(max_size=300), st.lists(st.text(max_size=50), max_size=3), st.text(max_size=300))
def test_anything_can_be_looked_at(path: str, tags: list[str], operation_id: str) -> None:
    found = seen_in(operation(f"DELETE /{path}", tags=tuple(tags), operation_id=operation_id), PATHS)
    assert len(found) <= 600
