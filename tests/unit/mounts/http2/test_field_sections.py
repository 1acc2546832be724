from __future__ import annotations

import pytest

from portcullis.engine.codes import HEAD_TOO_LARGE, MALFORMED_REQUEST, UPSTREAM_BAD_RESPONSE
from portcullis.mounts.http1.errors import ProtocolError
from portcullis.mounts.http2.field_sections import check_fields, check_trailers, section_size


def test_trailers_are_bounded():
    check_trailers([(b"x-sum", b"1")] * 3, 200, MALFORMED_REQUEST)
    with pytest.raises(ProtocolError):
        check_trailers([(b"x-sum", b"1")] * 10, 200, MALFORMED_REQUEST)


def test_trailers_frame_nothing():
    with pytest.raises(ProtocolError, match="frames the message"):
        check_trailers([(b"content-length", b"1")], 200, UPSTREAM_BAD_RESPONSE)


@pytest.mark.parametrize(
    ("code", "expected"), [(MALFORMED_REQUEST, HEAD_TOO_LARGE), (UPSTREAM_BAD_RESPONSE, UPSTREAM_BAD_RESPONSE)]
)
def test_too_many_fields_are_a_head_that_is_too_large_or_a_bad_answer(code, expected):
    with pytest.raises(ProtocolError) as caught:
        check_fields([(b"a", b"1")] * 129, code)
    assert caught.value.code is expected


def test_a_field_counts_32_bytes_more_than_it_has():
    assert section_size([(b"ab", b"c"), (b"d", b"")]) == 3 + 1 + 64
