"""Operations of Swagger 2.0, which writes bodies and answers otherwise than OpenAPI 3.

There, a body is a parameter (``in: body``), or the fields of a form are (``in: formData``), and what media types there
are is said by ``consumes`` and ``produces``, for the document or for an operation. Parameters are their own schemas.

Everything else is the same, so what is missing of OpenAPI 3 is put together here: Request Body and Response Objects,
under ``/x-synthesised`` of the tree, which hold references to the document's own schemas. What a request breaks is a
schema of the document, then, and is shown where it stands there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from portcullis.engine import media_type
from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.body_reading import SpecBody, read_body, read_content
from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.operations import OperationReader, Place
from portcullis.engine.openapi.parameter_reading import SpecParameter, not_validated, read_parameter
from portcullis.engine.openapi.problems import Problems
from portcullis.engine.openapi.response_reading import SpecResponse, declared_responses
from portcullis.engine.openapi.sources import Sources

URLENCODED: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"
_JSON: Final = "application/json"
# collectionFormat of a form's field -> style and explode of OpenAPI 3's encoding.
_STYLES: Final = {
    "csv": ("form", False),
    "ssv": ("spaceDelimited", False),
    "pipes": ("pipeDelimited", False),
    "multi": ("form", True),
}

Declared = list[tuple[str, dict[str, Any]]]


class Swagger2Reader(OperationReader):
    """Reads an operation of Swagger 2.0. What it puts together is told to ``sources``."""

    security_schemes = "/securityDefinitions"

    def __init__(self, graph: SchemaGraph, problems: Problems, place: Place, sources: Sources) -> None:
        super().__init__(graph, problems, place)
        self.sources = sources

    def parameters(self, declared: Declared) -> Iterator[SpecParameter]:
        """The parameters that are neither a body nor a field of a form."""
        for pointer, raw in declared:
            if raw["in"] not in ("body", "formData"):
                parameter = read_parameter(self.graph, pointer, raw, self.unsupported, schema=pointer)
                if parameter is not None:
                    yield parameter

    def body(self, declared: Declared) -> SpecBody | None:
        """The body, of the parameter ``in: body`` or of those ``in: formData``."""
        bodies = [(pointer, raw) for pointer, raw in declared if raw["in"] == "body"]
        fields = [(pointer, raw) for pointer, raw in declared if raw["in"] == "formData"]
        if len(bodies) > 1 or (bodies and fields):
            self.problems.error(self.place.pointer, "an operation has one body at most, or the fields of a form")
        elif bodies:
            pointer, raw = bodies[0]
            media = {"schema": {"$ref": pointers.to_reference(pointers.join(pointer, "schema"))}}
            types = self._types("consumes") or [_JSON]
            return self._synthesised_body(pointer, dict.fromkeys(types, media), required=raw.get("required", False))
        elif fields:
            return self._form(fields)
        return None

    def responses(self) -> Iterator[SpecResponse]:
        """The answers, each with its schema in all media types that the operation produces."""
        for status, pointer, raw in declared_responses(self.root, self.place.pointer, self.problems):
            content: dict[str, Any] = {}
            if "schema" in raw:
                schema = pointers.join(pointer, "schema")
                is_file = isinstance(raw["schema"], dict) and raw["schema"].get("type") == "file"
                media = {} if is_file else {"schema": {"$ref": pointers.to_reference(schema)}}
                content = dict.fromkeys(self._types("produces") or (["*/*"] if is_file else [_JSON]), media)
            here = self._synthesise(pointer, {"content": content})
            read = tuple(read_content(here, content, self.problems))
            yield SpecResponse(status, pointer, read, tuple(raw.get("headers", ())))

    def _form(self, fields: Declared) -> SpecBody:
        """The body of a form: an object that has the fields as its properties."""
        properties: dict[str, Any] = {}
        encoding: dict[str, Any] = {}
        required = [raw["name"] for _, raw in fields if raw.get("required", False)]
        has_files = any(raw.get("type") == "file" for _, raw in fields)
        for pointer, raw in fields:
            name = raw["name"]
            if raw.get("type") == "file":
                properties[name] = {"type": "string", "format": "binary"}
            else:
                properties[name] = {"$ref": pointers.to_reference(pointer)}
            if raw.get("type") == "array":
                collected = raw.get("collectionFormat", "csv")
                if collected not in _STYLES:
                    message = f"the field {name[:80]} can't be validated: collectionFormat {collected[:20]} in a form"
                    self.unsupported.append(not_validated(pointer, message))
                    collected = "csv"
                style, explode = _STYLES[collected]
                encoding[name] = {"style": style, "explode": explode}
        schema = {"type": "object", "properties": properties}
        if required:
            schema["required"] = required
        media = {"schema": schema, "encoding": encoding} if encoding else {"schema": schema}
        return self._synthesised_body(
            fields[0][0], dict.fromkeys(self._form_types(has_files=has_files), media), required=bool(required)
        )

    def _form_types(self, *, has_files: bool) -> list[str]:
        """The media types of forms that the operation consumes."""
        declared = self._types("consumes")
        forms = [name for name in declared if name.partition(";")[0].strip().lower() in (URLENCODED, MULTIPART)]
        if has_files and MULTIPART not in {name.partition(";")[0].strip().lower() for name in forms}:
            if declared:
                message = f"files come as {MULTIPART}, which consumes does not have: it is taken nevertheless"
                self.problems.warning(self.place.pointer, message)
            return [MULTIPART]
        if not forms and declared:
            message = f"fields of a form come as {URLENCODED}, which consumes does not have: it is taken nevertheless"
            self.problems.warning(self.place.pointer, message)
        return forms or [URLENCODED]

    def _types(self, key: str) -> list[str]:
        """The media types that the operation, or else the document, ``consumes`` or ``produces``."""
        own = self.raw.get(key)
        where, names = (self.place.pointer, own) if own is not None else ("", self.root.get(key, []))
        found = []
        for name in dict.fromkeys(names):
            try:
                media_type.parse(name)
            except ValueError:
                self.problems.warning(pointers.join(where, key), f"{name[:80]} is not a media type: it is ignored")
            else:
                found.append(name)
        return found

    def _synthesised_body(self, origin: str, content: dict[str, Any], *, required: bool) -> SpecBody:
        pointer = self._synthesise(origin, {"content": content, "required": required})
        return read_body(self.graph, pointer, self.problems, self.unsupported)

    def _synthesise(self, origin: str, value: dict[str, Any]) -> str:
        """Put ``value`` into the tree; gives its pointer. ``origin``: of what it was made from."""
        pointer = self.sources.synthesise(origin)
        _, key, name = pointer.split("/")
        self.root.setdefault(key, {})[name] = value
        return pointer
