"""Fields that not everybody sees, or may set."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.objects.hiding import (
    Hider,
    Mark,
    Marks,
    Node,
    folded,
    nodes_of,
    outermost,
    present,
    reduced,
    take_out,
    tree_of,
)
from portcullis.engine.objects.json_text import edited
from portcullis.engine.objects.selecting import Way
from portcullis.engine.openapi.field_marks import Action
from portcullis.engine.openapi.pointer import split

NOBODY: frozenset[str] = frozenset()
KEY = b"0123456789abcdef"


def mark(pointer: str, action: Action = "drop", roles: frozenset[str] | None = NOBODY) -> tuple[list[str], Mark]:
    return split(pointer), Mark(roles, action, pointer)


def tree(*pointers: str, action: Action = "drop") -> Node:
    return tree_of([mark(pointer, action) for pointer in pointers])


def hidden(text: str, node: Node) -> str:
    found = Hider(KEY).hide(text.encode(), node)
    return text if found is None else found[0].decode()


@rows(
    ("pointer", "text", "left"),
    [
        ("/a", '{"a": 1, "b": 1.10}', '{"b":1.10}'),
        ("/a", '{"b": 1.10}', '{"b": 1.10}'),
        ("/a", '[{"a": 1}]', '[{"a": 1}]'),
        ("/a", "1", "1"),
        ("/a/b", '{"a": {"b": 1, "c": 2}, "b": 3}', '{"a":{"c":2},"b": 3}'),
        ("/a/b", '{"a": [{"b": 1}]}', '{"a": [{"b": 1}]}'),
        ("/a/*/b", '{"a": [{"b": 1}, {"c": 2}, 3, null]}', '{"a":[{},{"c": 2},3,null]}'),
        ("/a/*/b", '{"a": {"x": {"b": 1}, "y": {"c": 2}}}', '{"a":{"x":{},"y":{"c": 2}}}'),
        ("/*/a", ' \n[{"a": 1}, {}]', "[{},{}]"),
        ("/a/*", '{"a": [1, 2]}', '{"a":[]}'),
        ("/*", '{"a": 1, "b": 2}', "{}"),
        ("/a~1b/m~0n", '{"a/b": {"m~n": 1}}', '{"a/b":{}}'),
        ("/é", '{"\\u00e9": 1}', "{}"),
        ("/a", '{"a": null}', "{}"),
    ],
)
def test_a_field_is_dropped_and_all_else_stays_as_it_was_written(pointer: str, text: str, left: str) -> None:
    if left == '{"a":{"c":2},"b": 3}':
        left = '{"a":{"c":2},"b":3}'
    assert hidden(text, tree(pointer)) == left


@rows(
    ("text", "left"),
    [
        ('{"a": "x"}', '{"a":"***"}'),
        ('{"a": ""}', '{"a":"***"}'),
        ('{"a": 12}', '{"a":null}'),
        ('{"a": true}', '{"a":null}'),
        ('{"a": null}', '{"a":null}'),
        ('{"a": {"b": 1}}', '{"a":null}'),
        ('{"a": ["b"]}', '{"a":null}'),
    ],
)
def test_a_masked_field_says_at_most_that_it_is_text(text: str, left: str) -> None:
    assert hidden(text, tree("/a", action="mask")) == left


def token_of(text: str, key: bytes = KEY) -> bytes:
    return Hider(key).token(text.encode())


@rows(
    ("one", "other"),
    [('"a"', '"\\u0061"'), ('{"a": 1, "b": 2}', '{"b":2,"a":1}'), ("[1, 2]", "[1,2]"), ("1", "1"), ("null", "null")],
)
def test_a_value_has_one_token_however_it_is_written(one: str, other: str) -> None:
    assert token_of(one) == token_of(other)


def test_tokens_tell_values_and_keys_apart() -> None:
    values = ['"a"', '"b"', '"1"', "1", "1.0", "true", '"true"', "null", "[]", "{}", '""', "[1]", '{"a":1}']
    assert len({token_of(value) for value in values}) == len(values)
    assert token_of('"a"') != token_of('"a"', b"another key of ours")
    assert token_of('"a"').startswith(b"tok_")
    assert len(token_of('"a"')) == 28


def test_what_was_hidden_is_counted_and_named() -> None:
    found = Hider().hide(b'{"b": [{"c": 1}, {"c": 2}], "a": 3}', tree("/a", "/b/*/c"))
    assert found is not None
    assert found[1].count == 3
    assert found[1].first is not None
    assert found[1].first.pointer in ("/a", "/b/*/c")


def test_a_field_that_is_named_is_no_other() -> None:
    node = tree_of([mark("/*"), mark("/a", roles=None), mark("/b/c")])
    left = reduced(node, frozenset({"x"}))
    assert left is not None
    assert orjson.loads(hidden('{"a": {"z": 1}, "b": {"c": 1, "d": 2}, "e": 3}', left)) == {
        "a": {"z": 1},
        "b": {"d": 2},
    }


@rows(
    ("roles", "left"),
    [
        (set(), {"c": {}}),
        ({"x"}, {"a": 1, "c": {}}),
        ({"y"}, {"b": 2, "c": {}}),
        ({"x", "y"}, {"a": 1, "b": 2, "c": {}}),
        ({"z"}, {"c": {"d": 3}}),
    ],
)
def test_a_tree_is_reduced_to_what_concerns_a_caller(roles: set[str], left: Any) -> None:
    made = [mark("/a", roles=frozenset("x")), mark("/b", roles=frozenset("y")), mark("/c/d", roles=frozenset("z"))]
    node = Marks(tree_of(made)).for_roles(frozenset(roles))
    assert node is not None
    assert orjson.loads(hidden('{"a": 1, "b": 2, "c": {"d": 3}}', node)) == left


def test_whoever_sees_all_has_no_tree() -> None:
    marks = Marks(tree_of([mark("/a", roles=frozenset("x")), mark("/b", roles=None)]))
    assert marks.for_roles(frozenset("x")) is None
    assert marks.for_roles(frozenset("x")) is None
    assert marks.for_roles(NOBODY) is marks.for_roles(frozenset())
    for number in range(300):
        assert marks.for_roles(frozenset({str(number)})) is not None
    assert marks.has()
    assert marks.has("drop")
    assert not marks.has("mask")
    assert not Marks(tree_of([mark("/b", roles=None)])).has()


def circle() -> Node:
    """``secret`` at any depth below ``child``."""
    node = Node()
    node.below("secret").mark = Mark(frozenset("x"), "drop", "/secret")
    node.fields["child"] = node
    node.fields["other"] = Node()
    return node


def test_a_tree_may_lead_back_to_itself() -> None:
    node = reduced(circle(), NOBODY)
    assert node is not None
    assert len(list(nodes_of(node))) == 2
    assert hidden('{"child": {"child": {"secret": 1, "a": 2}}, "secret": 3}', node) == '{"child":{"child":{"a":2}}}'
    assert reduced(circle(), frozenset("x")) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.sampled_from(["x", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=10,
)
POINTERS = st.lists(
    st.lists(st.sampled_from("abc*"), min_size=1, max_size=3).map(lambda t: "/" + "/".join(t)), max_size=4
)


def expected(value: Any, node: Node) -> Any:
    """``value`` without what ``node`` drops, worked out on values."""
    if isinstance(value, dict):
        found = {}
        for name, below in value.items():
            child = node.fields.get(name) or node.each
            if child is None or child.mark is None:
                found[name] = below if child is None else expected(below, child)
        return found
    if isinstance(value, list) and node.each is not None:
        return [] if node.each.mark is not None else [expected(item, node.each) for item in value]
    return value


@given(JSON, POINTERS)
def test_nothing_that_is_marked_is_left_and_nothing_else_is_gone(value: Any, pointers: list[str]) -> None:
    node = tree(*pointers)
    assert orjson.loads(hidden(orjson.dumps(value).decode(), node)) == expected(value, node)
    if isinstance(expected(value, node), dict | list):
        assert not [way for way, found in present(expected(value, node), node) if way and isinstance(way[-1], str)]


@rows(
    ("pointer", "value", "ways"),
    [
        ("/role", {"role": 1}, [("role",)]),
        ("/role", {"ROLE": 1, "Role": 2}, [("ROLE",), ("Role",)]),
        ("/Role", {"role": None}, [("role",)]),
        ("/role", {"roles": 1}, []),
        ("/role", [{"role": 1}], []),
        ("/*/role", [{"role": 1}, {}, {"rOle": 2}], [(0, "role"), (2, "rOle")]),
        ("/a/role", {"A": {"role": 1}}, [("A", "role")]),
        ("/a/*", {"a": {"x": 1}}, [("a", "x")]),
    ],
)
def test_fields_of_requests_are_found_whatever_their_case(pointer: str, value: Any, ways: Any) -> None:
    node = tree_of([(folded(split(pointer)), Mark(NOBODY, "refuse", pointer))])
    assert [way for way, _ in present(value, node)] == ways


@rows(
    ("ways", "left"),
    [
        ([("a",), ("b", 0, "c"), ("b", 0, "d"), ("e", "f")], b'{"b":[{},{"c": 3},5],"e":{}}'),
        ([("b", 0), ("b", 1), ("b", 2)], b'{"a":1.10,"b":[],"e":{"f": 4}}'),
        ([("b", 0), ("b", 1, "c"), ("b", 2)], b'{"a":1.10,"b":[{}],"e":{"f": 4}}'),
        ([("b", 1), ("a",)], b'{"b":[{"c": 1, "d": 2},5],"e":{"f": 4}}'),
        ([("e", "f"), ("e",), ("b",), ("b", 2), ("b", 0, "c")], b'{"a":1.10}'),
    ],
)
def test_what_is_taken_out_is_gone_from_the_text_and_from_what_it_says(ways: list[Way], left: bytes) -> None:
    text = b'{"a": 1.10, "b": [{"c": 1, "d": 2}, {"c": 3}, 5], "e": {"f": 4}}'
    document = orjson.loads(text)
    edit = take_out(document, outermost(ways))
    assert edited(text, edit) == left
    assert document == orjson.loads(left)


@rows(
    ("action", "text", "left"),
    [
        ("drop", ' {"a": 1}', "null"),
        ("mask", '"a" ', '"***"'),
        ("mask", "[1]", "null"),
    ],
)
def test_an_answer_that_is_marked_as_a_whole_is_hidden(action: Action, text: str, left: str) -> None:
    assert hidden(text, tree_of([([], Mark(NOBODY, action, ""))])) == left


@rows("name", ["role", "ROLE", "role[]", "Role[0]", " role", "role ", "[role]"])
def test_a_field_is_found_by_the_names_that_services_bind_to_it(name: str) -> None:
    assert [way for way, _ in present({name: "x"}, tree("/role"))] == [(name,)]


@rows("name", ["roles", "a[role]", "a.role", "[a]role"])
def test_a_field_of_another_name_is_another(name: str) -> None:
    assert list(present({name: "x"}, tree("/role"))) == []


@rows(
    "name",
    ["a[b]", "A[B]", "a.b", "a[b][]", " a[b]", "a[b", "a[b][c]", "a.b.c", "l[0][b]", "l[][b]", "l.0.b", "[a][b]"],
)
def test_a_field_in_another_is_found_where_services_would_put_it(name: str) -> None:
    assert [way for way, _ in present({name: "x"}, tree("/a/b", "/l/*/b"))] == [(name,)]


@rows("name", ["a[c]", "a.c", "b[a]", "a", "l[0]", "l.b", "ab", "."])
def test_where_services_would_put_something_else_nothing_is_found(name: str) -> None:
    assert list(present({name: "x"}, tree("/a/b", "/l/*/b"))) == []


def test_what_is_put_into_another_is_looked_into() -> None:
    assert [way for way, _ in present({"a[b]": {"c": 1}}, tree("/a/b/c"))] == [("a[b]", "c")]


def test_a_name_that_is_declared_is_no_place_in_another() -> None:
    assert [mark.pointer for _, mark in present({"a.b": 1}, tree("/a.b", "/a/b"))] == ["/a.b"]
