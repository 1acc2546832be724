"""Reading YAML: what it means, what is refused, and that nothing grows without bound."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path
from typing import Any

import pytest
from rows import rows

from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.config.reader import MAX_BYTES, MAX_DEPTH, MAX_NODES, decode, lines, read
from portcullis.engine.config.tree import find, locate, plain


def meaning(text: str) -> Any:
    reading = read(text, "f.yaml")
    assert not reading.problems, reading.problems
    return plain(reading.root)


def refusal(text: str) -> Diagnostic:
    try:
        problems = read(text, "f.yaml").problems
    except ConfigurationError as error:
        problems = error.diagnostics
    assert len(problems) == 1, problems
    return problems[0]


@rows(
    ("text", "value"),
    [
        ("off", "off"),
        ("yes", "yes"),
        ("true", True),
        ("FALSE", False),
        ("'true'", "true"),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-7", -7),
        ("0o17", 15),
        ("0xff", 255),
        ("017", 17),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("1e999", "1e999"),
        (".inf", ".inf"),
        ("1:30", "1:30"),
        ("1_000", "1_000"),
        ("2026-09-01", "2026-09-01"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("| \n  a\n  b", "a\nb"),
        ('"\\u00e9"', "é"),
    ],
)
def test_values_mean_what_yaml_1_2_says(text: str, value: object) -> None:
    found = meaning(f"key: {text}")["key"]
    assert found == value
    assert type(found) is type(value)


def test_keys_are_text_as_written() -> None:
    assert meaning("1.10: a\non: b\n2: c\nnull: d\n") == {"1.10": "a", "on": "b", "2": "c", "null": "d"}


def test_aliases_and_merge_keys_work() -> None:
    text = "a: &a {x: 1, y: 2}\nb: *a\nc: {<<: *a, y: 3}\nd:\n  <<: [*a, {z: 4, x: 9}]\n"
    assert meaning(text) == {
        "a": {"x": 1, "y": 2},
        "b": {"x": 1, "y": 2},
        "c": {"y": 3, "x": 1},
        "d": {"x": 1, "y": 2, "z": 4},
    }


def test_what_was_merged_stands_where_it_was_written() -> None:
    root = read("a: &a\n  x: 1\nb:\n  <<: *a\n", "f.yaml").root
    assert locate(root, ("b", "x")) == (2, 3)


@rows(
    ("text", "place", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", (3, 1), '"a" is given twice'),
        ("a: !!str 1\n", (1, 4), "tags (tag:yaml.org,2002:str) are not used here"),
        ("a: !!python/object:os.system x\n", (1, 4), "tags"),
        ("a: ! 1\n", (1, 4), "tags"),
        ("a: *nowhere\n", (1, 4), "there is no anchor &nowhere"),
        ("a: &a [*a]\n", (1, 8), "this alias stands inside of what it names"),
        ("? [a]\n: 1\n", (1, 3), "a key must be text"),
        ("{a: 1}: 1\n", (1, 1), "a key must be text"),
        ("a: {<<: 1}\n", (1, 5), "only mappings can be merged"),
        ("%YAML 1.2\n---\na: 1\n", (1, 1), "directives"),
        ("a: 1\n---\nb: 1\n", (2, 1), "a second document"),
        ("a: 1\0\n", (1, 5), "character U+0000 does not belong in text"),
        ("a: \ud800\n", (1, 4), "character U+D800"),
        ("", (1, 1), "the file is empty"),
        ("# nothing\n---\n", (1, 1), "the file is empty"),
        ("- a\n", (1, 1), "the file must be a mapping"),
        ("text", (1, 1), "the file must be a mapping"),
        ("a:\n\tb: 1\n", (2, 1), "found character that cannot start any token"),
        ("a: b: c\n", (1, 5), "mapping values are not allowed"),
        ("a: [1,\nb: 2\n", (3, 1), "did not find expected ',' or ']'"),
        ("a: 'x\n", (2, 1), "found unexpected end of stream"),
        ("a: {b: http:x, c:}\n", (1, 17), "found unexpected ':'"),
    ],
)
def test_what_can_not_be_read_one_way_is_refused_at_its_place(text: str, place: tuple[int, int], message: str) -> None:
    found = refusal(text)
    assert (found.line, found.column) == place
    assert message in found.message


@rows(
    ("text", "hint"),
    [
        ("a:\n\tb: 1\n", "spaces, never tabs"),
        ("a: b: c\n", "needs quotes"),
        ("a: @x\n", "needs quotes"),
        ("a: [1,\nb: 2\n", "a bracket is not closed"),
        ("a: 'x\n", "a quote is not closed"),
        ('a: "\\q"\n', "single quotes"),
        ("- a\nb: 1\n", "lacks its '- '"),
        ("a: }\n", "a value is missing here"),
        ("a: |\n\tb\n", "spaces, never tabs"),
        ("a: 1\nb: 2\n c: 3\n", "indented"),
        ("a: 1\nb: 2\na: 3\n", "first at line 1, column 1"),
    ],
)
def test_a_refusal_says_what_would_be_right(text: str, hint: str) -> None:
    assert hint in refusal(text).hint


def test_several_problems_are_told_at_once() -> None:
    problems = read("a: 1\na: 2\nb: !x 1\nb: 3\n", "f.yaml").problems
    assert [problem.line for problem in problems] == [2, 3, 4]


def test_a_problem_names_the_path_to_it() -> None:
    assert refusal("x:\n  y:\n    - {a: 1}\n    - {a: 1, a: 2}\n").pointer == "x.y[1].a"


def test_the_first_of_two_equal_keys_is_kept() -> None:
    assert plain(read("a: 1\na: {b: 2}\n", "f.yaml").root) == {"a": 1}


def test_nesting_is_bounded() -> None:
    deepest = "a: " + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1)
    assert meaning(deepest)
    assert "nested deeper" in refusal("a: " + "[" * MAX_DEPTH + "]" * MAX_DEPTH).message


def test_nesting_by_aliases_is_bounded() -> None:
    text = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, MAX_DEPTH + 5))
    assert "nested deeper" in refusal(text).message


def test_a_bomb_of_aliases_is_refused_before_it_goes_off() -> None:
    text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
    text += "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
    assert f"more than {MAX_NODES} values" in refusal(text).message


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * 500_000,
        "a: " + "{" * 500_000,
        "a: " + "{a: " * 200_000,
        "? " * 300_000,
        "- " * 300_000,
        "".join(f"%TAG !a{n}! b\n" for n in range(20_000)),
        "a: 1\n" + "---\n" * 300_000,
        "a: [" + "a, " * 500_000,
        "a: " + "&a " * 200_000,
        "a: " + "*a " * 200_000,
        "a: '" + "\n" * 1_000_000,
        "a: " + "x" * (MAX_BYTES + 1),
        ": " * 400_000,
        "\n".join(" " * n + "a:" for n in range(1500)),
    ],
    ids=lambda text: text[:12],
)
@pytest.mark.slow
def test_hostile_files_are_refused_quickly(text: str) -> None:
    start = time.process_time()
    with pytest.raises(ConfigurationError):
        read(text, "f.yaml")
    assert time.process_time() - start < 3.0


def test_bytes_that_are_not_utf_8_are_refused_at_their_place() -> None:
    with pytest.raises(ConfigurationError) as caught:
        decode(b"a: 1\nb: caf\xe9\n", "f.yaml")
    assert str(caught.value).startswith("f.yaml:2:7: error: byte 0xe9 is not UTF-8")


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert decode("\ufeffa: é\n".encode(), "f.yaml") == "a: é\n"


def test_a_file_that_is_too_large_is_not_decoded() -> None:
    with pytest.raises(ConfigurationError, match="larger than 4 MiB"):
        decode(b"#" * (MAX_BYTES + 1), "f.yaml")


def test_lines_are_counted_as_positions_count_them() -> None:
    text = "a: 1\r\nb: 2\u2028c: 3\rd: 4\n"
    root = read(text, "f.yaml").root
    for key in "abcd":
        line, column = locate(root, (key,))
        assert lines(text)[line - 1][column - 1] == key


OTHERWISE = {
    "652Z": "libyaml takes '?' in a flow mapping for a key's mark even without a space behind it",
    "L24T/01": "libyaml drops a line of spaces at the end of a block scalar",
    "Y2GN": "libyaml's anchors have no colons",
    "9C9N": "a flow sequence that goes on at the left margin",
    "QB6E": "quoted text that goes on at the left margin",
    "DK95/01": "quoted text that goes on behind a tab",
    "S98Z": "a block scalar of lines of spaces only",
    "SU5Z": "a comment right behind a quote",
    "X4QW": "a comment right behind a block scalar's mark",
}
"""Where libyaml and the suite differ: the first three in meaning, the others in what is still accepted."""


def test_texts_of_the_yaml_test_suite_mean_what_it_says_or_are_refused(corpora: Path) -> None:
    """More may be refused than the suite refuses: tags, several documents, odd keys, rare syntax."""
    with gzip.open(corpora / "yaml" / "yaml-test-suite.jsonl.gz", "rt", encoding="utf-8") as file:
        cases = [json.loads(line) for line in file]
    alike, otherwise = 0, set()
    for case in cases:
        try:
            reading = read(case["yaml"], "f.yaml")
        except ConfigurationError:
            continue
        if reading.problems or (case["expected"] == "accept" and not case.get("json")):
            continue
        same = case["expected"] == "accept" and _as_text(plain(reading.root)) == _as_text(json.loads(case["json"]))
        alike += same
        if not same:
            otherwise.add(case["id"])
    assert otherwise == OTHERWISE.keys()
    assert alike >= 80


def _as_text(value: Any) -> Any:
    """JSON has one kind of number."""
    if isinstance(value, dict):
        return {key: _as_text(below) for key, below in value.items()}
    if isinstance(value, list):
        return [_as_text(item) for item in value]
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def test_a_value_keeps_how_it_was_written() -> None:
    node = find(read("a: 0x10\n", "f.yaml").root, ("a",))
    assert node is not None
    assert getattr(node, "text") == "0x10"  # noqa: B009 - a node may be of three kinds
