"""What the alternatives of a document ask of a caller."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.authorization.alternatives import ScopeAlternatives, kinds_of, wording
from portcullis.engine.identity import ANONYMOUS, Identity
from portcullis.engine.openapi.security import Alternative

TOKEN_READ = Alternative(frozenset({"token"}), frozenset({"read"}))
TOKEN_WRITE = Alternative(frozenset({"token"}), frozenset({"write"}))
TOKEN_BOTH = Alternative(frozenset({"token"}), frozenset({"read", "write"}))
KEY = Alternative(frozenset({"key"}), frozenset())
CERTIFIED = Alternative(frozenset({"token", "certificate"}), frozenset({"mesh"}))
NOBODY = Alternative(frozenset(), frozenset())


def proven(*methods: str) -> Identity:
    if not methods:
        return ANONYMOUS
    return Identity(methods[0], "acme", also=tuple(Identity(method, "x") for method in methods[1:]))


@rows(
    ("alternatives", "methods", "wanted"),
    [
        ([TOKEN_READ], ["jwt"], [{"read"}]),
        ([TOKEN_READ, TOKEN_WRITE], ["introspection"], [{"read"}, {"write"}]),
        ([TOKEN_BOTH, TOKEN_READ], ["jwt"], [{"read"}]),
        ([TOKEN_READ, KEY], ["jwt"], [{"read"}]),
        ([TOKEN_READ, KEY], ["api_key"], [set()]),
        ([TOKEN_READ, KEY], ["basic"], [{"read"}]),
        ([TOKEN_READ], ["api_key"], [{"read"}]),
        ([TOKEN_READ, CERTIFIED], ["jwt"], [{"read"}]),
        ([TOKEN_READ, CERTIFIED], ["jwt", "mtls"], [{"read"}, {"mesh"}]),
        ([CERTIFIED], ["mtls"], [{"mesh"}]),
        ([TOKEN_READ, KEY], [], [{"read"}]),
        ([TOKEN_READ, NOBODY], [], [set()]),
        ([TOKEN_READ, NOBODY], ["jwt"], [set()]),
        ([KEY], ["jwt"], []),
        ([], ["jwt"], []),
    ],
)
def test_those_count_that_concern_what_proved_the_caller(
    alternatives: list[Alternative], methods: list[str], wanted: list[set[str]]
) -> None:
    assert list(ScopeAlternatives(alternatives).wanted(proven(*methods))) == wanted


def test_what_is_always_asked_for_comes_on_top() -> None:
    alternatives = ScopeAlternatives([TOKEN_READ, KEY], frozenset({"shop"}))
    assert alternatives.wanted(proven("jwt")) == ({"read", "shop"},)
    assert alternatives.wanted(proven("api_key")) == ({"shop"},)
    assert alternatives.wanted(proven("api_key")) is alternatives.wanted(proven("api_key"))


KINDS: Any = st.frozensets(st.sampled_from(["token", "key", "basic", "certificate", "other"]), max_size=2)
SCOPES = st.frozensets(st.sampled_from("abc"), max_size=2)
ALTERNATIVES = st.lists(st.builds(Alternative, KINDS, SCOPES), min_size=1, max_size=4)


@given(ALTERNATIVES, st.sampled_from(["jwt", "api_key", "basic", "mtls"]), SCOPES)
def test_who_passes_meets_an_alternative_and_nobody_else_does(
    alternatives: list[Alternative], method: str, has: frozenset[str]
) -> None:
    identity = proven(method)
    kinds = kinds_of(identity)
    passes = any(needed <= has for needed in ScopeAlternatives(alternatives).wanted(identity))
    mine = [each for each in alternatives if each.kinds <= kinds]
    others = [each for each in alternatives if each.scopes]
    assert passes == any(each.scopes <= has for each in (mine or others))


def test_methods_are_the_kinds_that_documents_speak_of() -> None:
    assert kinds_of(proven("api_key")) == {"key"}
    assert kinds_of(proven("basic", "mtls")) == {"basic", "certificate"}
    assert kinds_of(proven("whatever there will be")) == {"token"}
    assert kinds_of(ANONYMOUS) == frozenset()


@rows(
    ("wanted", "words"),
    [
        ([{"a"}], "the scope a"),
        ([{"b", "a"}], "the scopes a, b"),
        ([{"a"}, {"b", "c"}], "the scope a or the scopes b, c"),
        ([set()], "no scope"),
    ],
)
def test_in_words(wanted: list[frozenset[str]], words: str) -> None:
    assert wording(wanted) == words
