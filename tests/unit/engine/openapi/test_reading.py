"""From bytes to values: YAML as 1.2 has it, in bounded time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from rows import rows

from portcullis.engine.openapi.reading import MAX_DEPTH, UnreadableError, read, read_counted


def test_json_and_yaml_examples_of_one_name_mean_the_same(corpora: Path) -> None:
    folders = [corpora / "openapi" / "oai-examples" / version for version in ("v3.0", "v3.1")]
    pairs = [(path, path.with_suffix(".json")) for folder in folders for path in folder.glob("*.yaml")]
    assert len(pairs) > 5
    for yaml, twin in pairs:
        if twin.is_file() and yaml.name != "tictactoe.yaml":  # its JSON twin is of an older version
            assert read(yaml.read_bytes()) == read(twin.read_bytes()), yaml.name


def test_plain_texts_mean_what_yaml_1_2_says() -> None:
    text = b"""
    words: [yes, no, on, off, y, n]
    truth: [true, True, FALSE]
    nothing: [null, ~, ]
    dates: [2024-01-01, 2024-01-01T00:00:00Z, 12:30:45]
    numbers: [1, -2, +3, 0x1F, 0o17, 017, 1_000, 1e3, .5, 1.]
    strings: ["1", 'true', ! 2, !!str 3]
    200: fine
    on: key
    """
    value = read(text.replace(b"\n    ", b"\n"))
    assert value["words"] == ["yes", "no", "on", "off", "y", "n"]
    assert value["truth"] == [True, True, False]
    assert value["nothing"] == [None, None]
    assert value["dates"] == ["2024-01-01", "2024-01-01T00:00:00Z", "12:30:45"]
    assert value["numbers"] == [1, -2, 3, 31, 15, 17, "1_000", 1000.0, 0.5, 1.0]
    assert value["strings"] == ["1", "true", "2", "3"]
    assert value["200"] == "fine"
    assert value["on"] == "key"


def test_aliases_and_merge_keys_stand_for_what_they_name() -> None:
    text = b"""
base: &base {a: 1, b: 2}
copy: *base
own: {<<: *base, b: 3}
late: {b: 4, <<: *base}
several: {<<: [*base, {c: 5}]}
quoted: {"<<": 1}
"""
    value = read(text)
    assert value["copy"] == {"a": 1, "b": 2}
    assert value["own"] == {"a": 1, "b": 3}
    assert value["late"] == {"a": 1, "b": 4}
    assert value["several"] == {"a": 1, "b": 2, "c": 5}
    assert value["quoted"] == {"<<": 1}


@rows(
    ("text", "message", "line"),
    [
        (b"a: 1\nb: 2\na: 3\n", "the key 'a' is given twice", 3),
        (b"a: {200: x, '200': y}", "the key '200' is given twice", 1),
        (b"x: &k a\na: 1\n*k : 2\n", "the key 'a' is given twice", 3),
        (b"{a: 1, <<: {b: 1}, b: 2, b: 3}", "given twice", 1),
        (b'{"a": 1,\n "a": 2}', "the key 'a' is given twice", 0),
        (b"? [1, 2]\n: 3\n", "a key must be a plain text", 1),
        (b"a: 1\n---\nb: 2\n", "a second document", 2),
        (b"a: !!python/object:os.system x\n", "is not supported", 1),
        (b"a: !!int x\n", "not a value of the tag", 1),
        (b"a: .inf\n", "infinity", 1),
        (b"a: 1e999\n", "too large", 1),
        (b"a: *nowhere\n", "stands for nothing", 1),
        (b"a: &a [*a]\n", "stands for nothing, or for what it is part of", 1),
        (b"a: [1\n", "not valid YAML", 2),
        (b"a:\n\t- b\n", "not valid YAML", 2),
        (b'{"a": 1,\n "b": [}', "not valid JSON", 2),
        (b"a: {<<: 1}\n", "<< takes a mapping", 1),
        (b"a: \xff\n", "not UTF-8", 0),
    ],
)
def test_what_is_refused_and_where(text: bytes, message: str, line: int) -> None:
    with pytest.raises(UnreadableError, match=message) as caught:
        read(text)
    assert caught.value.line == line


def test_a_byte_order_mark_of_a_yaml_document_is_skipped() -> None:
    assert read(b"\xef\xbb\xbfa: 1\n") == {"a": 1}


def test_a_yaml_document_may_begin_with_a_brace() -> None:
    assert read(b"{a: 1, b: [x]}") == {"a": 1, "b": ["x"]}


def bomb(first: bytes, layer: Callable[[bytes], bytes]) -> bytes:
    """Ten lines, of which each stands for ten times the line before."""
    lines = [b"a: &a " + first]
    lines += [b"%c: &%c " % (name, name) + layer(b"*%c" % (name - 1)) for name in b"bcdefghi"]
    return b"\n".join(lines)


@rows(
    "text",
    [
        bomb(b"[x, x]", lambda alias: b"[" + b",".join([alias] * 10) + b"]"),
        bomb(b"{x: 1}", lambda alias: b"{" + b",".join(b"k%d: %s" % (i, alias) for i in range(10)) + b"}"),
        bomb(b"{x: 1}", lambda alias: b"{<<: [" + b",".join([alias] * 10) + b"]}"),
    ],
    ids=["lists", "mappings", "merge keys"],
)
def test_a_bomb_of_aliases_is_refused_at_once(text: bytes) -> None:
    with pytest.raises(UnreadableError, match="aliases stand for more than"):
        read(text)


@rows("opening", [b"[", b"{a: ", b"- ", b'{"a":', b"? "])
def test_depth_is_bounded_before_anything_recurses(opening: bytes) -> None:
    with pytest.raises(UnreadableError):
        read(opening * 200_000)
    assert MAX_DEPTH < 200


@rows("levels", [MAX_DEPTH - 1, MAX_DEPTH + 1])
def test_json_is_as_deep_as_yaml_at_most(levels: int) -> None:
    text = b'{"a":' * levels + b"1" + b"}" * levels
    if levels < MAX_DEPTH:
        assert read(text) == read(b"# not JSON\n" + text)
    else:
        for each in (text, b"# not JSON\n" + text):
            with pytest.raises(UnreadableError, match="levels"):
                read(each)


def test_how_many_nodes_a_document_has_is_told_and_bounded() -> None:
    json, yaml = b'{"a": [1, 2, {"b": null}]}', b"a: [1, 2, {b: }]"
    assert read_counted(json, 100)[1] == 6
    assert read_counted(yaml, 100)[1] >= 6
    for text in (json, yaml):
        with pytest.raises(UnreadableError, match="more than 3 nodes"):
            read_counted(text, 3)


def test_aliases_may_stand_for_some_nodes_but_not_for_many() -> None:
    few = b"a: &a [" + b"x," * 100 + b"]\nb: [" + b"*a," * 900 + b"]\n"
    assert len(read(few)["b"]) == 900
    with pytest.raises(UnreadableError, match="aliases stand for more than 100,000 nodes"):
        read(few.replace(b"x,", b"x,x,"))


def test_a_very_long_number_is_not_converted() -> None:
    assert read(b"a: " + b"9" * 100_000)["a"] == "9" * 100_000


def test_a_document_that_is_too_large_is_refused() -> None:
    with pytest.raises(UnreadableError, match="larger than"):
        read(b" " * (32 * 1024 * 1024 + 1))
