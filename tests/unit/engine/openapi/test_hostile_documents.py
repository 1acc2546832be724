"""Documents that stand for more than they are: loaded or refused, in bounded time and memory."""

from __future__ import annotations

import contextlib
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.openapi.document import SpecDocument, load_document

pytestmark = pytest.mark.slow

SECONDS: Final = 15
"""Of CPU time. The slowest here takes a fifth of that."""
MEGABYTES: Final = 600


def ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def document(schemas: dict[str, Any], version: str = "3.1.0") -> bytes:
    """A document of which one operation takes and gives ``S0`` of ``schemas``."""
    content = {"content": {"application/json": {"schema": ref("S0")}}}
    operation = {"requestBody": content, "responses": {"200": {"description": "Fine.", **content}}}
    root = {
        "openapi": version,
        "info": {"title": "T", "version": "1"},
        "paths": {"/a": {"post": operation}},
        "components": {"schemas": schemas},
    }
    return orjson.dumps(root)


def levels(count: int, level: Callable[[str], Any]) -> dict[str, Any]:
    """Schemas of which each is made of the next."""
    return {**{f"S{n}": level(f"S{n + 1}") for n in range(count)}, f"S{count}": {"properties": {"a": {}}}}


def nested(count: int, level: Callable[[Any], Any], innermost: Any) -> dict[str, Any]:
    """One schema of ``count`` levels."""
    schema = innermost
    for _ in range(count):
        schema = level(schema)
    return {"S0": schema}


def yaml_of_aliases(count: int, width: int) -> bytes:
    """Schemas in YAML, of which each holds the one before ``width`` times."""
    lines = ["openapi: 3.0.3", "info: {title: T, version: '1'}", "paths: {}", "components:", "  schemas:"]
    lines.append("    s0: &s0 {type: object}")
    for level in range(1, count):
        properties = ", ".join(f"p{number}: *s{level - 1}" for number in range(width))
        lines.append(f"    s{level}: &s{level} {{type: object, properties: {{{properties}}}}}")
    return "\n".join(lines).encode()


def path_items(count: int) -> bytes:
    parameter = {"name": "a", "in": "path", "required": True, "schema": {"type": "string"}}
    item = {"get": {"parameters": [parameter], "responses": {"200": {"description": "Fine."}}}}
    root = {
        "openapi": "3.0.3",
        "info": {"title": "T", "version": "1"},
        "paths": {f"/p{n}/{{a}}": item for n in range(count)},
    }
    return orjson.dumps(root)


def outcome(source: str, data: bytes) -> SpecDocument | ConfigurationError:
    try:
        return load_document(source, data)
    except ConfigurationError as error:
        return error


CASES: dict[str, bytes] = {
    "allOf of two of the next": document(levels(40, lambda name: {"allOf": [ref(name), ref(name)]})),
    "oneOf of two of the next": document(levels(40, lambda name: {"oneOf": [ref(name), ref(name)]})),
    "anyOf of two of the next, in 3.0": document(levels(40, lambda name: {"anyOf": [ref(name), ref(name)]}), "3.0.3"),
    "two properties of the next": document(levels(60, lambda name: {"properties": {"a": ref(name), "b": ref(name)}})),
    "a property declared twice": document(
        levels(25, lambda name: {"allOf": [{"properties": {"p": ref(name)}}, {"properties": {"p": ref(name)}}]})
    ),
    "a long chain of references": document(levels(5_000, ref)),
    "a circle of choices": document(
        {f"S{n}": {"oneOf": [ref(f"S{(n * 7 + m) % 200}") for m in range(1, 6)]} for n in range(200)}
    ),
    "everything refers to everything": document(
        {f"S{n}": {"properties": {f"p{m}": ref(f"S{m}") for m in range(60)}} for n in range(60)}
    ),
    "levels of properties": document(nested(90, lambda schema: {"properties": {"a": schema}}, {})),
    "levels of allOf": document(nested(47, lambda schema: {"allOf": [schema]}, {})),
    "nullable levels": document(nested(47, lambda schema: {"nullable": True, "not": schema}, {}), "3.0.3"),
    "levels that end badly": document(nested(40, lambda schema: {"properties": {"a": schema}}, {"type": 7}), "3.0.3"),
    "many schemas that are wrong": document(
        {f"S{n}": {"type": "strin", "oneOf": [{"type": 7}]} for n in range(5_000)}, "3.0.3"
    ),
    "a choice of thousands": document(
        {"S0": {"oneOf": [ref(f"T{n}") for n in range(3_000)]}, **{f"T{n}": {} for n in range(3_000)}}
    ),
    "a pattern that is too large": document({"S0": {"pattern": "(a{1,1000}){1,1000}"}}),
    "a pattern of many levels": document({"S0": {"pattern": "(" * 5_000 + "a" + ")" * 5_000}}),
    "aliases, a few": yaml_of_aliases(5, 14),
    "aliases, billions": yaml_of_aliases(12, 14),
    "many paths": path_items(5_000),
    "a long path": orjson.dumps(
        {"openapi": "3.0.3", "info": {"title": "T", "version": "1"}, "paths": {"/" + "{a}-" * 100_000: {"get": {}}}}
    ),
    "brackets": b'{"openapi":' + b"[" * 500_000,
    "flow levels": b"openapi: " + b"[" * 500_000,
    "indentation": b"".join(b" " * n + b"a:\n" for n in range(3_000)),
}


@pytest.fixture
def measured() -> Iterator[None]:
    """Time and memory that a test takes are bounded."""
    tracemalloc.start(1)
    began = time.process_time()
    yield
    seconds = time.process_time() - began
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seconds < SECONDS * 3  # tracing itself takes most of it
    assert peak < MEGABYTES * 2**20


@pytest.mark.parametrize("name", CASES)
def test_a_document_is_loaded_or_refused_in_bounded_time(name: str) -> None:
    began = time.process_time()
    loaded = outcome("x.yaml", CASES[name])
    if isinstance(loaded, SpecDocument):
        with contextlib.suppress(ConfigurationError):
            loaded.checks("allow")
            loaded.checks("refuse", "response")
    else:
        assert all(len(str(each)) < 2_000 for each in loaded.diagnostics)
    assert time.process_time() - began < SECONDS


@pytest.mark.usefixtures("measured")
@pytest.mark.parametrize("name", ["allOf of two of the next", "aliases, billions"])
def test_a_document_is_loaded_or_refused_in_bounded_memory(name: str) -> None:
    assert outcome("x.yaml", CASES[name])


def test_hostile_documents_of_others(corpora: Path) -> None:
    folder = corpora / "openapi/mermade-examples"
    files = sorted(path for path in folder.rglob("*") if "malicious" in path.parts and path.is_file())
    assert len(files) >= 6
    for path in files:
        began = time.process_time()
        loaded = outcome(path.name, path.read_bytes())
        # Code in names and texts is just text here.
        assert isinstance(loaded, SpecDocument) or loaded.diagnostics[0].line > 0, path.name
        assert time.process_time() - began < SECONDS, path.name


def test_files_of_a_document_are_bounded_together() -> None:
    """A few files, which refer to each other from everywhere."""
    many = {f"p{n}": {"$ref": f"{n}.json"} for n in range(100)}
    content = orjson.dumps({"properties": many})
    root = {
        "openapi": "3.1.0",
        "info": {"title": "T", "version": "1"},
        "paths": {},
        "components": {"schemas": {"A": {"$ref": "0.json"}}},
    }
    began = time.process_time()
    document = load_document("x.json", orjson.dumps(root), lambda _path: content)
    assert len(document.sources.digests) == 101
    assert time.process_time() - began < SECONDS
