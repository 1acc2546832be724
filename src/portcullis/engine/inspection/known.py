"""What is known of an operation's requests before any arrives: what in them can hold an attack at all.

Where requests are validated and refused if they do not fit, the document's schemas say what each value may be. Where
they are not, or only monitored, nothing is known, and everything is looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import Final

import msgspec

from portcullis.engine import media_type
from portcullis.engine.inspection.collecting import Collect, collect_all, collector
from portcullis.engine.inspection.content import Kind, kind_of_type
from portcullis.engine.inspection.fields import ANYTHING, Field, FieldReader
from portcullis.engine.openapi.body_reading import SpecBody, SpecContent
from portcullis.engine.openapi.checker import name_of
from portcullis.engine.openapi.checks import Checks
from portcullis.engine.openapi.operations import SpecOperation

UNSEEN_FIELDS: Final = frozenset(
    (
        *(b"accept", b"accept-charset", b"accept-encoding", b"authorization", b"connection", b"content-encoding"),
        *(b"content-length", b"date", b"dnt", b"expect", b"host", b"if-match", b"if-modified-since", b"if-none-match"),
        *(b"if-range", b"if-unmodified-since", b"keep-alive", b"max-forwards", b"priority", b"proxy-authorization"),
        *(b"range", b"sec-ch-ua", b"sec-ch-ua-mobile", b"sec-ch-ua-platform", b"sec-fetch-dest", b"sec-fetch-mode"),
        *(b"sec-fetch-site", b"sec-fetch-user", b"sec-gpc", b"te", b"traceparent", b"tracestate", b"trailer"),
        *(b"transfer-encoding", b"upgrade", b"upgrade-insecure-requests"),
    )
)
"""Header fields that are not looked at: they carry credentials, are read by the gateway, or have a narrow grammar."""

_REMEMBERED: Final = 256
"""Octets of the longest Content-Type of which it is remembered what it means."""


class Argument(msgspec.Struct, frozen=True):
    """A parameter that may hold text: the ``key`` of its value in the facts, where it stands, and what it may be."""

    key: str
    location: str
    name: str
    field: Field
    collect: Collect


class Content(msgspec.Struct, frozen=True):
    """A body: its kind, what its value may be, and what collects the texts in it (``None``: there are none).

    ``is_read``: its value is in the facts, and is all that is sent on.
    """

    kind: Kind
    field: Field = ANYTHING
    collect: Collect | None = collect_all
    is_read: bool = False


class Validated(msgspec.Struct, frozen=True):
    """That requests are validated: ``checks`` holds the schemas; whether undeclared parts of query and body pass."""

    checks: Checks
    passes_query: bool = False
    passes_body: bool = False


class Known:
    """What is known of requests of ``operation``; ``validated``: ``None`` where they are not, or only monitored.

    ``credentials``: names of header fields and query parameters that carry them.
    """

    def __init__(
        self,
        operation: SpecOperation,
        validated: Validated | None,
        credential_fields: Iterable[str] = (),
        credential_queries: Collection[str] = (),
    ) -> None:
        self.operation = operation
        self.validated = validated
        self.credential_queries = frozenset(credential_queries)
        unseen = {name.lower().encode() for name in credential_fields}
        self.arguments: tuple[Argument, ...] = ()
        self.reads_path = self.reads_query = validated is None
        if validated is not None:
            self._read_parameters(validated, unseen)
        self.unseen_fields = UNSEEN_FIELDS | unseen
        self._contents = self._read_contents(operation.body, validated)
        self._ranges = tuple(self._contents)
        self._content_short = lru_cache(maxsize=32)(self._content)

    @property
    def takes_body(self) -> bool:
        """Whether there may be a body in which something is looked at."""
        if self.validated is None:
            return True
        return any(content.kind in ("multipart", "other") or content.collect for content in self._contents.values())

    def _read_parameters(self, validated: Validated, unseen: set[bytes]) -> None:
        shapes, names = _shapes(validated.checks), validated.checks.names
        found = []
        for parameter in self.operation.parameters:
            key = None if parameter.schema is None else names.get(parameter.schema)
            if key is None:
                self.reads_path |= parameter.location == "path"
                self.reads_query |= parameter.location == "query"
                continue
            field = shapes.field(key)
            collect = shapes.collector(field)
            if parameter.location == "header" and collect is None:
                unseen.add(parameter.name.lower().encode())
            elif parameter.location in ("path", "query") and collect is not None:
                found.append(Argument(key, parameter.location, parameter.name, field, collect))
        self.reads_query |= validated.passes_query
        self.arguments = tuple(
            argument
            for argument in found
            if not (self.reads_query if argument.location == "query" else self.reads_path)
        )

    @staticmethod
    def _read_contents(body: SpecBody | None, validated: Validated | None) -> Mapping[media_type.MediaType, Content]:
        if body is None or validated is None:
            return {}
        shapes, names = _shapes(validated.checks), validated.checks.names

        def read(content: SpecContent) -> Content:
            kind: Kind = kind_of_type(content.media_range)
            if content.schema is None or content.schema not in names or (validated.passes_body and kind != "json"):
                return Content(kind, is_read=content.schema is None and kind == "json")
            field = shapes.field(names[content.schema])
            return Content(kind, field, shapes.collector(field), is_read=True)

        return {content.media_range: read(content) for content in body.content}

    def content(self, field: bytes | None) -> Content:
        """What is known of a body with the Content-Type ``field``."""
        if field is not None and len(field) > _REMEMBERED:
            return self._content(field)
        return self._content_short(field)

    def _content(self, field: bytes | None) -> Content:
        try:
            actual = media_type.parse_once((field or b"").decode("latin-1"))
        except ValueError:
            return Content("other")
        kind = kind_of_type(actual)
        best = media_type.best_match(actual, self._ranges)
        if best is None:
            return Content(kind)
        return msgspec.structs.replace(self._contents[best], kind=kind)

    def why_not(self, tokens: tuple[str, ...]) -> str | None:
        """Why nothing is ever looked at where the pointer of ``tokens`` leads to; ``None`` if something is."""
        place, *below = tokens or ("",)
        match place:
            case "path" | "query" | "header" | "cookie" if len(below) == 0:
                return f"it names no {place} parameter" if place in ("path", "query") else "it names no field"
            case "path" | "query":
                return self._why_not_parameter(place, below)
            case "header":
                name = below[0].lower().encode()
                return "this header field is not looked at" if name in self.unseen_fields else None
            case "cookie":
                return None
            case "body":
                return self._why_not_body(below)
        return "a pointer begins with /path, /query, /header, /cookie or /body"

    def _why_not_parameter(self, place: str, below: list[str]) -> str | None:
        name, *rest = below
        declared = [parameter for parameter in self.operation.parameters if parameter.location == place]
        reads_all = self.reads_path if place == "path" else self.reads_query
        if name != "*" and not any(parameter.name == name for parameter in declared):
            free = place == "query" and reads_all
            return None if free else f"{self.operation.name} has no {place} parameter {name}"
        if reads_all:
            return None
        arguments = [each for each in self.arguments if each.location == place and name in ("*", each.name)]
        if not arguments:
            return "its schema leaves no room for an attack, so it is not looked at"
        reasons = [_why_not_field(argument.field, rest) for argument in arguments]
        return None if None in reasons else reasons[0]

    def _why_not_body(self, below: list[str]) -> str | None:
        if self.validated is None:
            return None
        if not self._contents:
            return f"{self.operation.name} takes no body"
        reasons = [_why_not_content(each, content, below) for each, content in self._contents.items()]
        return None if None in reasons else reasons[0]


def _why_not_content(media_range: media_type.MediaType, content: Content, below: list[str]) -> str | None:
    if content.kind == "multipart" and len(below) == 1 and (below[0] == "*" or content.field.member(below[0])):
        return None  # names of parts and files are always looked at
    if content.kind in ("text", "other") and below and not media_range.is_range:
        return f"{media_range} has no parts: its pointer is /body"
    return _why_not_field(content.field, below)


def _why_not_field(field: Field, tokens: list[str]) -> str | None:
    """Why there is no text at what ``tokens`` lead to from ``field``."""
    reached = [field]
    for step in tokens:
        below: list[Field] = []
        for each in reached:
            if step == "*":
                below += [*each.members.values(), *(other for other in (each.others, each.items) if other is not None)]
            elif (member := each.member(step)) is not None:
                below.append(member)
            elif step.isdigit() and each.items is not None:
                below.append(each.items)
        if not below:
            return f"there is nothing called {step} in what the document declares"
        reached = below
    if any(each.text or each.others is not None for each in reached):
        return None
    return "what the document declares there leaves no room for an attack, so it is not looked at"


class _Shapes:
    """Fields and collectors of the schemas of one document, each made once."""

    def __init__(self, checks: Checks) -> None:
        self._reader = FieldReader(lambda reference: checks.checker.schema(name_of(reference)))
        self._collectors: dict[int, tuple[Field, Collect | None]] = {}

    def field(self, name: str) -> Field:
        return self._reader.read(f"#/$defs/{name}")

    def collector(self, field: Field) -> Collect | None:
        if id(field) not in self._collectors:
            self._collectors[id(field)] = (field, collector(field))
        return self._collectors[id(field)][1]


# Documents are compiled one after the other; what is known of the last one is all that is kept.
_shapes = lru_cache(maxsize=1)(_Shapes)
