"""The configuration file as JSON Schema 2020-12, for editors that complete and check while one types."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from portcullis.engine.config.descriptions import descriptions
from portcullis.engine.config.model import Configuration
from portcullis.engine.config.shape import sections, shapes_of, written

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def configuration_schema() -> dict[str, Any]:
    """The schema of the whole file. What an editor can't know (names that must exist) only ``check`` finds."""
    schema = Configuration.model_json_schema(by_alias=True, schema_generator=_Described, mode="validation")
    for _path, model in sections(Configuration):
        properties = schema["$defs"].get(model.__name__, {}).get("properties", {})
        for key, shape in shapes_of(model).items():
            if "default" in properties.get(key, {}):
                properties[key]["default"] = written(properties[key]["default"], shape)
    return {"$schema": DIALECT, **_tidied(schema), "title": "Portcullis configuration"}


class _Described(GenerateJsonSchema):
    """pydantic's generator, told what stands below the fields."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        described = super().model_schema(schema)
        model: type[BaseModel] = schema["cls"]
        for key, text in descriptions(model).items():
            described["properties"][key].setdefault("description", text)
        return described


def _tidied(node: Any) -> Any:
    """``node`` without what pydantic adds for itself: titles, whole sections as defaults, ``null`` as "not there"."""
    if isinstance(node, list):
        return [_tidied(item) for item in node]
    if not isinstance(node, dict):
        return node
    if node.get("default", 0) is None and "anyOf" in node:
        rest = {key: value for key, value in node.items() if key not in ("anyOf", "default")}
        kinds = [kind for kind in node["anyOf"] if kind != {"type": "null"}]
        node = {**kinds[0], **rest} if len(kinds) == 1 else {**rest, "anyOf": kinds}
    tidied: dict[str, Any] = {
        key: ({name: _tidied(below) for name, below in value.items()} if key in _NAMED else _tidied(value))
        for key, value in node.items()
        if not (key == "title" and isinstance(value, str)) and not (key == "default" and _says_nothing(node))
    }
    if "description" in tidied:
        tidied["description"] = " ".join(tidied["description"].replace("``", "`").split())
    if "patternProperties" in tidied:
        tidied.setdefault("additionalProperties", False)
    return tidied


def _says_nothing(node: dict[str, Any]) -> bool:
    """Whether the default of ``node`` can't be written: a whole section, or no entry where one is needed."""
    default = node["default"]
    is_section = isinstance(default, dict) and any("$ref" in kind for kind in node.get("anyOf", ()))
    return "$ref" in node or is_section or (default == [] and node.get("minItems", 0) > 0)


_NAMED: Final = ("properties", "$defs", "patternProperties")
"""Keywords below which keys are names, not keywords."""
