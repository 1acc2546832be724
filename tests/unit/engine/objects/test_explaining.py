"""Why a rule does not hold, for the record."""

from __future__ import annotations

from typing import Any

from rows import rows
from rule_samples import make_given, sources_of

from portcullis.engine.objects.deciding import Decider
from portcullis.engine.objects.explaining import explain, pointer_of, pointer_to, shown
from portcullis.engine.objects.parsing import parse, parse_path


@rows(
    ("rule", "thing", "pointer", "found", "allowed"),
    [
        (
            "response.owner == identity.subject",
            {"owner": "bob"},
            "/response/body/items/3/owner",
            'response.owner is "bob", identity.subject is "alice"',
            "response.owner == identity.subject",
        ),
        (
            "response.a and response.owner\n  in ['x']",
            {"a": True},
            "/response/body/items/3/owner",
            "response.owner is missing",
            "response.owner in ['x']",
        ),
        ("'boss' in identity.roles", {}, "/identity", "identity.roles is [clerk]", "'boss' in identity.roles"),
        ("request.path.id == 1", {}, "/path/id", "request.path.id is missing", "request.path.id == 1"),
    ],
)
def test_the_comparison_and_its_values_are_told(rule: str, thing: Any, pointer: str, found: str, allowed: str) -> None:
    parsed = parse(rule)
    decider = Decider(parsed.condition, sources_of(parsed.condition))
    finding = explain(parsed, decider, make_given(), thing, ("items", 3), "#/x")
    assert (finding.pointer, finding.found, finding.allowed, finding.source) == (pointer, found, allowed, "#/x")


@rows(
    ("path", "way", "pointer"),
    [
        ("response.a.b", (), "/response/body/a/b"),
        ("response.items[].owner", ("items", 2), "/response/body/items/2/owner"),
        ("request.body.a", (), "/body/a"),
        ("request.body.items[].a", ("items", 2), "/body/items/2/a"),
        ("request.header.X-A", (), "/header/X-A"),
        ('response["a/b"]', (), "/response/body/a~1b"),
    ],
)
def test_pointers(path: str, way: Any, pointer: str) -> None:
    assert pointer_to(parse_path(path), way) == pointer


def test_pointers_have_an_end() -> None:
    assert len(pointer_of("/body", ("x" * 1000,))) == 200


@rows(
    ("value", "text"),
    [
        (None, "missing"),
        ("a", '"a"'),
        ("a\nb", '"a\\nb"'),
        ("x" * 100, f'"{"x" * 39}…"'),
        (1, "1"),
        (True, "True"),
        (frozenset({"b", "a"}), "[a, b]"),
        ([1, 2], "[1, 2]"),
    ],
)
def test_values_are_shown_in_a_few_words(value: Any, text: str) -> None:
    assert shown(value) == text
