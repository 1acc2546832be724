"""Formats: by the JSON Schema test suite, and for those of the OpenAPI registry by example."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from rows import rows

from portcullis.engine.openapi.compiling import compile_schema
from portcullis.engine.openapi.formats import FORMATS, is_broken_by
from portcullis.engine.openapi.wording import sentence

# These formats hold no strings back, or only say how they are to be shown.
WITHOUT_CONSTRAINT = ("binary", "password", "html", "commonmark", "double")


@rows("draft", ["draft2020-12", "draft4"])
def test_the_json_schema_test_suite(corpora: Path, compile_at: Any, draft: str) -> None:
    wrong, count = [], 0
    folder = corpora / "json" / "json-schema-test-suite" / "tests" / draft / "optional" / "format"
    version = "3.1.0" if draft == "draft2020-12" else "3.0.3"
    for path in sorted(folder.glob("*.json")):
        for group in json.loads(path.read_text(encoding="utf-8")):
            group["schema"].pop("$schema", None)
            check = compile_at(group["schema"], "", version, closed=True)
            for test in group["tests"]:
                count += 1
                if check.fits(test["data"]) != test["valid"]:
                    wrong.append(f"{path.stem}: {test['description']}")
                assert bool(check.violations(test["data"])) != check.fits(test["data"])
    assert wrong == EXCEPTIONS[draft]
    assert count > {"draft2020-12": 700, "draft4": 200}[draft]


EXCEPTIONS = {
    "draft2020-12": [],
    # RFC 5891 keeps names with hyphens in the third and fourth place for itself; draft 4 is older than that rule.
    "draft4": ["hostname: hostname with consecutive hyphens (RFC1123)"],
}

EXAMPLES: list[tuple[str, list[Any], list[Any]]] = [
    ("int8", [-128, 127, 5.0, "any text"], [-129, 128, 1.5]),
    ("int16", [-32768, 32767], [-32769, 32768]),
    ("int32", [-(2**31), 2**31 - 1], [-(2**31) - 1, 2**31, 0.5]),
    ("int64", [-(2**63), 2**63 - 1, "0", "-9223372036854775808", "9223372036854775807"], [2**63, -(2**63) - 1]),
    ("int64", ["-1", "12"], ["9223372036854775808", "-9223372036854775809", "1" * 20, "", "+1", "01", "1.0", "1\n"]),
    ("uint8", [0, 255], [-1, 256]),
    ("uint16", [0, 65535], [-1, 65536]),
    ("uint32", [0, 2**32 - 1], [-1, 2**32]),
    ("uint64", [0, 2**64 - 1, "18446744073709551615"], [-1, 2**64, "18446744073709551616", "-1"]),
    ("double-int", [2**53 - 1, -(2**53) + 1], [2**53, 1.5]),
    ("float", [1.5, 3.4e38, 0], [3.5e38, -1e300]),
    ("double", [1.5, 1e300], []),
    ("decimal", ["1", "-1.5", ".5", "1e10", 1.5], ["", "1.2.3", "one", "1 "]),
    ("decimal128", ["1.5", "NaN", "-INF", "INF"], ["nan", "1" * 35, "infinity"]),
    ("byte", ["", "YQ==", "YWI=", "YWJj"], ["YQ", "YQ=", "Y Q=", "YWJj\n", "YW-j"]),
    ("base64url", ["", "YQ", "YQ==", "YW-_"], ["Y", "YW+/", "YQ="]),
    ("char", ["a", "ä"], ["", "ab"]),
    ("date-time-local", ["2024-02-29T12:00:00", "2024-05-31T23:59:59.5"], ["2023-02-29T12:00:00", "2024-05-31"]),
    ("date-time-local", [], ["2024-05-31T12:00:00Z", "2024-04-31T12:00:00", "2024-05-31T24:00:00"]),
    ("time-local", ["12:00:00", "23:59:59.123"], ["12:00", "24:00:00", "12:00:00Z"]),
    (
        "http-date",
        ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"],
        ["Sun, 06 Nov 1994 08:49:37", "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT", "today"],
    ),
    ("media-range", ["*/*", "text/*", 'text/plain; charset="utf-8"', "a/b;c=d"], ["text", "text/", "a b/c", "a/b;c"]),
    ("sf-integer", [-(10**15) + 1, 10**15 - 1], [10**15, 1.5]),
    ("sf-decimal", [1.5, 999999999999.999], [1.0005, 10**12]),
    ("sf-string", ['""', '"a \\" b"'], ["a", '"a', '"ä"', '"a"b"']),
    ("sf-token", ["a", "*a/b:c"], ["", "1a", "a b"]),
    ("sf-binary", [":YQ==:", "::"], ["YQ==", ":YQ==", ":Y Q:"]),
    ("sf-boolean", ["?1", "?0"], ["1", "true", "?2"]),
    *((name, ["", "anything", "\x00"], []) for name in WITHOUT_CONSTRAINT),
    ("registered by nobody", ["anything", 1], []),
]


@rows(("name", "fitting", "wrong"), EXAMPLES, ids=[example[0] for example in EXAMPLES])
def test_formats_of_the_registry(compiled: Any, name: str, fitting: list[Any], wrong: list[Any]) -> None:
    check = compiled({"format": name})
    assert [value for value in fitting if not check.fits(value)] == []
    assert [value for value in wrong if check.fits(value)] == []
    for value in wrong:
        assert [keyword for _, keyword in check.violations(value)] == ["format"]
        assert check.found(value)[0].source == "/root/format"


def test_they_can_be_ignored(compiled: Any) -> None:
    check = compiled({"format": "date", "type": "string"}, asking={"formats": False})
    assert check.fits("tomorrow")
    assert compiled({"format": "int32", "type": "integer"}, asking={"formats": False}).fits(2**40)


def test_only_what_its_types_can_break_is_checked() -> None:
    assert FORMATS["int32"].keywords(["string"]) is None
    assert FORMATS["date"].keywords(["integer", "null"]) is None
    assert FORMATS["int32"].keywords(["integer", "null"]) == {"minimum": -(2**31), "maximum": 2**31 - 1}
    assert FORMATS["int32"].keywords(["number"]) == {"minimum": -(2**31), "maximum": 2**31 - 1, "multipleOf": 1}
    assert set(FORMATS["int64"].keywords(()) or ()) == {"minimum", "maximum", "multipleOf", "pattern"}


@rows(
    ("schema", "fitting", "wrong"),
    [
        ({"type": "integer", "format": "int32", "minimum": 1}, [1, 2**31 - 1], [0, 2**31]),
        ({"type": "integer", "format": "int32", "minimum": -(2**40)}, [-(2**31)], [-(2**31) - 1]),
        ({"type": "string", "format": "byte", "pattern": "^Y"}, ["YQ=="], ["ZQ==", "Y"]),
        ({"type": "number", "format": "int32", "multipleOf": 0.5}, [1, 2.0], [0.5, 0.25]),
        ({"type": ["string", "null"], "format": "uuid"}, [None, "123e4567-e89b-12d3-a456-426614174000"], ["x"]),
        ({"type": "string", "format": "char", "maxLength": 0}, [], ["", "a"]),
        ({"oneOf": [{"format": "date"}, {"format": "date-time"}], "type": "string"}, ["2024-05-31"], ["x"]),
        ({"not": {"type": "string", "format": "ipv4"}}, ["example.com"], ["127.0.0.1"]),
    ],
)
def test_formats_beside_other_rules(compiled: Any, schema: Any, fitting: list[Any], wrong: list[Any]) -> None:
    check = compiled(schema)
    assert [value for value in fitting if not check.fits(value)] == []
    assert [value for value in wrong if check.fits(value)] == []
    assert all(check.violations(value) for value in wrong)


@rows(
    ("schema", "value", "said"),
    [
        ({"type": "string", "format": "date"}, "x", "must be string, a date such as 2024-05-31"),
        ({"type": "string", "format": "byte"}, "x", "must be string, base64"),
        ({"type": "string", "format": "byte", "pattern": "^Y"}, "Y", "must be base64"),
        ({"type": "integer", "format": "int32"}, 2**40, "must be a signed 32-bit integer"),
        ({"type": "integer", "format": "int32", "minimum": 1}, 2**40, "must be a signed 32-bit integer, minimum 1"),
        ({"type": "integer", "format": "int32", "minimum": 1}, 0, "must be a signed 32-bit integer, minimum 1"),
        ({"type": "integer", "format": "int32"}, "x", "must be a signed 32-bit integer"),
    ],
)
def test_what_is_said(compiled: Any, schema: Any, value: Any, said: str) -> None:
    assert sentence(compiled(schema).found(value)[0]) == said


def test_what_is_part_of_a_format() -> None:
    assert is_broken_by("int32", "maximum", 2**31 - 1)
    assert not is_broken_by("int32", "maximum", 5)
    assert not is_broken_by("", "maximum", 5)
    assert is_broken_by("date", "format", "date")


@rows("name", sorted(FORMATS))
def test_they_take_linear_time(name: str) -> None:
    fits = compile_schema({"format": name, **(FORMATS[name].keywords(()) or {})}).is_valid
    texts = ["a" * 100_000, "1" * 100_000, "=" * 100_000, '"' + "\\\\" * 50_000, "a/b" + "; " * 50_000, "a." * 50_000]
    started = time.perf_counter()
    for text in texts:
        fits(text)
    assert time.perf_counter() - started < 0.5
