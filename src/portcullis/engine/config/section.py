"""The base of every mapping in the configuration file.

It stands alone, below the model, because the policy kinds' own config models derive from it and the model
is made from those.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


class Section(BaseModel):
    """A mapping in the file: unknown keys are errors, and what is read is never changed.

    Nothing is guessed: ``"yes"`` is no boolean and ``"5"`` no number. A string below a field is its
    documentation: the reference and the JSON Schema for editors are made from it (:mod:`.descriptions`).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ListedSection(Section):
    """A mapping for which the list at its key ``listed`` may stand: ``[a]`` is short for ``{all_of: [a]}``."""

    listed: ClassVar[str] = "all_of"

    @model_validator(mode="before")
    @classmethod
    def _list_is_short(cls, value: object) -> object:
        return {cls.listed: value} if isinstance(value, list) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler.resolve_ref_schema(handler(core_schema))
        listed: dict[str, Any] = {**schema["properties"][cls.listed], "title": schema.get("title", "")}
        return {"anyOf": [listed, schema], "description": schema.get("description", "")}
