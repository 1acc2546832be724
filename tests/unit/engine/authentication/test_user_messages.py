from __future__ import annotations

import pytest
from rows import rows

from portcullis.engine.authentication.user_messages import (
    PasswordAnswer,
    PasswordQuestion,
    UserUpdate,
    decode_answer,
    decode_question,
    decode_update,
    encode,
)
from portcullis.engine.backoff import Backoff

QUESTION = PasswordQuestion("staff", "alice", "correct horse", "192.0.2.7", Backoff(5, 4, 3, 2), None)


def test_messages_arrive_as_they_were_sent() -> None:
    assert decode_question(encode(QUESTION)) == QUESTION
    answer = PasswordAnswer("proven", 7, True, 0, "gold", ("clerk",), ("a",))
    assert decode_answer(encode(answer)) == answer
    assert decode_answer(encode(PasswordAnswer("busy"))) == PasswordAnswer("busy")
    update = UserUpdate(7, 6, ("alice",))
    assert decode_update(encode(update)) == update


def test_no_password_is_in_a_representation() -> None:
    assert "correct horse" not in repr(QUESTION)


@rows("message", [b"", b"\xff", b"\x93", encode(UserUpdate(1)) + b"x"])
def test_what_is_no_message_is_an_error(message: bytes) -> None:
    for decode in (decode_question, decode_answer, decode_update):
        with pytest.raises(ValueError, match=r"."):
            decode(message)
