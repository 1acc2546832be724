"""What CEL expressions give, as cel-spec has it, fact by fact; and Google's library agrees."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from rows import rows
from yaml_files import read_yaml

from portcullis.engine.cel.errors import InvalidRuleError
from portcullis.engine.cel.types import Type
from portcullis.engine.cel.values import Timestamp

FACTS = Path(__file__).parent / "facts"
OUTCOMES = {"is_true": ("bool", True), "is_false": ("bool", False), "is_error": "ERROR", "is_refused": "REFUSED"}
SECTIONS = (
    "basic",
    "comparisons",
    "conversions",
    "fields",
    "fp_math",
    "integer_math",
    "lists",
    "logic",
    "macros",
    "parse",
    "string",
    "timestamps",
)


def facts() -> Iterator[Any]:
    for section in SECTIONS:
        table = read_yaml(FACTS / f"{section}.yaml")
        given = {name: (type_of(each["type"]), value_of(each)) for name, each in table.get("given", {}).items()}
        for fact in table["facts"]:
            found = [(text, plain_of(value)) for text, value in fact.get("values", ())]
            found += [(text, gives) for key, gives in OUTCOMES.items() for text in fact.get(key, ())]
            for text, gives in found:
                yield pytest.param(text, given, gives, fact.get("ours", False), id=f"{section}: {text}")


def type_of(text: str) -> Type:
    name, _, inner = text.partition("(")
    of = re.findall(r"\w+", inner)
    return Type(name, tuple(map(type_of, of)))


def value_of(given: Mapping[str, Any]) -> Any:
    return Timestamp(given["value"] * 10**9) if given["type"] == "timestamp" else given["value"]


def plain_of(written: Mapping[str, Any]) -> Any:
    """A value as it is written in the tables, in the shape in which evaluated ones come."""
    [(kind, value)] = written.items()
    if kind == "list":
        return [plain_of(item) for item in value]
    if kind == "map":
        return {repr(("str", key)): plain_of(item) for key, item in value.items()}
    if kind == "bytes":
        return ("bytes", bytes.fromhex(value))
    return ({"string": "str", "null": "nonetype"}.get(kind, kind), value)


TABLE = list(facts())


def named_keys(value: Any) -> Any:
    """``value`` with nothing but the texts of its keys: the library does not hand out what else they are."""
    if isinstance(value, list):
        return [named_keys(item) for item in value]
    if isinstance(value, dict):
        return {key.strip("()").rpartition(", ")[2]: named_keys(item) for key, item in value.items()}
    return value


@rows(("text", "given", "gives", "ours"), TABLE)
def test_an_expression_gives_what_the_specification_says(
    text: str, given: dict[str, Any], gives: Any, ours: bool, compile_expression: Callable[..., Any]
) -> None:
    types = {name: declared for name, (declared, _) in given.items()}
    try:
        expression = compile_expression(text, types)
    except InvalidRuleError:
        assert gives == "REFUSED"
        return
    found = expression.value({name: value for name, (_, value) in given.items()})
    assert named_keys(found) == named_keys(gives)


@pytest.mark.slow
@rows(("text", "given", "gives", "ours"), [row for row in TABLE if not row.values[3]])
def test_the_library_agrees(
    text: str, given: dict[str, Any], gives: Any, ours: bool, library: Callable[..., Any]
) -> None:
    types = {name: declared for name, (declared, _) in given.items()}
    try:
        found = library(text, types, {name: value for name, (_, value) in given.items()})
    except RuntimeError:
        found = "REFUSED"
    assert named_keys(found) == named_keys(gives)


def test_the_tables_hold_what_they_should() -> None:
    assert len(TABLE) > 700
    named = {path.stem for path in FACTS.glob("*.yaml")} - {"not_applicable"}
    assert named == set(SECTIONS)
    assert not named & read_yaml(FACTS / "not_applicable.yaml")["files"].keys()
