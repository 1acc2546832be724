"""Encoders: what they make can be read, piece by piece."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcullis.engine.codings import decoder
from portcullis.engine.compression.encoders import encoder

CODINGS: Final = (b"gzip", b"br", b"zstd")


@pytest.mark.parametrize("coding", CODINGS)
@given(pieces=st.lists(st.binary(max_size=2000), max_size=8), last=st.binary(max_size=2000))
def test_each_piece_can_be_read_when_it_has_come(coding: bytes, pieces: list[bytes], last: bytes) -> None:
    ours = encoder(coding)
    theirs = decoder(coding, max_bytes=1 << 20)
    assert theirs is not None
    for piece in pieces:
        assert theirs.feed(ours.encode(piece)) == piece
    assert theirs.feed(ours.finish(last)) == last
    assert theirs.end() == b""


@pytest.mark.parametrize("coding", CODINGS)
def test_what_repeats_becomes_small(coding: bytes) -> None:
    body = b'{"id": 1, "name": "a thing like all the others"},' * 1000
    assert len(encoder(coding).finish(body)) < len(body) / 50


def test_there_are_no_others() -> None:
    with pytest.raises(KeyError):
        encoder(b"deflate")
