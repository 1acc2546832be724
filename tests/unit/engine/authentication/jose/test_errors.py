from __future__ import annotations

from portcullis.engine.authentication.jose.errors import TOKEN_CODES, NoKeysError, TokenError
from portcullis.engine.authentication.proof import FAILED, UNAVAILABLE


def test_a_caller_learns_the_same_of_every_token_that_is_wrong() -> None:
    assert {code.visible for code in TOKEN_CODES if code is not UNAVAILABLE} == {FAILED}
    assert len({code.name for code in TOKEN_CODES}) == len(TOKEN_CODES)


def test_no_keys_is_no_fault_of_the_caller() -> None:
    error = NoKeysError("none yet")
    assert isinstance(error, TokenError)
    assert (error.code.status, error.found) == (503, "none yet")
