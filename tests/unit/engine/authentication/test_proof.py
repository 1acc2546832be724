from __future__ import annotations

from portcullis.engine.authentication import proof
from portcullis.engine.codes import Code


def test_callers_are_told_one_thing_whatever_was_wrong_with_a_credential() -> None:
    codes = [value for value in vars(proof).values() if isinstance(value, Code)]
    assert {code.visible.name for code in codes if code.status == 401} == {"authenticate.failed"}
    assert {code.name for code in codes if code.status == 503} == {"authenticate.unavailable"}
