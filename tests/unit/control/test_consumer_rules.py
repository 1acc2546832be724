from __future__ import annotations

from datetime import UTC, datetime

import pytest
from rows import rows

from portcullis.control.consumer_rules import (
    Declared,
    check_moments,
    check_names,
    check_scopes,
    moment_of,
    plan_in_words,
    sorted_names,
    whole_milliseconds,
)

DECLARED = Declared.of(["gold", "free"], ["clerk", "auditor"], [("auditor", "clerk")])


@rows("name", ["", " ", "a b", "a\n", "\na", "a\0b", "-a", "é", "٣", "a" * 129, "a/b", "a:b", "[red]"], ids=ascii)
def test_what_is_no_name_is_refused_everywhere(name: str) -> None:
    with pytest.raises(ValueError, match="letters, digits"):
        check_names(name, None, None)
    with pytest.raises(ValueError, match="letters, digits"):
        check_names("acme", None, [name])
    if name:
        with pytest.raises(ValueError, match="letters, digits"):
            check_names("acme", name, ())


@rows("name", ["a", "acme", "Acme_Corp.2", "ops@example.com", "a" * 128])
def test_what_is_a_name_is_taken(name: str) -> None:
    check_names(name, name, [name])
    check_names(name, "", None)


def test_too_many_names_and_scopes_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 64 names"):
        check_names("acme", None, ["clerk"] * 64)
    with pytest.raises(ValueError, match="at most 64 scopes"):
        check_scopes(["a"] * 65)
    with pytest.raises(ValueError, match="a scope is"):
        check_scopes(["a b"])


def test_times_need_their_offset() -> None:
    check_moments(None, datetime(2027, 1, 1, tzinfo=UTC))
    with pytest.raises(ValueError, match="offset"):
        check_moments(datetime(2027, 1, 1))  # noqa: DTZ001


@rows(
    ("plan", "roles", "complaint"),
    [
        ("gld", None, "there is no plan 'gld'; the configuration declares: free, gold"),
        (None, ["boss"], "there is no role 'boss'; the configuration declares: auditor, clerk"),
        (None, ["clerk", "auditor"], "nobody may hold the roles auditor and clerk together"),
    ],
)
def test_what_is_not_declared_is_refused(plan: str | None, roles: list[str] | None, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        DECLARED.check(plan, roles)


def test_where_it_is_not_known_what_is_declared_anything_goes() -> None:
    Declared().check("any", ["any"])
    DECLARED.check("gold", ["clerk"])
    DECLARED.check("", ())
    DECLARED.check(None, None)


def test_wording_and_times() -> None:
    assert (plan_in_words("gold"), plan_in_words("")) == ("plan gold", "no plan")
    assert (sorted_names(["b", "a", "b"]), sorted_names(None)) == (("a", "b"), ())
    assert moment_of(None) is None
    assert moment_of(1.5) == datetime.fromtimestamp(1.5, UTC)
    assert whole_milliseconds(1.23456) == 1.235
