from __future__ import annotations

import pytest

from portcullis.engine.authentication.status_messages import (
    CertificateStatus,
    StatusQuestion,
    decode_answer,
    decode_question,
    encode,
)


def test_what_is_said_is_understood():
    question = StatusQuestion("public", (b"leaf", b"root"))
    assert decode_question(encode(question)) == question
    answer = (CertificateStatus(b"issuer", b"\x07", "revoked", 5.0),)
    assert decode_answer(encode(answer)) == answer
    assert decode_answer(encode(())) == ()


def test_what_is_not_is_an_error():
    with pytest.raises(ValueError, match="Expected"):
        decode_answer(encode([["issuer", b"", "fine", 1.0]]))
