from __future__ import annotations

from portcullis.engine.authentication import proof
from portcullis.engine.authentication.proof import Later, Proven
from portcullis.engine.codes import Code
from portcullis.engine.identity import ANONYMOUS


def test_callers_are_told_one_thing_whatever_was_wrong_with_a_credential() -> None:
    codes = [value for value in vars(proof).values() if isinstance(value, Code)]
    assert {code.visible.name for code in codes if code.status == 401} == {"authenticate.failed"}
    assert {code.name for code in codes if code.status == 503} == {"authenticate.unavailable"}


async def test_nothing_is_looked_for_until_somebody_waits_for_it() -> None:
    begun: list[int] = []

    async def look() -> Proven:
        begun.append(1)
        return ANONYMOUS

    later = Later(look)
    assert begun == []
    assert await later is ANONYMOUS
    assert begun == [1]
