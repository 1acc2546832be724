from __future__ import annotations

import pytest

from portcullis.engine.relations.keeping import decode_kept, decode_tuples, encode_kept, encode_tuples
from portcullis.engine.relations.tuples import parse_tuple


def test_questions_and_answers_arrive_as_they_were_sent() -> None:
    tuples = [parse_tuple("order:1#owner@user:a"), parse_tuple("order:1#viewer@group:g#member")]
    assert decode_tuples(encode_tuples(tuples)) == tuples
    assert decode_kept(encode_kept([True, False])) == [True, False]


def test_what_is_neither_is_refused() -> None:
    with pytest.raises(ValueError):
        decode_tuples(b"\x01")
    with pytest.raises(ValueError):
        decode_kept(encode_tuples([]) + b"x")
