from __future__ import annotations

import pytest
from rows import rows

from portcullis.engine.cel.checking import Declarations, _environment
from portcullis.engine.cel.serialised import UnknownTreeError, fields, read_tree
from portcullis.engine.cel.syntax import Call, Constant, Ident, ListLiteral, Loop, MapLiteral, Node, Select
from portcullis.engine.cel.types import DYN, STRING
from portcullis.engine.cel.values import Uint

DECLARED = Declarations((("x", DYN), ("a.b", STRING)))


def tree(text: str) -> Node:
    return read_tree(_environment(DECLARED).compile(text).serialize())


@rows(
    ("text", "value"),
    [
        ("0", 0),
        ("300", 300),
        ("-1", -1),
        ("-9223372036854775808", -(2**63)),
        ("7u", Uint(7)),
        ("1.5", 1.5),
        ("-0.0", -0.0),
        ("''", ""),
        ("'é😀'", "é😀"),
        ("b'\\xff'", b"\xff"),
        ("true", True),
        ("false", False),
        ("null", None),
    ],
)
def test_literals_are_read_with_their_types(text: str, value: object) -> None:
    read = tree(text)
    assert isinstance(read, Constant)
    assert (read.value, type(read.value)) == (value, type(value))


@rows(
    ("text", "node"),
    [
        ("a.b == .x", Call(4, "_==_", (Ident(1, "a.b"), Ident(8, "x")))),
        ("x.f.g", Select(3, Select(1, Ident(0, "x"), "f"), "g")),
        ("has(x.f)", Select(3, Ident(4, "x"), "f", tests=True)),
        ("x.startsWith('é')", Call(12, "startsWith", (Ident(0, "x"), Constant(13, "é")))),
        ("size(x)", Call(4, "size", (Ident(5, "x"),))),
        ("'é' + 'b'", Call(4, "_+_", (Constant(0, "é"), Constant(6, "b")))),
        ("[x, 1]", ListLiteral(0, (Ident(1, "x"), Constant(4, 1)))),
        ("{'k': x}", MapLiteral(0, ((Constant(1, "k"), Ident(6, "x")),))),
    ],
)
def test_expressions_are_read_with_their_places(text: str, node: Node) -> None:
    assert tree(text) == node


def test_a_macro_is_read_as_the_loop_it_is_expanded_to() -> None:
    loop = tree("x.all(v, v == 1)")
    assert isinstance(loop, Loop)
    assert (loop.variable, loop.range, loop.initial) == ("v", Ident(0, "x"), Constant(5, True))
    assert isinstance(loop.step, Call)
    assert loop.step.arguments[1] == Call(11, "_==_", (Ident(9, "v"), Constant(14, 1)))


@rows("message", [b"\x0a", b"\x0a\x05ab", b"\x80", b"\x0b", b"\x09abc"])
def test_a_message_that_is_cut_short_or_unknown_is_an_error(message: bytes) -> None:
    with pytest.raises(UnknownTreeError):
        fields(message)


def test_numbers_of_fixed_length_are_passed_over() -> None:
    assert fields(b"\x0d1234\x1112345678\x18\x05") == {1: [b"1234"], 2: [b"12345678"], 3: [5]}


def test_what_rules_may_not_say_is_an_error() -> None:
    def message(number: int, body: bytes) -> bytes:
        return bytes([number << 3 | 2, len(body)]) + body

    for expression in (message(8, message(1, b"Some.Message")), message(9, message(8, b"second")), b"\x10\x01"):
        checked = message(4, expression) + message(5, b"")
        with pytest.raises(UnknownTreeError):
            read_tree(message(2, checked))
