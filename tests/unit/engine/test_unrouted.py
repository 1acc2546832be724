"""What stands in for the operation of a request that is led to none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rows import rows

from portcullis.engine.compile import compile_snapshot
from portcullis.engine.config.load import load_configuration
from portcullis.engine.config.model import ApiConfig
from portcullis.engine.decision import Modify
from portcullis.engine.facts import Facts
from portcullis.engine.operation import UNROUTED, Operation
from portcullis.engine.ports import Ports
from portcullis.engine.request import RequestView
from portcullis.engine.response import ResponseView
from portcullis.engine.snapshot import Snapshot
from portcullis.engine.unrouted import NOBODY, AnswerSettings, StandIns, stand_in, stand_ins
from portcullis.testing import FakeClock, FakeCounters, FakeFiles, FakeKeys

SPEC = {
    "openapi": "3.1.0",
    "info": {"title": "T", "version": "1"},
    "servers": [{"url": "/shop"}],
    "paths": {"/a": {"get": {"responses": {}}}},
}
USUAL = {"x-content-type-options", "cache-control", "content-security-policy", "x-frame-options", "referrer-policy"}
APP = "https://app.example.com"


def api(**settings: Any) -> dict[str, Any]:
    return {
        "hosts": ["shop.example"],
        "upstream": {"targets": ["http://127.0.0.1:1"]},
        "versions": {"v1": {"spec": "t.json"}},
        "public": True,
        **settings,
    }


def said(**settings: Any) -> AnswerSettings:
    return AnswerSettings.of(ApiConfig.model_validate(api(**settings)), "v1")


def fields_of(operation: Operation, scheme: str = "http", origin: str = "") -> dict[str, str]:
    """The fields that the answer steps of ``operation`` give an answer of the gateway's own."""
    headers = {b"origin": origin.encode()} if origin else {}
    response = ResponseView(RequestView("GET", "/", (), headers, scheme), 404, (), {})
    found: dict[str, str] = {}
    for step in operation.answer_steps:
        change = step.run(response, Facts())
        assert change is None or isinstance(change, Modify)
        for name, value in (*change.set_fields, *change.default_fields) if change is not None else ():
            found[name.decode()] = value.decode()
    return found


def test_what_one_api_says_is_said() -> None:
    fields = fields_of(stand_in([said()]), "https")
    assert fields.keys() == {*USUAL, "strict-transport-security"}
    own = said(protect={"headers": {"hsts": "1h", "set": {"X-A": "1", "X-Frame-Options": None}}})
    fields = fields_of(stand_in([own]), "https")
    assert fields["strict-transport-security"] == "max-age=3600"
    assert fields["x-a"] == "1"
    assert "x-frame-options" not in fields


def test_an_operation_that_stands_in_is_nobodys() -> None:
    made = stand_in([said()])
    assert (made.api, made.version, made.name, made.upstream, made.max_body) == ("", "", "", "", 0)
    assert [step.needs for step in made.steps] == ["answer"]


def test_of_several_only_what_they_have_in_common() -> None:
    one = said(protect={"headers": {"set": {"X-A": "1", "X-B": "1", "Referrer-Policy": "origin"}}})
    other = said(protect={"headers": {"set": {"X-A": "1", "X-B": "2"}, "hsts": "1h"}})
    fields = fields_of(stand_in([one, other]), "https")
    assert fields.keys() == {*USUAL, "x-a"} - {"referrer-policy"}
    assert fields == fields_of(stand_in([other, one]), "https")


@rows("mode", ["off", "monitor"])
def test_where_one_of_them_enforces_nothing_they_have_nothing_in_common(mode: str) -> None:
    assert stand_in([said(), said(protect={"headers": {"mode": mode}})]) is UNROUTED
    assert stand_in([said(protect={"headers": {"mode": mode}})]) is UNROUTED
    assert stand_in([]) is UNROUTED


def test_pages_may_read_why_where_all_allow_them_alike() -> None:
    cors = said(guard={"cors": {"origins": [APP]}})
    for settings in ([cors], [cors, said(guard={"cors": {"origins": [APP]}})]):
        assert fields_of(stand_in(settings), origin=APP)["access-control-allow-origin"] == APP
        assert "access-control-allow-origin" not in fields_of(stand_in(settings), origin="https://evil.example")
    for other in (said(), said(guard={"cors": {"origins": [APP], "credentials": True}})):
        assert "access-control-allow-origin" not in fields_of(stand_in([cors, other]), origin=APP)


