from __future__ import annotations

from typing import Any

import msgspec
import pytest
from rows import rows

from portcullis.engine.config.model import Configuration
from portcullis.engine.host_routes import HostRoutesBuilder
from portcullis.engine.operation import UNROUTED
from portcullis.engine.snapshot import HeaderVersions, Snapshot
from portcullis.engine.target import normalise_path
from portcullis.testing import make_request

ONE: Any = object()
TWO: Any = object()


@pytest.fixture
def snapshot() -> Snapshot:
    def host(operation: Any, by_header: bool = False):
        builder = HostRoutesBuilder()
        if by_header:
            versions = {"v1": {"/shop": {"/a": {"GET": ONE}}}, "v2": {"/shop": {"/a": {"GET": TWO}}}}
            builder.add_by_header("shop", b"api-version", None, versions)
        builder.add(("x", "v1"), "", {"/a": {"GET": operation, "POST": operation}, "/b/{id}": {"GET": operation}})
        return builder.build(lambda *_: None)

    return Snapshot(
        configuration=Configuration.model_construct(),
        hosts={"shop.example": host(ONE, by_header=True)},
        suffixes={".example": host(TWO), ".deep.example": host(ONE)},
        any_host=None,
        operations=(),
    )


def route(snapshot: Snapshot, method: str = "GET", target: str = "/a", host: str = "shop.example", **headers: str):
    request = make_request(method, target, {"host": host, **headers})
    return request, snapshot.route(request)


def test_the_operation_and_the_path_values_are_noted_in_the_request(snapshot):
    request, refusal = route(snapshot, target="/b/a%20b")
    assert refusal is None
    assert request.operation is ONE
    assert request.path_values == {"id": "a b"}


@rows("admitted", [True, False])
def test_encoded_slashes_are_for_the_operations_that_admit_them(admitted):
    operation = msgspec.structs.replace(UNROUTED, encoded_slash=admitted)
    builder = HostRoutesBuilder()
    builder.add(("x", "v1"), "", {"/files/{path}": {"GET": operation}})
    snapshot = Snapshot(
        configuration=Configuration.model_construct(),
        hosts={},
        suffixes={},
        any_host=builder.build(lambda *_: None),
        operations=(),
    )
    request = make_request("GET", "/x", {"host": "a"})
    request.path = normalise_path("/files/a%2Fb", encoded_slash=True)
    refusal = snapshot.route(request)
    if admitted:
        assert refusal is None
        assert request.path_values == {"path": "a/b"}
    else:
        assert refusal.code.name == "guard.malformed_target"
        assert refusal.detail == "The path holds an encoded slash."


@rows(
    ("host", "expected"), [("x.example", TWO), ("x.deep.example", ONE), ("a.b.deep.example", ONE), ("x.y.example", TWO)]
)
def test_the_longest_wildcard_that_fits_serves_a_host(snapshot, host, expected):
    request, refusal = route(snapshot, host=host)
    assert refusal is None
    assert request.operation is expected


@rows("host", ["example", "shop.example.org", "evil-example", "localhost", "127.0.0.1"])
def test_a_host_that_nobody_declared_is_421(snapshot, host):
    request, refusal = route(snapshot, host=host)
    assert refusal.code.name == "guard.unknown_host"
    assert request.operation is UNROUTED


def test_a_path_that_nobody_declared_is_404(snapshot):
    assert route(snapshot, target="/b")[1].code.name == "guard.unknown_path"


def test_a_method_that_nobody_declared_is_405_and_the_others_are_told(snapshot):
    refusal = route(snapshot, method="DELETE")[1]
    assert refusal.code.name == "guard.method_not_allowed"
    assert refusal.fields == ((b"allow", b"GET, POST"),)
    assert route(snapshot, method="HEAD")[1].code.name == "guard.method_not_allowed"


def test_a_header_chooses_the_version(snapshot):
    assert route(snapshot, target="/shop/a", **{"api-version": "v1"})[0].operation is ONE
    assert route(snapshot, target="/shop/a", **{"API-Version": "v2"})[0].operation is TWO


@rows("headers", [{}, {"api-version": "v3"}, {"api-version": "v1, v2"}, {"api-version": ""}])
def test_a_version_that_is_not_served_is_refused_and_the_record_says_which_are(snapshot, headers):
    refusal = route(snapshot, target="/shop/a", **headers)[1]
    assert refusal.code.name == "guard.unknown_version"
    assert refusal.finding.allowed == "v1, v2"


@rows(
    ("prefix", "path", "owned"),
    [
        ("/shop", "/shop", True),
        ("/shop", "/shop/a", True),
        ("/shop", "/shopping", False),
        ("/shop", "/", False),
        ("", "/", True),
        ("", "/a", True),
    ],
)
def test_an_api_owns_what_is_below_its_prefix(prefix, path, owned):
    assert HeaderVersions(prefix, b"v", None, {}).owns(path) is owned


@rows("headers", [{"api_version": "v2"}, {"api-version": "v1", "api_version": "v2"}])
def test_a_version_that_cgi_reads_differently_is_refused(snapshot, headers):
    assert route(snapshot, target="/shop/a", **headers)[1].code.name == "guard.unknown_version"
