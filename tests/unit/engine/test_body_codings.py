"""Content codings of bodies that are looked at: which refusal follows from which fault."""

from __future__ import annotations

import gzip

import pytest
from rows import rows

from portcullis.engine.body_codings import request_decoder, response_decoder, undecoded
from portcullis.engine.codings import SUPPORTED, CodingError


def fault_of(coding: bytes, body: bytes, most: int) -> CodingError:
    with pytest.raises(CodingError) as caught:
        response_decoder(coding, body, most)
    return caught.value


@rows(
    ("coding", "body", "of_request", "of_response"),
    [
        (b"lzma", b"", ("guard.coding_unsupported", 415), ("upstream.bad_coding", 502)),
        (b"gzip", b"not gzip", ("guard.coding_malformed", 400), ("upstream.bad_coding", 502)),
        (b"gzip", gzip.compress(b"x" * 30)[:-2], ("guard.coding_malformed", 400), ("upstream.bad_coding", 502)),
        (b"gzip", gzip.compress(b"x" * 200), ("guard.body_too_large", 413), ("upstream.answer_too_large", 502)),
    ],
)
def test_each_fault_has_its_code(
    coding: bytes, body: bytes, of_request: tuple[str, int], of_response: tuple[str, int]
) -> None:
    error = fault_of(coding, body, 100)
    for refusal, expected in ((undecoded(error), of_request), (undecoded(error, of_response=True), of_response)):
        assert (refusal.code.name, refusal.status) == expected


def test_a_bomb_is_told_from_a_body_that_is_too_large() -> None:
    error = fault_of(b"gzip", gzip.compress(b"\0" * 5_000_000), 10**9)
    assert undecoded(error).code.name == "guard.decompression_bomb"


def test_an_unknown_coding_is_answered_with_those_that_are_known() -> None:
    refusal = undecoded(fault_of(b"lzma", b"", 100))
    assert refusal.fields == ((b"accept-encoding", SUPPORTED),)


def test_a_sentence_for_the_client_is_only_in_the_refusal_of_its_own_request() -> None:
    error = fault_of(b"gzip", b"not gzip", 100)
    assert undecoded(error).detail
    assert undecoded(error, of_response=True).detail == ""


def test_what_is_in_no_coding_is_left_alone() -> None:
    assert request_decoder(b"identity", 10) is None
    assert response_decoder(b"identity", b"longer than ten bytes", 10) == b"longer than ten bytes"
