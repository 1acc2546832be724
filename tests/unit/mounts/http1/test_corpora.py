"""Byte streams on which real parsers went wrong, and those that the parser of Node.js is tested with."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# Where we do not do what the label says, and why.
UNKNOWN_METHODS = {
    "llhttp-045": "ANNOUNCE is a token; which methods exist is for the route index to say",
    "llhttp-055": "MKCOLA is a token; which methods exist is for the route index to say",
}
REFUSED_ALTHOUGH_ACCEPTED = {
    "llhttp-004": "two empty lines before a request; RFC 9112 2.2 asks for one to be ignored",
    "llhttp-013": "bytes of another protocol follow, and none was agreed on",
    "llhttp-018": "bytes of another protocol follow, and none was agreed on",
    "llhttp-019": "bytes of another protocol follow, and none was agreed on",
    "llhttp-020": "bytes of another protocol follow, and none was agreed on",
    "llhttp-077": "CONNECT: no tunnels",
    "llhttp-078": "CONNECT: no tunnels",
    "llhttp-079": "CONNECT: no tunnels",
    "llhttp-080": "M-SEARCH *: not HTTP over TCP",
    "llhttp-087": "ICE",
    "llhttp-088": "RTSP",
    "llhttp-089": "RTSP",
    "llhttp-090": "the preface of HTTP/2",
    "llhttp-108": "a host name with an equals sign",
    "llhttp-109": "a host name with an equals sign",
    "llhttp-115": "HTTP/0.9",
    "llhttp-143": "a transfer coding beside chunked",
    "llhttp-144": "a transfer coding beside chunked",
    "llhttp-163": "CONNECT: no tunnels",
    "llhttp-164": "user information in the target",
    "llhttp-175": "101 with a body (RFC 9110 8.6)",
    "llhttp-176": "101 with a body (RFC 9112 6.1)",
    "llhttp-180": "an empty line before a response",
    "llhttp-182": "an empty line before a response",
    "llhttp-220": "an empty line before a response",
    "llhttp-222": "RTSP",
    "llhttp-223": "ICE",
    "llhttp-238": "HTTP/0.9",
    "llhttp-240": "an empty line before a response",
    "llhttp-242": "a transfer coding beside chunked",
    "llhttp-243": "two transfer codings",
    "llhttp-244": "an unknown transfer coding",
}
FEWER_MESSAGES = {
    "llhttp-036": "the source's test skips the bodies",
    "llhttp-186": "the source's test skips the bodies",
}
HOSTS = {
    "llhttp-157": b"hypnotoad.org",
    "llhttp-158": b"hypnotoad.org:1234",
    "llhttp-160": b"hypnotoad.org:1234",
}

Case = dict[str, Any]
REQUEST_LINE = re.compile(rb"^([A-Z]+ .*HTTP/1\.1\r\n)", re.MULTILINE)


@pytest.fixture(scope="module")
def cases(corpora: Path) -> list[Case]:
    found = []
    for name in ("http-garden", "llhttp"):
        with gzip.open(corpora / "http" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            found += [json.loads(line) for line in lines]
    for case in found:
        case["raw"] = base64.b64decode(case["raw_base64"])
    return [case for case in found if case["kind"] in ("request", "response")]


def with_host(case: Case) -> bytes:
    """The bytes, with the Host field that most of these requests lack, so that the rest of them is judged."""
    host = HOSTS.get(case["id"], b"a")
    raw: bytes = case["raw"]
    return REQUEST_LINE.sub(rb"\1Host: %b\r\n" % host, raw) if case.get("host_missing") else raw


@pytest.fixture
def read(read_requests: Callable[..., Any], read_responses: Callable[..., Any]) -> Callable[[Case, bytes], Any]:
    return lambda case, raw: (read_requests if case["kind"] == "request" else read_responses)(raw)


def test_what_must_be_rejected_is_refused_or_never_read(cases: list[Case], read: Callable[..., Any]) -> None:
    accepted = []
    for case in cases:
        if case["strict"] != "reject" or case["id"] in UNKNOWN_METHODS:
            continue
        transcript = read(case, with_host(case))
        if not transcript.refused and not transcript.closed:
            # Some end within their head: it is refused when it is whole.
            transcript = read(case, with_host(case) + b"\r\n")
        left_alone = transcript.closed and transcript.unfinished
        if not (transcript.refused or left_alone):
            accepted.append(case["id"])
    assert accepted == []


def test_never_more_messages_are_read_than_there_are(cases: list[Case], read: Callable[..., Any]) -> None:
    for case in cases:
        if (limit := case.get("message_complete")) is not None and case["id"] not in UNKNOWN_METHODS:
            assert len(read(case, case["raw"]).messages) <= limit, case["id"]
            assert len(read(case, with_host(case)).messages) <= limit, case["id"]


def test_what_must_be_accepted_is_read_whole(cases: list[Case], read: Callable[..., Any]) -> None:
    for case in cases:
        if case["strict"] != "accept":
            continue
        transcript = read(case, with_host(case))
        assert bool(transcript.refused) == (case["id"] in REFUSED_ALTHOUGH_ACCEPTED), case["id"]
        if not transcript.refused and case["id"] not in FEWER_MESSAGES:
            assert len(transcript.messages) == (case.get("message_complete") or len(transcript.messages)), case["id"]


def test_a_message_that_is_not_whole_is_awaited(cases: list[Case], read: Callable[..., Any]) -> None:
    for case in cases:
        if case["strict"] == "incomplete":
            transcript = read(case, with_host(case))
            assert transcript.unfinished, case["id"]
            assert not transcript.messages, case["id"]


def test_where_a_reader_may_choose_it_is_written_down_what_we_do(cases: list[Case], read: Callable[..., Any]) -> None:
    """Bytes over 127 in a value are kept as they are; what follows a request that closes the connection is not read."""
    chosen = {case["id"]: read(case, with_host(case)) for case in cases if case["strict"] == "either"}
    assert chosen.keys() == {"garden-s41", "garden-s45"}
    ((head, _),) = chosen["garden-s41"].messages
    assert (b"user", b"\x85admin\xa0") in head.fields
    assert len(chosen["garden-s45"].messages) == 1
    assert chosen["garden-s45"].closed


def test_no_case_is_left_out(cases: list[Case], corpora: Path) -> None:
    """All 272 and 72 of them but the 21 URLs, which the tests of targets have."""
    assert len(cases) == 272 + 72 - 21
    strict = [case["strict"] for case in cases]
    # Where only a lenient run is known, no more is asserted than that not too many messages are read.
    assert {name: strict.count(name) for name in strict} == {
        "accept": 135,
        "reject": 166,
        "unknown": 18,
        "incomplete": 2,
        "either": 2,
    }


def test_http_1_1_without_host_is_refused(cases: list[Case], read: Callable[..., Any]) -> None:
    without = [case for case in cases if case.get("host_missing") and REQUEST_LINE.match(case["raw"].lstrip(b"\r\n"))]
    assert len(without) > 60
    for case in without:
        assert not read(case, case["raw"]).messages, case["id"]


def test_the_exceptions_name_cases_that_exist(cases: list[Case]) -> None:
    names = {case["id"] for case in cases}
    for exceptions in (UNKNOWN_METHODS, REFUSED_ALTHOUGH_ACCEPTED, FEWER_MESSAGES, HOSTS):
        assert exceptions.keys() <= names
