from __future__ import annotations

import pytest
from rows import rows

from portcullis.engine.authentication.introspection_messages import (
    IntrospectionAnswer,
    IntrospectionQuestion,
    IntrospectionSource,
    decode_answer,
    decode_question,
    encode,
)

SOURCE = IntrospectionSource("https://id.example.com/introspect", "gateway", "env:SECRET")


def test_messages_are_read_as_they_were_written() -> None:
    question = IntrospectionQuestion(SOURCE.digest, "abc")
    assert decode_question(encode(question)) == question
    for answer in (IntrospectionAnswer("active", b'{"sub":"a"}'), IntrospectionAnswer("unavailable", reason="slow")):
        assert decode_answer(encode(answer)) == answer


def test_a_token_is_not_shown() -> None:
    assert "abc" not in repr(IntrospectionQuestion(SOURCE.digest, "abc"))


def test_sources_that_differ_in_anything_have_another_digest() -> None:
    others = [
        IntrospectionSource(SOURCE.endpoint + "2", SOURCE.client, SOURCE.secret),
        IntrospectionSource(SOURCE.endpoint, "other", SOURCE.secret),
        IntrospectionSource(SOURCE.endpoint, SOURCE.client, "env:OTHER"),
        IntrospectionSource(SOURCE.endpoint, SOURCE.client, SOURCE.secret, "client_secret_post"),
    ]
    assert len({each.digest for each in (SOURCE, *others)}) == 5


@rows("message", [b"", b"\xc1", b"\x92\xa1a", encode(IntrospectionAnswer("busy")) + b"x"])
def test_what_is_no_message_is_an_error(message: bytes) -> None:
    for decode in (decode_question, decode_answer):
        with pytest.raises(ValueError, match=r".+"):
            decode(message)
