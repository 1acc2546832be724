"""Rules as trees."""

from __future__ import annotations

from rows import rows

from portcullis.engine.objects.parsing import parse, parse_path
from portcullis.engine.objects.syntax import EACH, Equal, atoms_of, conjunction, conjuncts, operands_of, written


@rows(
    ("text", "list_steps", "item_steps"),
    [
        ("response", None, ()),
        ("response.a.b", None, ("a", "b")),
        ("response[]", (), ()),
        ("response.items[].owner", ("items",), ("owner",)),
        ("response.a[].b[].c.d", ("a", EACH, "b"), ("c", "d")),
        ('identity.claims["a b"]', None, ("claims", "a b")),
    ],
)
def test_a_path_leads_to_a_list_and_into_its_items(text: str, list_steps: object, item_steps: object) -> None:
    path = parse_path(text)
    assert path.list_steps == list_steps
    assert path.item_steps == item_steps
    assert str(path) == text


def test_a_name_that_is_no_word_is_written_in_quotes() -> None:
    assert written("response", ("a-b", 'c"d', EACH, "é")) == 'response.a-b["c\\"d"][]["é"]'


def test_a_rule_knows_its_paths() -> None:
    rule = parse("response.a == identity.subject and (request.path.x in response.b or response.c)")
    assert [str(path) for path in rule.paths()] == [
        "response.a",
        "identity.subject",
        "request.path.x",
        "response.b",
        "response.c",
    ]
    assert [str(path) for path in rule.paths("request")] == ["request.path.x"]


def test_a_part_is_said_on_one_line() -> None:
    rule = parse("response.a\n  == 1")
    assert rule.said(rule.condition) == "response.a == 1"


def test_a_mistake_is_told_where_the_part_stands() -> None:
    rule = parse("response.a == 1 and\nresponse.b == 2")
    error = rule.error(rule.paths()[1], "wrong", "right")
    assert (error.line, error.column, error.message, error.hint) == (2, 1, "wrong", "right")


def test_what_has_to_hold_together_is_told_apart() -> None:
    rule = parse("response.a == 1 and (response.b == 2 or response.c == 3) and (response.d and response.e)")
    parts = conjuncts(rule.condition)
    assert [rule.said(part) for part in parts] == [
        "response.a == 1",
        "response.b == 2 or response.c == 3",
        "response.d",
        "response.e",
    ]
    assert conjuncts(conjunction(parts)) == parts
    assert conjunction(parts[:1]) is parts[0]


def test_atoms_are_found_wherever_they_are() -> None:
    rule = parse("not (response.a == 1 or not response.b in [1]) and related(response.c)")
    atoms = atoms_of(rule.condition)
    assert [rule.said(atom) for atom in atoms] == ["response.a == 1", "response.b in [1]", "related(response.c)"]
    assert isinstance(atoms[0], Equal)
    assert [rule.said(operand) for atom in atoms for operand in operands_of(atom)] == [
        "response.a",
        "1",
        "response.b",
        "[1]",
        "response.c",
    ]
