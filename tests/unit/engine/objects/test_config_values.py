"""Rules, paths and pointers in the file."""

from __future__ import annotations

import pytest
from rows import rows

from portcullis.engine.objects.config_values import check_field_pointer, check_rule_path, check_rule_text, place_in
from portcullis.engine.objects.tokens import RuleError


def test_a_rule_stays_as_it_is_written() -> None:
    rule = "response.a\n == identity.subject"
    assert check_rule_text(rule) == rule


@rows(
    ("rule", "told"),
    [
        ("response.a = 1", "column 12 of the rule, = has no meaning here: write == to compare"),
        ("response.a ==\n null", "line 2, column 2 of the rule, null is the same as nothing, not even as null"),
    ],
)
def test_what_is_no_rule_is_told_with_its_place(rule: str, told: str) -> None:
    with pytest.raises(ValueError) as error:
        check_rule_text(rule)
    assert str(error.value) == told


def test_the_first_line_is_not_counted() -> None:
    assert place_in(RuleError("a", line=1, column=3)) == "column 3 of the rule"
    assert place_in(RuleError("a", line=2, column=3)) == "line 2, column 3 of the rule"


def test_paths() -> None:
    assert check_rule_path("response.items") == "response.items"
    assert check_rule_path("header.X-Total-Count") == "header.X-Total-Count"
    for wrong in ("items", "response.a == 1", "response.", "", "header.", "header.X Total", "header.X\n"):
        with pytest.raises(ValueError):
            check_rule_path(wrong)


@rows("pointer", ["/a", "/a/b", "/*/a", "/a~1b", "/a~0b", "/é", "/a b"])
def test_pointers(pointer: str) -> None:
    assert check_field_pointer(pointer) == pointer


@rows("pointer", ["", "/", "a", "a/b", "/a/", "//a", "/a~2", "/a~", "/a\n", "/a\0", "/" + "a" * 500])
def test_what_is_no_pointer(pointer: str) -> None:
    with pytest.raises(ValueError):
        check_field_pointer(pointer)
