from __future__ import annotations

from grpc import StatusCode
from rows import rows

from portcullis.engine.codes import Code
from portcullis.engine.decision import Refuse
from portcullis.engine.grpc.statuses import NAMES, message_field, refusal_fields, speaks_grpc, status_of
from portcullis.engine.operation import UNROUTED, Operation
from portcullis.testing import make_request


def refusal(status: int, *fields: tuple[bytes, bytes]) -> Refuse:
    return Refuse(Code("limit.rate", status, "Too many"), "Wait: 50% more.", fields=fields)


@rows(
    ("media_type", "speaks"),
    [
        ("application/grpc", True),
        ("Application/gRPC+proto", True),
        ("application/grpc;x=y", True),
        ("application/grpc-web", False),
        ("application/json", False),
        ("", False),
    ],
)
def test_who_speaks_it_is_told_by_the_media_type(media_type, speaks):
    assert speaks_grpc(make_request("POST", "/a", {"Content-Type": media_type})) is speaks


@rows(
    ("status", "expected"),
    [(400, 3), (401, 16), (403, 7), (404, 12), (413, 8), (418, 3), (429, 8), (500, 13), (502, 14), (504, 4), (599, 2)],
)
def test_statuses_say_the_same(status, expected):
    assert status_of(refusal(status), make_request("POST", "/a")) == expected
    assert NAMES[expected] == grpc_names()[expected]


def grpc_names():
    return {code.value[0]: code.name for code in StatusCode}


def test_what_is_not_found_by_a_method_is_no_missing_method():
    request = make_request("POST", "/a")
    request.operation = Operation(*[""] * 3, (), (), 0, "", str)
    assert request.operation is not UNROUTED
    assert status_of(refusal(404), request) == 5


def test_an_answer_says_why_and_when_to_come_again():
    fields = dict(refusal_fields(refusal(429, (b"retry-after", b"7"), (b"www-authenticate", b"Bearer")), 8))
    assert fields == {
        b"content-type": b"application/grpc",
        b"grpc-status": b"8",
        b"grpc-message": b"Wait: 50%25 more. (limit.rate)",
        b"retry-after": b"7",
        b"grpc-retry-pushback-ms": b"7000",
        b"www-authenticate": b"Bearer",
    }


def test_messages_are_printable():
    assert message_field("a b\n\u00e9~%") == b"a b%0A%C3%A9~%25"
