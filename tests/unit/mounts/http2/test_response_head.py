from __future__ import annotations

import pytest
from rows import rows

from portcullis.engine.codes import UPSTREAM_BAD_RESPONSE
from portcullis.mounts.http1.errors import ProtocolError
from portcullis.mounts.http2.response_head import read_response_head

STATUS = (b":status", b"200")


def test_it_is_the_head_that_http_1_would_give():
    head = read_response_head([STATUS, (b"content-length", b"2"), (b"x-a", b"1")], 1000, to_head=False)
    assert (head.status, head.content_length, head.bodyless) == (200, 2, False)
    assert head.fields == [(b"content-length", b"2"), (b"x-a", b"1")]
    assert head.headers[b"x-a"] == b"1"


@rows(("status", "to_head"), [(b"204", False), (b"304", False), (b"200", True), (b"103", False)])
def test_what_has_no_body_has_none(status, to_head):
    head = read_response_head([(b":status", status)], 1000, to_head=to_head)
    assert (head.bodyless, head.content_length) == (True, 0)


@rows(
    "block", [[], [STATUS, STATUS], [(b":status", b"600")], [STATUS, (b"te", b"gzip")], [STATUS, (b"x", b"y" * 1000)]]
)
def test_what_is_no_head_is_a_bad_answer(block):
    with pytest.raises(ProtocolError) as caught:
        read_response_head(block, 1000, to_head=False)
    assert caught.value.code is UPSTREAM_BAD_RESPONSE
