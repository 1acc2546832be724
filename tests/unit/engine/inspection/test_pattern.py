from __future__ import annotations

import re
from collections.abc import Callable

from rows import rows

from portcullis.engine.inspection.inspector import the_inspector
from portcullis.engine.inspection.pattern import (
    PLACES,
    SEPARATOR,
    AttackClass,
    Pattern,
    all_classes,
    all_patterns,
    class_of,
    matching,
)

Ids = Callable[..., set[str]]

each_pattern = rows("pattern", all_patterns(), ids=lambda pattern: pattern.id)
MATCHES = [(pattern, text) for pattern in all_patterns() for text in pattern.matches]
PASSES = [(pattern, text) for pattern in all_patterns() for text in pattern.passes]


def test_ids_are_of_their_class_and_never_given_twice() -> None:
    ids = [pattern.id for pattern in all_patterns()]
    assert len(set(ids)) == len(ids)
    for found, patterns in all_classes():
        for pattern in patterns:
            assert re.fullmatch(rf"{found.key}-[1-9][0-9]{{2}}", pattern.id)
            assert class_of(pattern.id) is found


def test_there_is_a_class_for_each_kind_of_attack_that_is_looked_for() -> None:
    keys = {found.key for found, _ in all_classes()}
    assert {"sqli", "xss", "cmdi", "path", "ssti", "lookup", "ldap", "xpath", "nosql", "crlf", "ssi", "xxe"} <= keys
    assert len(keys) == len(all_classes())


@rows("found", [found for found, _ in all_classes()], ids=lambda found: found.key)
def test_a_class_says_what_it_is(found: AttackClass) -> None:
    assert found.title
    assert found.summary
    assert 0 < found.cwe < 2000


@each_pattern
def test_a_pattern_says_what_it_finds_and_has_examples_of_both_kinds(pattern: Pattern) -> None:
    assert pattern.description
    assert not pattern.description.endswith(".")
    assert pattern.expressions
    assert pattern.matches
    assert pattern.passes
    assert pattern.places <= PLACES
    assert "body" not in pattern.places or pattern.places == PLACES


@rows(("pattern", "text"), MATCHES, ids=lambda value: getattr(value, "id", None) or repr(value))
def test_a_pattern_is_found_in_what_it_is_for(pattern: Pattern, text: str, ids: Ids) -> None:
    assert pattern.id in ids(text)


@rows(("pattern", "text"), PASSES, ids=lambda value: getattr(value, "id", None) or repr(value))
def test_a_pattern_is_not_found_in_what_only_looks_like_it(pattern: Pattern, text: str, ids: Ids) -> None:
    assert pattern.id not in ids(text)


def test_what_is_found_in_a_text_is_worth_a_look_among_others_too() -> None:
    inspector = the_inspector()
    for _, text in MATCHES:
        assert not inspector.is_clean(SEPARATOR.join(("before", text, "after")).encode()), text


def test_a_confirmer_made_of_an_expression_takes_any_case_and_any_line() -> None:
    confirm = matching("a.b")
    assert confirm("x A\nB")
    assert not confirm("ab")
