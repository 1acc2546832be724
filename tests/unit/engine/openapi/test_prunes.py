"""The pieces of prunes: what each takes out, what it says it knows, and how much it counts."""

from __future__ import annotations

from typing import Any

from rows import rows

from portcullis.engine.openapi import prunes
from portcullis.engine.openapi.prunes import Prune, nothing, take

ONLY_A = prunes.closed_object(frozenset("a"), ())
NO_Z = prunes.open_object(frozenset("a"), frozenset("z"), ())


def is_x(name: str) -> bool:
    return name.startswith("x")


@rows(
    ("prune", "value", "left", "known"),
    [
        (nothing, {"a": 1}, {"a": 1}, set()),
        (ONLY_A, {"a": 1, "b": 2}, {"a": 1}, {"a"}),
        (ONLY_A, {"b": 2}, {}, set()),
        (prunes.closed_object(frozenset("o"), [("o", ONLY_A)]), {"o": {"b": 1}, "p": 1}, {"o": {}}, {"o"}),
        (NO_Z, {"a": 1, "b": 2, "z": 3}, {"a": 1, "b": 2}, {"a"}),
        (prunes.open_object(frozenset("o"), frozenset(), [("o", ONLY_A)]), {"o": {"b": 1}}, {"o": {}}, {"o"}),
        (prunes.items([ONLY_A], NO_Z), [{"b": 1}, {"b": 1, "z": 1}, 5], [{}, {"b": 1}, 5], set()),
        (prunes.items([ONLY_A, ONLY_A], None), [{"b": 1}], [{}], set()),
        (prunes.where_present("k", ONLY_A), {"b": 1}, {"b": 1}, set()),
        (prunes.where_present("a", ONLY_A), {"a": 1, "b": 1}, {"a": 1}, {"a"}),
        (prunes.one_after_another([NO_Z, ONLY_A]), {"a": 1, "b": 1, "z": 1}, {"a": 1}, {"a"}),
        (
            prunes.keyed_object(NO_Z, frozenset("a"), [(is_x, ONLY_A)], take, goes_on=True),
            {"a": 1, "x1": {"b": 1}, "b": 1},
            {"a": 1, "x1": {}},
            {"a", "x1"},
        ),
        (
            prunes.keyed_object(nothing, frozenset(), [(is_x, take)], None, goes_on=False),
            {"x1": 1, "b": 1},
            {"b": 1},
            set(),
        ),
        (
            prunes.keyed_object(nothing, frozenset(), [], ONLY_A, goes_on=True),
            {"k": {"b": 1}, "l": 5},
            {"k": {}, "l": 5},
            {"k", "l"},
        ),
        (prunes.whole_object([NO_Z], take), {"a": 1, "b": 1, "z": 1}, {"a": 1}, {"a"}),
        (prunes.whole_object([NO_Z], ONLY_A), {"a": 1, "b": {"c": 1}}, {"a": 1, "b": {}}, {"a", "b"}),
        (prunes.whole_object([NO_Z], None), {"a": 1, "b": 1}, {"a": 1, "b": 1}, {"a", "b"}),
    ],
)
def test_prunes(prune: Prune, value: Any, left: Any, known: set[str]) -> None:
    def fields(value: Any) -> int:
        if isinstance(value, dict):
            return len(value) + sum(map(fields, value.values()))
        return sum(map(fields, value)) if isinstance(value, list) else 0

    before = fields(value)
    declared: set[str] = set()
    assert prune(value, declared) == before - fields(left)
    assert value == left
    assert declared & set(known | {"b", "z"}) == known
    assert prune(value, None) == 0
    for other in (5, "text", None, [], {}):
        assert prune(other, None) == 0


def test_what_is_not_there_is_no_prune() -> None:
    assert prunes.one_after_another([]) is None
    assert prunes.one_after_another([ONLY_A]) is ONLY_A
    assert prunes.where_present("a", None) is None
