"""Records, as they are written to the access log."""

from __future__ import annotations

import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.decision import Finding
from portcullis.engine.facts import Verdict, allowed
from portcullis.engine.record import Record, Timestamps


def record(**changes: object) -> Record:
    values = {
        "time": "2025-11-24T16:00:00.250000Z",
        "request_id": "a" * 32,
        "trace_id": "b" * 32,
        "client": "192.0.2.1",
        "method": "GET",
        "target": "/orders",
        "decision": "allow",
        "status": 200,
    }
    return msgspec.convert({**values, **changes}, Record)


def test_what_is_empty_is_left_out_of_the_line() -> None:
    assert set(json.loads(msgspec.json.encode(record()))) == {
        "time", "request_id", "trace_id", "client", "method", "target", "decision", "status",
    }  # fmt: skip


def test_a_status_of_nothing_is_written_since_it_says_that_nothing_was_answered() -> None:
    assert json.loads(msgspec.json.encode(record(status=0)))["status"] == 0


def test_verdicts_are_written_with_what_was_found_and_what_is_allowed() -> None:
    made = record()
    made.verdicts = [
        allowed("authenticate.api_key"),
        Verdict("validate.request", "refuse", "validate.type", "", Finding("/body/qty", "text", "an integer")),
    ]
    assert json.loads(msgspec.json.encode(made))["verdicts"] == [
        {"policy": "authenticate.api_key", "outcome": "allow"},
        {
            "policy": "validate.request",
            "outcome": "refuse",
            "code": "validate.type",
            "finding": {"pointer": "/body/qty", "found": "text", "allowed": "an integer"},
        },
    ]


def test_a_record_is_one_line_whatever_the_client_sent() -> None:
    line = msgspec.json.encode(record(target="/a\nb\r\u2028\x1b", host="x\ny"))
    assert b"\n" not in line
    assert json.loads(line)["target"] == "/a\nb\r\u2028\x1b"


@rows(
    ("seconds", "text"),
    [
        (1764000000.25, "2025-11-24T16:00:00.250000Z"),
        (1764000000.0, "2025-11-24T16:00:00.000000Z"),
        (1764000000.9999998, "2025-11-24T16:00:00.999999Z"),
        (0.0, "1970-01-01T00:00:00.000000Z"),
    ],
)
def test_times_are_rfc_3339_in_utc_with_microseconds(seconds: float, text: str) -> None:
    assert Timestamps().format(seconds) == text


def test_what_is_kept_of_one_second_is_not_used_in_another() -> None:
    times = Timestamps()
    assert times.format(59.5).endswith("00:00:59.500000Z")
    assert times.format(60.5).endswith("00:01:00.500000Z")
    assert times.format(59.75).endswith("00:00:59.750000Z")


@given(st.floats(0, 4e9, allow_nan=False))
def test_every_time_has_the_same_shape(seconds: float) -> None:
    text = Timestamps().format(seconds)
    assert len(text) == 27
    assert (text[10], text[19], text[26]) == ("T", ".", "Z")
