"""What a document declares as bodies: which media types, and how each is read.

Three things decide how a body is read: its media type, its schema, and for the fields of forms the Encoding Objects
that go with them. All of it is settled here, when the document is loaded. Of answers only the schemas are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from portcullis.engine import media_type
from portcullis.engine.media_type import MediaType
from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.body_sizes import UNBOUNDED, Size, longest_text, most_items, size_of
from portcullis.engine.openapi.byte_schemas import Bounds, bounds_of, says_bytes
from portcullis.engine.openapi.form_reading import SpecForm, read_form
from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.multipart_reading import SpecPart, SpecParts, read_parts
from portcullis.engine.openapi.parameter_reading import not_validated
from portcullis.engine.openapi.parameters import SINGLE, Shape
from portcullis.engine.openapi.problems import Problem, Problems
from portcullis.engine.openapi.references import follow
from portcullis.engine.openapi.shape_reading import UnsupportedError, fields_of, kinds_of, shape_of
from portcullis.engine.openapi.xml_reading import SpecXml, read_xml

FORM: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"

# What a form or XML needs more than JSON does: names once more, percent codes, brackets, closing tags.
_WORDIER: Final = 4
_BESIDES: Final = 4096
_MEDIA: Final = frozenset(("image", "audio", "video", "font", "model"))


class SpecText(msgspec.Struct, frozen=True, tag="text"):
    """Text. ``shape``: the types that it is read as; ``is_free``: any text will do, so that it may stream through."""

    shape: Shape
    is_free: bool


class SpecBytes(msgspec.Struct, frozen=True, tag="bytes"):
    """Bytes that nobody reads, counted only."""

    bounds: Bounds = Bounds()


Reading = SpecForm | SpecParts | SpecXml | SpecText | SpecBytes


class SpecContent(msgspec.Struct, frozen=True, omit_defaults=True):
    """One media type (or range) of a body.

    ``schema``: the JSON pointer of its schema, if it has one; ``reading``: how a request's body is read if it is not
    JSON, ``None`` if there is no way; ``size``: the most that a value may be; ``largest``: the most bytes of a body
    without undeclared fields, ``None`` where there is no bound.
    """

    media_range: MediaType
    pointer: str
    schema: str | None
    reading: Reading | None = None
    size: Size = UNBOUNDED
    largest: int | None = None

    @property
    def holds_json(self) -> bool:
        """Whether some of what the range holds is JSON."""
        return self.media_range.is_json or (
            self.media_range.type in ("application", "*") and self.media_range.subtype == "*"
        )

    @property
    def schemas(self) -> Iterator[str]:
        """The pointers of all schemas that parts of the body are checked against."""
        if self.schema is not None:
            yield self.schema
        if isinstance(self.reading, SpecParts):
            yield from (part.schema for part in self.reading.parts if part.schema is not None)
        if isinstance(self.reading, SpecForm) and self.schema is not None:
            yield from (field.schema for field in self.reading.fields if field.schema not in (None, self.schema))


class SpecBody(msgspec.Struct, frozen=True):
    """The request body of an operation."""

    pointer: str
    required: bool
    content: tuple[SpecContent, ...]

    @property
    def largest(self) -> int | None:
        """The most bytes that a body without undeclared fields may have; ``None`` where there is no bound."""
        sizes = [each.largest for each in self.content]
        return None if None in sizes else max((size for size in sizes if size is not None), default=None)


def read_body(graph: SchemaGraph, pointer: str, problems: Problems, unsupported: list[Problem]) -> SpecBody:
    """The request body of which the Request Body Object, or a reference to one, stands at ``pointer``.

    What is wrong with it is noted in ``problems``, what can't be validated in ``unsupported``.
    """
    pointer, raw = follow(graph.root, pointer, problems)
    if not isinstance(raw, dict) or not isinstance(raw.get("content"), dict):
        problems.error(pointer, "this is not a request body")
        return SpecBody(pointer, required=False, content=())
    content: list[SpecContent] = []
    unread: list[Problem] = []
    for each in read_content(pointer, raw["content"], problems):
        missed: list[Problem] = []
        content.append(_BodyReader(graph, each, problems, missed).read())
        unread += missed
    # Where one of several media types can't be read the others can be sent, and this one is refused.
    if content and not any(each.holds_json or each.reading is not None for each in content):
        unsupported += unread
    else:
        for problem in unread:
            problems.warning(problem.pointer, f"{problem.message}: such bodies are refused")
    return SpecBody(pointer, raw.get("required", False) is True, tuple(content))


def read_content(owner: str, declared: dict[str, Any], problems: Problems) -> Iterator[SpecContent]:
    """Each media type of ``declared``, the ``content`` of the object at ``owner``."""
    for name, media in declared.items():
        here = pointers.join(owner, "content", name)
        try:
            media_range = media_type.parse(name)
        except ValueError:
            problems.error(here, f"{name[:80]} is not a media type or range")
            continue
        schema = pointers.join(here, "schema") if "schema" in media else None
        yield SpecContent(media_range, here, schema)


class _BodyReader:
    """Reads how bodies of ``content`` are read. What can't be is noted in ``unread``."""

    def __init__(self, graph: SchemaGraph, content: SpecContent, problems: Problems, unread: list[Problem]) -> None:
        self.graph = graph
        self.content = content
        encoding = pointers.look_up(graph.root, content.pointer).get("encoding")
        self.encoding: dict[str, Any] = encoding if isinstance(encoding, dict) else {}
        self.problems = problems
        self.unread = unread

    def read(self) -> SpecContent:
        """The content with all that requests need."""
        content = self.content
        size = UNBOUNDED if content.schema is None else size_of(self.graph, content.schema)
        before = len(self.unread)
        reading = self._reading()
        if len(self.unread) > before:
            reading = None
        return msgspec.structs.replace(content, reading=reading, size=size, largest=self._largest(reading, size))

    def _reading(self) -> Reading | None:
        content, schema = self.content, self.content.schema
        media_range = content.media_range
        if media_range.essence == FORM:
            return read_form(self.graph, content.pointer, schema, self.encoding, self.unread)
        if media_range.essence == MULTIPART:
            return read_parts(self.graph, content.pointer, schema, self.encoding, self.unread)
        if media_range.type == "multipart":
            self._note(f"a body of {media_range} can't be validated: of multipart only form-data is")
            return None
        if media_range.is_json:
            return None
        if schema is not None and says_bytes(self.graph, schema):
            return SpecBytes(bounds_of(self.graph, schema))
        if media_range.is_range and media_range.type not in ("text", *_MEDIA):
            return None  # what of it is no JSON has to be declared by its name
        if media_range.is_xml:
            return self._xml(schema)
        if media_range.type == "text":
            return self._text(schema)
        return self._opaque(schema)

    def _xml(self, schema: str | None) -> Reading | None:
        try:
            return read_xml(self.graph, schema)
        except UnsupportedError as error:
            self._note(f"a body of {self.content.media_range} can't be validated: {error}")
            return None

    def _text(self, schema: str | None) -> Reading:
        if schema is None:
            return SpecText(Shape(("string",)), is_free=True)
        try:
            shape = shape_of(self.graph, schema, SINGLE)
        except UnsupportedError:
            return self._opaque(schema)
        return SpecText(shape, is_free=self.graph.view(schema) in ({}, {"type": "string"}))

    def _opaque(self, schema: str | None) -> Reading:
        """What no rule here can read: it passes, since the document names its very type."""
        if schema is not None and (kinds_of(self.graph, (schema,)) or ("string",)) != ("string",):
            name = self.content.media_range
            self.problems.warning(self.content.pointer, f"bodies of {name} are only counted: nothing here reads them")
        return SpecBytes()

    def _note(self, message: str) -> None:
        self.unread.append(not_validated(self.content.pointer, message))

    def _largest(self, reading: Reading | None, size: Size) -> int | None:
        schema = self.content.schema
        match reading:
            case SpecBytes(bounds):
                return bounds.most
            case SpecParts(parts):
                return self._largest_of_parts(parts)
            case SpecText(shape, _) if schema is not None and shape.scalars == ("string",):
                most = longest_text(self.graph, schema)
                return None if most is None else 4 * most
            case SpecForm() | SpecXml():
                return None if size.length is None else _WORDIER * size.length + _BESIDES
        return size.length

    def _largest_of_parts(self, parts: tuple[SpecPart, ...]) -> int | None:
        """The most bytes of all parts together, each with its header fields."""
        schema = self.content.schema
        properties = {} if schema is None else fields_of(self.graph, (schema,)).properties
        total = _BESIDES
        for part in parts:
            schemas = properties.get(part.name, [])
            if part.is_list:
                items = tuple(fields_of(self.graph, tuple(schemas)).items)
                count = most_items(self.graph, *schemas)
            else:
                items, count = tuple(schemas), 1
            most = part.bounds.most if part.form == "bytes" else size_of(self.graph, *items).length
            if not items or most is None or count is None or part.is_deep:
                return None
            total += count * (_WORDIER * most + _BESIDES)
        return total
