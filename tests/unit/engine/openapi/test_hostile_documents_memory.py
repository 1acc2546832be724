"""Documents that are made to hurt, each in a process of its own whose memory is bounded, whoever allocates it.

Most of a check lives in compiled libraries, where nothing in Python sees what they take. So each document is loaded by
a child that may have a gigabyte, all checks of it are made, and small values are checked. It must be done or refused
within seconds, a refusal must say why, and what was compiled must decide about small values quickly.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

SECONDS = 20
"""Of CPU time; most take less than one."""
MEMORY = 1024 * 1024 * 1024
"""Of address space, of which Python and its libraries take some 200 MiB."""


def document(schemas: dict[str, Any], version: str = "3.1.0", **operation: Any) -> dict[str, Any]:
    """A document with one operation whose body is the schema ``S0``."""
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/S0"}}}}
    post = {"requestBody": body, "responses": {"200": {"description": "Fine."}}, **operation}
    return {
        "openapi": version,
        "info": {"title": "T", "version": "1"},
        "paths": {"/a": {"post": post}},
        "components": {"schemas": schemas},
    }


def to(number: int) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/S{number}"}


def doubling(keyword: str, **version: str) -> dict[str, Any]:
    """Thirty schemas, each of which names the next one twice: written out, a billion."""
    schemas: dict[str, Any] = {f"S{n}": {keyword: [to(n + 1), to(n + 1)]} for n in range(30)}
    return document({**schemas, "S30": {"type": "object", "properties": {"a": {"type": "string"}}}}, **version)


def choices(keyword: str) -> dict[str, Any]:
    """Schemas of twenty alternatives, each of which has the next schema as a field."""
    schemas = {
        f"S{n}": {keyword: [{"properties": {f"a{n}_{i}": to(n + 1)}, "required": [f"a{n}_{i}"]} for i in range(20)]}
        for n in range(20)
    }
    return document({**schemas, "S20": {"type": "integer"}})


def crossed() -> dict[str, Any]:
    """Every one of forty schemas is all of the others, and has each of them as a field."""
    return document(
        {
            f"S{n}": {"allOf": [to(m) for m in range(40) if m != n], "properties": {f"p{m}": to(m) for m in range(40)}}
            for n in range(40)
        }
    )


def overlapping() -> dict[str, Any]:
    """Thirty schemas that one value must fit together; each has two fields, which are the next schemas in a circle."""
    schemas: dict[str, Any] = {"S0": {"allOf": [to(n) for n in range(1, 31)]}}
    for n in range(1, 31):
        schemas[f"S{n}"] = {"type": "object", "properties": {"a": to(n % 30 + 1), "b": to(n * 7 % 30 + 1)}}
    return document(schemas)


def inherited() -> dict[str, Any]:
    """A polymorphic schema with two hundred subtypes, each of which has fields of the polymorphic type."""
    base = {"type": "object", "required": ["k"], "properties": {"k": {"type": "string"}}}
    subtypes = {
        f"S{n}": {"allOf": [to(0), {"type": "object", "properties": {f"f{m}": to(0) for m in range(20)}}]}
        for n in range(1, 200)
    }
    return document({"S0": {**base, "discriminator": {"propertyName": "k"}}, **subtypes}, "3.0.3")


def nested(levels: int, wrap: Callable[[Any], Any]) -> Any:
    schema: Any = {"type": "integer"}
    for _ in range(levels):
        schema = wrap(schema)
    return document({"S0": schema})


def alias_bomb(first: str, line: str) -> bytes:
    """Lines of YAML, each of which stands for ten of the line before."""
    names = "abcdefghijklmnop"
    lines = [f"x-{names[0]}: &{names[0]} {first}"]
    for before, name in pairwise(names):
        lines.append(f"x-{name}: &{name} " + line.format(",".join([f"*{before}"] * 10), before))
    return "\n".join(["openapi: 3.1.0", "info: {title: T, version: '1'}", "paths: {}", *lines]).encode()


HOSTILE: dict[str, Callable[[], Any]] = {
    "a billion mappings": lambda: alias_bomb("{k: x}", "{{a: *{1}, b: *{1}, c: *{1}, d: *{1}}}"),
    "a billion merged keys": lambda: alias_bomb("{k: x}", "{{<<: [{0}], {1}: 1}}"),
    "an alias of itself": lambda: b"openapi: 3.1.0\nx-a: &a [*a]\n",
    "a hundred thousand objects in JSON": lambda: b'{"a":' * 100_000,
    "a hundred thousand directives": lambda: b"%TAG ! tag:x,1:\n" * 100_000,
    "a hundred thousand anchors": lambda: b"".join(b"x%d: &a%d 1\n" % (n, n) for n in range(100_000)),
    "a number of a million digits": lambda: b"openapi: 3.1.0\nx: " + b"9" * 1_000_000,
    "a key of a million characters": lambda: document({"S0": {"properties": {"k" * 1_000_000: {}}}}),
    "allOf, doubling": lambda: doubling("allOf"),
    "allOf, doubling, 3.0": lambda: doubling("allOf", version="3.0.3"),
    "anyOf, doubling": lambda: doubling("anyOf"),
    "oneOf, doubling": lambda: doubling("oneOf"),
    "allOf of alternatives of fields": lambda: choices("allOf"),
    "anyOf of alternatives of fields": lambda: choices("anyOf"),
    "oneOf of alternatives of fields": lambda: choices("oneOf"),
    "schemas that are all of each other": crossed,
    "fields that many schemas declare": overlapping,
    "many subtypes of many fields": inherited,
    "a chain of twenty thousand references": lambda: document(
        {**{f"S{n}": to(n + 1) for n in range(20_000)}, "S20000": {"type": "integer"}}
    ),
    "a circle of a thousand references": lambda: document({f"S{n}": to((n + 1) % 1000) for n in range(1000)}),
    "a schema that is itself": lambda: document({"S0": to(0)}),
    "a schema that is not itself": lambda: document({"S0": {"not": to(0)}}),
    "a schema that is one of itself": lambda: document({"S0": {"oneOf": [to(0), {"type": "string"}]}}),
    "a schema if itself": lambda: document({"S0": {"if": to(0), "then": {"allOf": [to(0)]}}}),
    "arrays in one another": lambda: nested(80, lambda schema: {"type": "array", "items": schema}),
    "objects in one another": lambda: nested(40, lambda schema: {"properties": {"a": schema}, "required": ["a"]}),
    "nots in one another": lambda: nested(80, lambda schema: {"not": schema}),
    "a pattern that backtracks": lambda: document({"S0": {"type": "string", "pattern": "^(([a-z])+.)+[A-Z]([a-z])+$"}}),
    "a pattern of two hundred thousand characters": lambda: document(
        {"S0": {"type": "string", "pattern": "a?" * 100_000}}
    ),
    "a thousand patterns of names": lambda: document(
        {"S0": {"patternProperties": {f"^a{{{n}}}": to(0) for n in range(1000)}}}
    ),
    "an enum of a hundred thousand": lambda: document({"S0": {"enum": [f"value {n}" for n in range(100_000)]}}),
    "a schema of twenty thousand fields": lambda: document(
        {"S0": {"properties": {f"f{n}": {} for n in range(20_000)}}}
    ),
    "fifty thousand required fields": lambda: document({"S0": {"required": [f"f{n}" for n in range(50_000)]}}),
    "limits that fit no machine": lambda: document(
        {"S0": {"maxLength": 10**300, "maxItems": 10**300, "maximum": 10**300}}
    ),
    "ten thousand parameters": lambda: document(
        {"S0": {}}, parameters=[{"name": f"q{n}", "in": "query", "schema": {}} for n in range(10_000)]
    ),
    "ten thousand errors": lambda: document({f"S{n}": {"type": "nonsense"} for n in range(10_000)}),
    "ten thousand paths": lambda: {
        **document({"S0": {}}),
        "paths": {f"/{n}/a": {"get": {"responses": {"200": {"description": "d"}}}} for n in range(10_000)},
    },
    "a path of ten thousand characters between braces": lambda: {
        **document({"S0": {}}),
        "paths": {"/{" + "a" * 10_000 + "}" + "{b}" * 1000: {"get": {"responses": {}}}},
    },
    "a server of a thousand variables": lambda: {
        **document({"S0": {}}),
        "servers": [
            {
                "url": "/" + "".join(f"{{v{n}}}" for n in range(1000)),
                "variables": {f"v{n}": {"default": "{v0}" * 50} for n in range(1000)},
            }
        ],
    },
}

# What the child does: load what comes in, make all checks, and say what came of it.
CHILD = """
import sys
import time
from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.openapi.document import load_document
try:
    loaded = load_document("hostile", sys.stdin.buffer.read())
    for undeclared in ("refuse", "allow"):
        for direction in ("request", "response"):
            checks = loaded.checks(undeclared, direction)
            for name in checks.names.values():
                for value in ({}, [], {"a": {"a": {}}}, "x"):
                    begun = time.process_time()
                    checks.checker.fits({name: value})
                    if time.process_time() - begun > 1:
                        sys.exit("a check of a small value takes longer than a second")
    print("loaded")
except ConfigurationError as error:
    sys.exit("no diagnostics" if not error.diagnostics else 0 if all(map(str, error.diagnostics)) else "says nothing")
"""


def limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))


@pytest.mark.slow
@pytest.mark.timeout(SECONDS * 6)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_document_is_done_with_in_bounded_time_and_memory(name: str) -> None:
    made = HOSTILE[name]()
    done = subprocess.run(
        [sys.executable, "-c", CHILD],
        input=made if isinstance(made, bytes) else json.dumps(made).encode(),
        capture_output=True,
        timeout=SECONDS * 5,
        preexec_fn=limit,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b""), done.stderr.decode(errors="replace")[-2000:]
