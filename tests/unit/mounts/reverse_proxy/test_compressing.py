"""Whether an answer is compressed, by what the gateway knows of it."""

from __future__ import annotations

import msgspec
from rows import rows

from portcullis.engine.compression.choosing import Compression
from portcullis.engine.compression.declaring import CompressConfig
from portcullis.engine.decision import Modify
from portcullis.engine.exchange import Exchange
from portcullis.engine.identity import Identity
from portcullis.mounts.http1.response_head import ResponseHead, parse_response_head
from portcullis.mounts.reverse_proxy.compressing import MAX_ENCODERS, MAX_WHOLE, Encoders, Told
from portcullis.testing import make_request

OPEN = Compression.of(CompressConfig())


def head_of(*fields: str, to: str = "GET", length: int | None = 5000) -> ResponseHead:
    lines = ["HTTP/1.1 200 OK", "Content-Type: application/json", *fields]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    head = parse_response_head("\r\n".join([*lines, "", ""]).encode(), 10_000, to)
    assert isinstance(head, ResponseHead)
    return head


def begin(
    head: ResponseHead | None = None,
    *changes: Modify,
    whole: int | None = None,
    compression: Compression = OPEN,
    identity: Identity | None = None,
    encoders: Encoders | None = None,
    **headers: str,
) -> Told:
    request = make_request("GET", "/", {"Accept-Encoding": "gzip"} | headers)
    exchange = Exchange(request, "id", "id", 0, 0.0)
    if identity is not None:
        exchange.facts.identity = identity
    return (encoders or Encoders()).begin(compression, exchange, head or head_of(), changes, whole)


def told(result: Told) -> dict[bytes, bytes]:
    return {name: value for change in result[0] for name, value in change.set_fields}


def test_an_answer_is_compressed() -> None:
    result = begin()
    assert told(result) == {b"content-encoding": b"gzip", b"vary": b"Accept-Encoding"}
    assert result[1] is not None


@rows(
    ("length", "whole", "is_encoded"), [(500, None, False), (None, None, True), (5000, 500, False), (500, 5000, True)]
)
def test_little_is_not_worth_it(length: int | None, whole: int | None, is_encoded: bool) -> None:
    fields = () if length is not None else ("Transfer-Encoding: chunked",)
    result = begin(head_of(*fields, length=length), whole=whole)
    assert (result[1] is not None) is is_encoded
    assert told(result)[b"vary"] == b"Accept-Encoding"


def test_what_would_take_long_is_left_alone() -> None:
    assert begin(whole=MAX_WHOLE)[1] is not None
    assert begin(whole=MAX_WHOLE + 1)[1] is None


@rows("headers", [{"Authorization": "Basic YTpi"}, {"Cookie": "a=b"}])
def test_what_a_service_may_know_its_caller_by_counts(headers: dict[str, str]) -> None:
    assert begin(**headers) == ((), None)


def test_answers_for_somebody_are_compressed_where_that_was_asked_for() -> None:
    somebody = Identity(method="api_key", subject="acme")
    assert begin(identity=somebody) == ((), None)
    asked = msgspec.structs.replace(OPEN, authenticated=True)
    assert begin(identity=somebody, compression=asked)[1] is not None


def test_what_was_decoded_on_the_way_may_be_encoded_again() -> None:
    head = head_of("Content-Encoding: br")
    assert begin(head) == ((), None)
    assert begin(head, Modify(remove_fields=frozenset({b"content-encoding"})))[1] is not None


def test_what_a_step_says_counts() -> None:
    assert begin(None, Modify(set_fields=((b"cache-control", b"no-transform"),))) == ((), None)


def test_head_has_nothing_to_encode() -> None:
    result = begin(head_of(to="HEAD"), whole=0)
    assert told(result)[b"content-encoding"] == b"gzip"
    assert result[1] is None
    assert b"content-encoding" not in told(begin(head_of(to="HEAD", length=500)))


def test_only_so_many_are_compressed_at_a_time() -> None:
    encoders = Encoders()
    for _ in range(MAX_ENCODERS):
        assert begin(encoders=encoders)[1] is not None
    assert begin(encoders=encoders)[1] is None
    encoders.end()
    assert begin(encoders=encoders)[1] is not None
