"""What callers are told."""

from __future__ import annotations

from portcullis.engine.codes import Code
from portcullis.engine.objects import codes


def test_an_object_of_others_is_not_told_from_none() -> None:
    for code in (codes.NOT_OWNER, codes.UNDECIDED, codes.UNREADABLE, codes.ABSENT, codes.ENUMERATION):
        assert (code.status, code.visible) == (404, codes.NOT_FOUND)


def test_unless_the_file_says_so() -> None:
    told = codes.told_apart(codes.NOT_OWNER)
    assert (told.name, told.status, told.visible) == ("objects.not_owner", 403, codes.FORBIDDEN)


def test_each_code_is_of_the_phase_and_there_once() -> None:
    every = [value for value in vars(codes).values() if isinstance(value, Code)]
    assert {code.phase for code in every} == {"objects"}
    assert len({code.name for code in every}) == len(every)
    assert all(code.visible.status == code.status for code in every)
