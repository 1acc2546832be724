"""What RFC 6570 has written is read back, over the test suite of its authors.

The styles are some of its operators: ``{x}`` is simple, ``{.x}`` label, ``{;x}`` matrix, ``{?x}`` and ``{&x}`` are
form. An expansion by one of them, of which the variables are declared as parameters, gives the variables back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from portcullis.engine.openapi.arguments import ArgumentReader
from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.parameter_reading import read_parameter
from portcullis.engine.openapi.problems import Problem, Problems
from portcullis.engine.request import RequestView

STYLES = {"": ("path", "simple"), ".": ("path", "label"), ";": ("path", "matrix"), "?": ("query", "form")}
STYLES["&"] = STYLES["?"]
EXPRESSION = re.compile(r"\{([.;?&+#/]?)([^{}]+)\}")

# What is not given back, and why: each of these is needed.
NOT_ONE_TEXT = "several values in one text of a path: in OpenAPI each has a variable of its own"
NOT_WHOLE = "the first characters of a value are not the value"
NOTHING = "nothing is written, and in a path no variable is nothing"
NOT_A_NAME = "the name of the variable is encoded in the template, that of a parameter is not"


def exception_of(operator: str, declared: list[str], expansion: str) -> str | None:
    """Why the values can't be given back, if they can't."""
    in_path = STYLES[operator][0] == "path"
    if any(":" in name for name in declared):
        return NOT_WHOLE
    if any("%" in name for name in declared):
        return NOT_A_NAME
    if in_path and len(declared) > 1:
        return NOT_ONE_TEXT
    if in_path and not expansion.strip("."):
        return NOTHING
    return None


def expressions(corpora: Path) -> Iterator[tuple[str, str, dict[str, Any], str]]:
    """Templates that are one expression, perhaps with text around it; its operator, variables, and an expansion."""
    folder = corpora / "url" / "uritemplate"
    for file in ("spec-examples-by-section.json", "spec-examples.json", "extended-tests.json"):
        for group in json.loads((folder / file).read_text(encoding="utf-8")).values():
            for template, expansions in group["testcases"]:
                found = EXPRESSION.search(template)
                if found is None or found[1] not in STYLES or len(EXPRESSION.findall(template)) > 1 or not expansions:
                    continue
                before, after = template[: found.start()], template[found.end() :]
                for expansion in [expansions] if isinstance(expansions, str) else expansions:
                    if expansion.startswith(before) and expansion.endswith(after):  # else the text around is encoded
                        written = expansion.removeprefix(before).removesuffix(after)
                        yield found[0], found[1], group["variables"], written


def schema_of(value: Any) -> dict[str, Any]:
    if isinstance(value, list):
        return {"type": "array", "items": {"type": "string"}}
    if isinstance(value, dict):
        return {"type": "object", "properties": {name: {"type": "string"} for name in value}}
    return {"type": "string"}


def texts(value: Any) -> Any:
    """``value`` as RFC 6570 knows it: numbers are texts (2.3)."""
    if isinstance(value, list):
        return list(map(texts, value))
    return {name: texts(item) for name, item in value.items()} if isinstance(value, dict) else str(value)


def read_back(operator: str, declared: list[str], variables: dict[str, Any], expansion: str) -> dict[str, Any]:
    location, style = STYLES[operator]
    raw = []
    for name in declared:
        value = variables.get(name.rstrip("*"))
        raw.append(
            {
                "name": name.rstrip("*"),
                "in": location,
                "style": style,
                "explode": name.endswith("*"),
                "schema": schema_of(value),
            }
        )
    root = {"parameters": raw}
    unsupported: list[Problem] = []
    graph = SchemaGraph(root, "3.1.0", Problems())
    parameters = [read_parameter(graph, f"/parameters/{at}", each, unsupported) for at, each in enumerate(raw)]
    assert not unsupported
    specs = [each for each in parameters if each is not None]
    names = {each.schema: each.name for each in specs if each.schema is not None}
    mark = ";" if style == "matrix" else ""
    reader = ArgumentReader(specs, names, lambda _values: True, "refuse", route=f"/{mark}{{{raw[0]['name']}}}")
    request = RequestView("GET", "/", [], {})
    if location == "query":
        request.query = expansion[1:]
    else:
        request.path = f"/{expansion}"
        request.path_values = {raw[0]["name"]: unquote(expansion)}
    values, change = reader.read(request)
    assert change is None
    return values


def test_expansions_give_their_values_back(corpora: Path) -> None:
    read, needed = 0, set()
    for expression, operator, variables, expansion in expressions(corpora):
        declared = expression.strip("{}.;?&").split(",")
        wanted = {
            name.rstrip("*"): texts(variables[name.rstrip("*")])
            for name in declared
            if variables.get(name.rstrip("*")) not in (None, [], {})
        }
        if reason := exception_of(operator, declared, expansion):
            needed.add(reason)
            continue
        assert read_back(operator, declared, variables, expansion) == wanted, (expression, expansion)
        read += 1
    assert read > 100
    assert needed == {NOT_ONE_TEXT, NOT_WHOLE, NOTHING, NOT_A_NAME}
