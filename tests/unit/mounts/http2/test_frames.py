from __future__ import annotations

import pytest
from http2_faults import CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, RST_STREAM, frame, setting, word

from portcullis.mounts.http2 import frames
from portcullis.mounts.http2.errors import ErrorCode


def test_a_frame_has_nine_bytes_before_its_payload():
    assert frames.frame(1, 4, 7, b"abc") == b"\0\0\x03\x01\x04\0\0\0\x07abc"


@pytest.mark.parametrize("ended", [True, False])
def test_data_is_cut_into_frames_the_last_of_which_ends_the_stream(ended: bool) -> None:
    last = END_STREAM if ended else 0
    assert frames.data(1, b"", ended=ended) == frame(DATA, last, 1)
    assert frames.data(1, b"abcd", ended=ended, size=2) == frame(DATA, 0, 1, b"ab") + frame(DATA, last, 1, b"cd")
    assert frames.data(1, b"abc", ended=ended, size=2) == frame(DATA, 0, 1, b"ab") + frame(DATA, last, 1, b"c")


def test_a_large_head_goes_on_in_continuations():
    assert frames.header_block(1, b"abc", ended=True) == frame(HEADERS, END_HEADERS | END_STREAM, 1, b"abc")
    assert frames.header_block(1, b"abcde", ended=True, size=2) == (
        frame(HEADERS, END_STREAM, 1, b"ab")
        + frame(CONTINUATION, 0, 1, b"cd")
        + frame(CONTINUATION, END_HEADERS, 1, b"e")
    )


def test_control_frames():
    assert frames.rst_stream(3, ErrorCode.CANCEL) == frame(RST_STREAM, 0, 3, word(8))
    assert frames.settings({3: 100, 4: 5}) == frame(4, 0, 0, setting(3, 100) + setting(4, 5))
    assert frames.goaway(7, ErrorCode.NO_ERROR, "bye") == frame(GOAWAY, 0, 0, word(7) + word(0) + b"bye")
    assert frames.window_update(3, 10) == frame(8, 0, 3, word(10))
    assert frames.read_word(word(2**32 - 1) + b"rest") == 2**32 - 1
