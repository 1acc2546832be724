"""Settings of ``validate.grpc`` and ``validate.graphql`` that another bound or refusal always comes before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml
from grpc_shop import descriptor_set
from rows import rows

SCHEMA = "type Query {name: String}\n"
UNARY, STREAM = "POST /shop.Orders/Get", "POST /shop.Orders/Watch"
REFLECTION = "POST /grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
Check = Callable[[dict[str, Any]], None]
HERE = "does nothing here: "


def descriptors(*, reflection: bool) -> bytes:
    files = descriptor_set()
    if not reflection:
        del files.file[-1]
    return bytes(files.SerializeToString())


def grpc(check: Check, said: str, told: list[str], *, reflection: bool = False) -> None:
    shop = {
        "base_path": "/",
        "upstream": {"protocols": ["h2"]},
        "versions": {"v1": {"spec": "shop.binpb"}},
        **yaml.safe_load(f"{{{said}}}"),
    }
    listeners = {"public": {"protocols": ["h2"]}}
    specs = {"shop.binpb": descriptors(reflection=reflection)}
    check({"file": {"listeners": listeners, "apis": {"shop": shop}}, "specs": specs, "told": told})


def graphql(check: Check, said: str, told: list[str]) -> None:
    shop = {"base_path": "/", "versions": {"v1": {"spec": "shop.graphql"}}, **yaml.safe_load(f"{{{said}}}")}
    check({"file": {"apis": {"shop": shop}}, "specs": {"shop.graphql": SCHEMA}, "told": told})


def of(operation: str, settings: str) -> str:
    return f'operations: {{"{operation}": {{{settings}}}}}'


@rows(
    "said",
    [
        "validate: {grpc: {max_message: 1KiB, max_deadline: 10s}}",
        of(UNARY, "validate: {grpc: {max_deadline: 2m}}"),
        of(STREAM, "validate: {grpc: {max_deadline: 1h}}"),
        of(STREAM, "stream: {idle: 1m, lifetime: 5m, max_bytes: 1MiB}"),
        "stream: {idle: 1m}",
    ],
)
def test_what_calls_of_grpc_meet_is_not_told(check: Check, said: str) -> None:
    grpc(check, said, [])


@rows(
    ("said", "where", "why"),
    [
        (
            of(UNARY, "validate: {grpc: {max_deadline: 121s}}"),
            "validate.grpc.max_deadline",
            "upstream.timeouts.whole ends",
        ),
        (
            of(STREAM, "validate: {grpc: {max_deadline: 2h}}"),
            "validate.grpc.max_deadline",
            "stream.lifetime ends a call",
        ),
        (of(UNARY, "stream: {lifetime: 5m}"), "stream.lifetime", "a call of this method has one message each way"),
        (of(UNARY, "validate: {grpc: {reflection: allow}}"), "validate.grpc.reflection", "it is no method of grpc."),
    ],
)
def test_what_no_call_of_grpc_meets_is_told(check: Check, said: str, where: str, why: str) -> None:
    operation = UNARY if UNARY in said else STREAM
    grpc(check, said, [f'error apis.shop.operations."{operation}".{where}: {HERE}{why}'])


def test_reflection_of_a_document_without_it_is_warned_of(check: Check) -> None:
    where = "warning apis.shop.validate.grpc.reflection: does nothing in any of the operations"
    grpc(check, "validate: {grpc: {reflection: allow}}", [where])
    grpc(check, "validate: {grpc: {reflection: allow}}", [], reflection=True)


def test_bounds_of_calls_that_are_refused_are_told(check: Check) -> None:
    where = f'error apis.shop.operations."{REFLECTION}".validate'
    said = of(REFLECTION, "validate: {grpc: {max_message: 1KiB, max_deadline: 1s}}")
    grpc(check, said, [f"{where}: {HERE}calls of reflection are refused"], reflection=True)


@rows(
    "said",
    [
        "validate: {graphql: {max_depth: 5, max_fields: 6, max_tokens: 100, max_query_bytes: 101}}",
        "validate: {graphql: {max_batch: 2, get: true, introspection: allow}}",
        "validate: {graphql: {max_fields: 5}}",
        of("GET /graphql", "validate: {graphql: {get: true, max_cost: 5}}"),
    ],
)
def test_what_queries_meet_is_not_told(check: Check, said: str) -> None:
    graphql(check, said, [])


@rows(
    ("operation", "said", "key", "why"),
    [
        ("POST", "max_depth: 7, max_fields: 7", "max_depth", "a query so deep has more than 7 fields"),
        ("POST", "max_tokens: 500, max_query_bytes: 500", "max_tokens", "so many have more than 500 characters"),
        ("POST", "get: true", "get", "it is about GET"),
        ("GET", "max_cost: 5", "max_cost", "queries by GET are refused"),
        ("GET", "max_depth: 5", "max_depth", "queries by GET are refused"),
        ("GET", "get: true, max_batch: 5", "max_batch", "a URL has one request"),
    ],
)
def test_what_no_query_meets_is_told(check: Check, operation: str, said: str, key: str, why: str) -> None:
    name = f"{operation} /graphql"
    settings = f"validate: {{graphql: {{{said}}}}}"
    graphql(check, of(name, settings), [f'error apis.shop.operations."{name}".validate.graphql.{key}: {HERE}{why}'])