def test_settings_of_single_operations_do_not_count() -> None:
    assert fields_of(stand_in([said(operations={"GET /a": {"protect": {"headers": {"mode": "off"}}}})]))
    assert stand_in([said(versions={"v1": {"spec": "t.json", "protect": {"headers": {"mode": "off"}}}})]) is UNROUTED


ONE: Any = object()
TWO: Any = object()
OTHER: Any = object()


@rows(
    ("path", "expected"),
    [
        *[("/shop", ONE), ("/shop/", ONE), ("/shop/x/y", ONE), ("/shop/v2", TWO), ("/shop/v2/x", TWO)],
        *[("/shop/v22", ONE), ("/shopping", OTHER), ("/", OTHER), ("", OTHER), ("/other/shop", OTHER)],
    ],
)
def test_the_longest_base_path_that_a_path_lies_below(path: str, expected: Any) -> None:
    assert StandIns({"/shop": ONE, "/shop/v2": TWO}, 2, OTHER).find(path) is expected


def test_an_api_without_a_base_path_has_all_the_rest() -> None:
    for path in ("/x", "/", "", "/a/b"):
        assert StandIns({"": ONE, "/shop": TWO}, 1, OTHER).find(path) is ONE
    assert StandIns({"": ONE}, 0, OTHER).find("/x") is ONE
    assert NOBODY.find("/x") is UNROUTED


def test_long_paths_take_no_time() -> None:
    assert StandIns({"/a": ONE}, 1, OTHER).find("/b" * 10**6) is OTHER


def test_those_of_a_host() -> None:
    strict = said(protect={"headers": {"set": {"X-A": "1"}}})
    found = stand_ins({"/shop": [strict], "/other/v1": [said()]})
    assert found.depth == 2
    assert fields_of(found.find("/shop/x"))["x-a"] == "1"
    assert "x-a" not in fields_of(found.find("/other/v1"))
    assert fields_of(found.find("/elsewhere")).keys() == USUAL


@pytest.fixture
def snapshot() -> Snapshot:
    apis = {
        "shop": api(protect={"headers": {"set": {"X-Api": "shop"}}}, guard={"cors": {"origins": [APP]}}),
        "store": api(base_path="/store", protect={"headers": {"set": {"X-Api": "store", "X-Both": "1"}}}),
        "far": api(hosts=["far.example", "*.far.example"], protect={"headers": {"hsts": "1h"}}),
    }
    text = json.dumps(
        {"listeners": {"public": {"bind": "127.0.0.1:0", "trusted_proxies": ["127.0.0.1"]}}, "apis": apis}
    )
    files = FakeFiles({"t.json": json.dumps(SPEC)})
    ports = Ports(FakeClock(), FakeCounters(), FakeKeys())
    return compile_snapshot(load_configuration(text, "p.yaml"), files, ports)


@rows(
    ("host", "path", "marks"),
    [
        ("shop.example", "/shop/nothing", {"x-api": "shop", "access-control-allow-origin": APP}),
        ("shop.example", "/store/nothing", {"x-api": "store", "x-both": "1"}),
        ("shop.example", "/nothing", {}),
        ("shop.example", "", {}),
        ("a.far.example", "/nothing", {"strict-transport-security": "max-age=3600"}),
        ("nowhere.example", "/nothing", {}),
        ("", "", {}),
    ],
)
def test_requests_that_are_led_nowhere_are_answered_as_the_api_they_were_for(
    snapshot: Snapshot, host: str, path: str, marks: dict[str, str]
) -> None:
    request = RequestView("GET", path, (), {}, host=host, path=path)
    fields = fields_of(snapshot.standing_in(request), "https", APP)
    assert fields.items() >= marks.items()
    unmarked = {*USUAL, "vary"} | ({"strict-transport-security"} if host == "shop.example" else set())
    assert fields.keys() - marks.keys() <= unmarked
    assert fields["x-content-type-options"] == "nosniff"
