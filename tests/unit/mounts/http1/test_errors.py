from __future__ import annotations

from portcullis.engine.codes import HEAD_TOO_LARGE
from portcullis.mounts.http1.errors import ProtocolError


def test_a_protocol_error_says_what_to_answer_with() -> None:
    error = ProtocolError(HEAD_TOO_LARGE, "Too large.")
    assert error.code.status == 431
    assert error.detail == str(error) == "Too large."
