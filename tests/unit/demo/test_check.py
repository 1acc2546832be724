from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from rows import rows

from portcullis.demo import check
from portcullis.demo.calls import Call
from portcullis.demo.check import Outcome, check_admin, check_calls, faults_of_answer, faults_of_record
from portcullis.demo.processes import Site

REFUSED = Call("No key", "", "GET", "/x", 401, "authenticate.failed", "authenticate.missing", consumer="")
PASSED = Call("Fine", "", "GET", "/x", 200)
LIMITED = Call("Burst", "", "GET", "/x", 429, "limit.exceeded", times=3)
PROBLEM = {"content-type": "application/problem+json"}


def test_the_expected_refusal_is_no_fault() -> None:
    assert faults_of_answer(REFUSED, 401, PROBLEM, b'{"code": "authenticate.failed"}') == []


@rows(
    ("status", "headers", "body", "fault"),
    [
        (200, PROBLEM, b'{"code": "authenticate.failed"}', "status 200, not 401"),
        (401, PROBLEM, b'{"code": "limit.exceeded"}', "code 'limit.exceeded', not 'authenticate.failed'"),
        (401, PROBLEM, b"<html>", "code None, not 'authenticate.failed'"),
        (401, PROBLEM, b"[]", "code None, not 'authenticate.failed'"),
        (401, {}, b'{"code": "authenticate.failed"}', "content type None, not a problem document's"),
    ],
)
def test_another_answer_is_a_fault(status: int, headers: dict[str, str], body: bytes, fault: str) -> None:
    assert faults_of_answer(REFUSED, status, headers, body) == [fault]


def test_a_limited_answer_says_when_to_come_back() -> None:
    assert faults_of_answer(LIMITED, 429, PROBLEM, b'{"code": "limit.exceeded"}') == ["no Retry-After"]


def test_an_allowed_answer_says_what_is_left() -> None:
    assert faults_of_answer(PASSED, 200, {}, b"") == ["no RateLimit"]


FILTERED = Call("Filtered", "", "GET", "/x", 200, recorded="objects.list_filtered", bare_status=200, kept_back="bob")


def test_what_must_be_kept_back_is_a_fault_where_it_is_told() -> None:
    assert faults_of_answer(FILTERED, 200, {"ratelimit": ""}, b'["ann"]') == []
    assert faults_of_answer(FILTERED, 200, {"ratelimit": ""}, b'["ann", "bob"]') == ["the answer tells 'bob'"]


def test_what_was_done_to_an_answer_must_be_in_its_record() -> None:
    line = {"decision": "allow", "status": 200, "method": "GET", "verdicts": [{"policy": "objects.owner"}]}
    assert faults_of_record(FILTERED, line) == ["record: no verdict has the code 'objects.list_filtered'"]
    line["verdicts"] = [{"policy": "objects.owner", "code": "objects.list_filtered"}]
    assert faults_of_record(FILTERED, line) == []


def test_the_expected_record_is_no_fault() -> None:
    line = {
        "decision": "refuse",
        "code": "authenticate.missing",
        "status": 401,
        "method": "GET",
        "verdicts": [{"policy": "authenticate.api_key", "code": "authenticate.missing"}],
    }
    assert faults_of_record(REFUSED, line) == []
    assert faults_of_record(PASSED, {"decision": "allow", "status": 200, "method": "GET"}) == []


def test_a_record_that_says_something_else_is_a_fault() -> None:
    line = {"decision": "allow", "status": 401, "method": "GET"}
    assert faults_of_record(REFUSED, line) == [
        "record: decision is 'allow', not 'refuse'",
        "record: code is '', not 'authenticate.missing'",
        "record: no verdict has the code 'authenticate.missing'",
    ]


class FakeGate:
    """Answers like the gateway, and writes the records it is told to."""

    def __init__(self, log: Path, *, records: bool = True) -> None:
        self.log = log
        self.records = records
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        number = f"r{len(self.requests)}"
        if self.records and request.url.host == "gate":
            record = {"request_id": number, "decision": "allow", "status": 200, "method": "GET"}
            with self.log.open("a") as log:
                log.write(json.dumps(record) + "\nnot json\n")
        return httpx.Response(200, headers={"x-request-id": number, "ratelimit": '"rate";r=4'})


def site_of(tmp_path: Path) -> Site:
    return Site(tmp_path, "http://gate", "http://api", "http://admin", {"corner-shop": "key-1"})


async def outcomes(monkeypatch: pytest.MonkeyPatch, gate: FakeGate, site: Site, call: Call) -> list[Outcome]:
    original = httpx.AsyncClient

    def client(**options: object) -> httpx.AsyncClient:
        assert options["trust_env"] is False
        return original(transport=httpx.MockTransport(gate))

    monkeypatch.setattr(check.httpx, "AsyncClient", client)
    return [outcome async for outcome in check_calls(site, (call,))]


async def test_a_call_is_made_as_often_as_it_says_with_the_consumers_key(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    site = site_of(tmp_path)
    gate = FakeGate(site.access_log)
    (outcome,) = await outcomes(monkeypatch, gate, site, Call("Fine", "", "GET", "/x", 200, times=3))
    assert outcome.faults == ()
    assert [request.headers["x-api-key"] for request in gate.requests] == ["key-1"] * 3


async def test_the_api_alone_is_asked_without_a_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    site = site_of(tmp_path)
    gate = FakeGate(site.access_log)
    (outcome,) = await outcomes(monkeypatch, gate, site, Call("Fine", "", "GET", "/x", 200, bare_status=201))
    assert outcome.faults == ("the API alone: 200, not 201",)
    assert "x-api-key" not in gate.requests[0].headers


async def test_an_api_that_tells_less_than_it_is_said_to_is_a_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    site = site_of(tmp_path)
    call = Call("Fine", "", "GET", "/x", 200, bare_status=200, kept_back="bob")
    (outcome,) = await outcomes(monkeypatch, FakeGate(site.access_log), site, call)
    assert outcome.faults == ("the API alone does not tell 'bob'",)


async def test_a_call_without_a_record_is_a_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(check, "RECORD_WITHIN_S", 0.05)
    site = site_of(tmp_path)
    (outcome,) = await outcomes(monkeypatch, FakeGate(site.access_log, records=False), site, PASSED)
    assert outcome.faults == ("there is no record of it",)


async def test_an_admin_listener_that_is_not_well_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def admin(request: httpx.Request) -> httpx.Response:
        return httpx.Response(503 if request.url.path == "/readyz" else 200)

    original = httpx.AsyncClient
    monkeypatch.setattr(
        check.httpx,
        "AsyncClient",
        lambda **options: original(transport=httpx.MockTransport(admin), base_url=options["base_url"]),
    )
    assert await check_admin(site_of(tmp_path)) == ("/readyz: 503",)
