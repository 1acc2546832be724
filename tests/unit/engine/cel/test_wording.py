"""What the library says, and what a person is told."""

from __future__ import annotations

import re

import pytest
from rows import rows

from portcullis.engine.cel.checking import check
from portcullis.engine.cel.declarations import DECLARATIONS
from portcullis.engine.cel.errors import InvalidRuleError

TOLD = [
    ("identity.subjct == 'a'", 9, "there is no identity.subjct", 'did you mean "identity.subject"? declared: identity'),
    ("idenity.subject == 'a'", 0, "there is no idenity.subject", 'did you mean "identity.subject"?'),
    ("user == 'a'", 0, "there is no user", "declared: api, context, identity, request, response"),
    ("identity == 'a'", 0, "identity can't be used as a whole", "name a part of it: identity.actors, identity.claims"),
    (
        "identity.consumer == 'a'",
        8,
        "identity.consumer can't be used as a whole",
        "identity.consumer.name, identity.con",
    ),
    ("!has(identity.subject)", 0, "! is not for string", "what is declared is always there, without has()"),
    ("identity.subject = 'a'", 17, "= is no operator", "write =="),
    ("identity.subject & 'a'", 17, "& is no operator", "write &&"),
    ("identity.subject == 'a' and true", 24, "and is not expected here", "write &&"),
    ("not identity.subject == 'a'", 4, "identity is not expected here", ""),
    ("identity.subject == 'a", 20, "'a is not CEL", "the quote is not closed"),
    (r"identity.subject == '\d'", 20, r"'\d is not CEL", "a backslash begins an escape"),
    ("identity.subject == 1", 17, "== is not for string, int", "convert one, as in double(x)"),
    ("context.time > 5", 13, "> is not for timestamp, int", "both sides are of one type"),
    ("'a' in identity.subject", 4, "in is not for string, string", "in asks for an item of a list or for a key of a"),
    ("identity.subject && true", 17, "&& is not for string, bool", "both sides are true or false"),
    ("identity.subject ? true : false", 17, "? : is not for string, bool, bool", "before ? stands true or false"),
    ("identity.scopes['a'] == ''", 15, "[ ] is not for list(string), string", ""),
    ("-identity.subject == 1", 0, "- is not for string", ""),
    ("identity.subject ==", 19, "the rule ends before it is complete", "a bracket, a quote or an operand is missing"),
    ("(identity.subject == 'a'", 24, ") is missing here", ""),
    ("identity.subject == 'a')", 23, ") is not expected here", ""),
    ("identity.subject.length() == 1", 17, "there is no function length()", "known: "),
    ("ipin('a', 'b')", 0, "there is no function ipin()", 'did you mean "ip_in"?'),
    ("ip_in('a')", 0, "ip_in() is not called in this way", "ip_in(string, string)"),
    ("startsWith('a', 'b')", 0, "startsWith() is not called in this way", "text.startsWith(...)"),
    ("identity.scopes.all(s) == 1", 16, "all() is not called in this way", "list.all(item, ...)"),
    ("'a'.split(1) == []", 4, "split() is not for string, int", ""),
    ("identity.subject.name == ''", 17, "string has no fields", ""),
    ("if == 1", 0, "if is reserved, and can't be a name", ""),
    ("9223372036854775808 == 1", 0, "int is out of range", ""),
    ("identity.claims.?a == 1", 0, "unsupported syntax '.?'", ""),
    ("", 0, "the rule ends before it is complete", ""),
]


@rows(("text", "offset", "message", "hint"), TOLD)
def test_a_mistake_is_told_with_its_place_and_what_would_be_right(
    text: str, offset: int, message: str, hint: str
) -> None:
    with pytest.raises(InvalidRuleError) as caught:
        check(text, DECLARATIONS)
    first = caught.value.problems[0]
    assert (first.offset, first.message) == (offset, message)
    assert hint in first.hint


@rows("text", [text for text, *_ in TOLD])
def test_nothing_of_the_librarys_own_language_is_left(text: str) -> None:
    with pytest.raises(InvalidRuleError) as caught:
        check(text, DECLARATIONS)
    for problem in caught.value.problems:
        told = f"{problem.message} {problem.hint}"
        assert not re.search(r"INVALID_ARGUMENT|container|overload|<input>|_[=&|<>?+]+_|T%|EOF", told)
