"""Mistakes that show before any request comes."""

from __future__ import annotations

from typing import Any

import pytest
from rows import rows

from portcullis.engine.objects.checking import calls_in, check_rule
from portcullis.engine.objects.declared import ANYTHING, Kind, Meaning
from portcullis.engine.objects.functions import Function
from portcullis.engine.objects.parsing import parse
from portcullis.engine.objects.syntax import Path
from portcullis.engine.objects.tokens import RuleError


def of(*kinds: Kind, values: Any = None, item: Meaning | None = None) -> Meaning:
    return Meaning(frozenset(kinds), None if values is None else frozenset(values), item)


KNOWN = {
    "response.text": of("text"),
    "response.other": of("text"),
    "response.number": of("integer"),
    "response.flag": of("boolean"),
    "response.state": of("text", values=["open", "paid"]),
    "response.maybe": of("text", "null"),
    "response.texts": of("list", item=of("text")),
    "response.states": of("list", item=of("text", values=["open", "paid"])),
    "response.thing": of("object"),
    "response.any": ANYTHING,
    "identity.subject": of("text"),
}


def meaning_of(path: Path) -> Meaning:
    return KNOWN[str(path)]


NEVER: Any = None
PARAMETERS = (("kind", of("text", values=["order"])), ("id", of("text", "integer")))
LINKED = Function("linked", PARAMETERS, "linked(...)", NEVER)


def check(rule: str) -> None:
    check_rule(parse(rule), meaning_of, {"linked": LINKED})


@rows(
    "rule",
    [
        "response.text == identity.subject",
        "response.any == identity.subject",
        "response.maybe != identity.subject",
        "response.state == 'open'",
        "response.state in ['open', 'paid']",
        "identity.subject in response.texts",
        "'open' in response.states",
        "response.any in response.any",
        "response.flag and not response.any",
        "response.number not in [1, 2]",
        "linked('order', response.number)",
        "linked('order', response.any)",
    ],
)
def test_what_may_hold_and_may_not_is_a_rule(rule: str) -> None:
    check(rule)


@rows(
    ("rule", "message", "hint"),
    [
        (
            "response.number == identity.subject",
            "response.number is an integer, and identity.subject is text",
            "nothing",
        ),
        ("response.text == 1", "response.text is text, and 1 is an integer", "nothing is converted"),
        ("true == response.text", "true is true or false, and response.text is text", ""),
        ("response.state == 'opn'", 'response.state is never "opn"', 'did you mean "open"?'),
        ("response.state in ['open', 'pad']", 'response.state is never "pad"', 'did you mean "paid"?'),
        ("'opn' in response.states", 'an item of response.states is never "opn"', 'did you mean "open"?'),
        ("1 == 1", "both sides are written here", ""),
        ("'a' in ['a']", "both sides are written here", ""),
        ("response.text == response.text", "both sides are the same value", ""),
        ("response.text == ['a']", "nothing is the same as a list", "response.text in [...]"),
        (
            "response.texts == response.text",
            "response.texts is a list, which can't be compared",
            "... in response.texts",
        ),
        ("response.thing == response.text", "response.thing is an object, which can't be compared", ""),
        ("response.text in response.other", "in asks for a list, and response.other is text", "== compares"),
        ("response.text in 'abc'", "in asks for a list, and this is text", "[...] or =="),
        ("response.text in []", "nothing is in an empty list", ""),
        ("response.text in ['a', 'a']", "a value is listed twice", ""),
        ("response.text in ['a', 1]", "response.text is text, and ['a', 1] is an integer", ""),
        ("response.number in response.texts", "an item of response.texts is text", ""),
        ("response.text", "response.text is text, which says neither yes nor no", "compare it"),
        ("response.texts", "response.texts is a list, which says neither yes nor no", "compare it"),
        ("likned('order', 1)", "there is no function likned", "linked"),
        ("linked('order')", "linked has 2 arguments, not 1", "linked(...)"),
        ("linked('ordr', 1)", "there is no kind 'ordr'", "kinds: order"),
        ("linked(response.number, 1)", "the kind is text, and response.number is an integer", "linked(...)"),
        ("linked('order', [1])", "the id is one value, not a list", "linked(...)"),
        ("linked('order', response.thing)", "response.thing is an object, which can't be compared", ""),
    ],
)
def test_what_never_holds_or_always_is_told(rule: str, message: str, hint: str) -> None:
    with pytest.raises(RuleError) as error:
        check(rule)
    assert message in error.value.message
    assert hint in error.value.hint


def test_each_comparison_is_looked_at_wherever_it_is() -> None:
    with pytest.raises(RuleError) as error:
        check("not (response.flag or\n  response.number == 'a')")
    assert (error.value.line, error.value.column) == (2, 3)


def test_the_functions_of_a_rule() -> None:
    found = calls_in(parse("a(response.text) or not (b() and a(response.other))"))
    assert [call.name for call in found] == ["a", "b", "a"]
