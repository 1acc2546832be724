"""Which of an operation's declared bodies a request's Content-Type means.

No check may depend on a client calling its body something else: parameters, case and suffixes of a media type do not
matter to services, so they do not matter here. What is taken is what the document names, compared by RFC 9110; a range
(``*/*``) stands for JSON, unless its schema says that anything goes: bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import ClassVar, Final, Literal

import msgspec

from portcullis.engine import media_type
from portcullis.engine.media_type import MediaType
from portcullis.engine.openapi.arguments.plans import Fits
from portcullis.engine.openapi.arguments.query import Undeclared
from portcullis.engine.openapi.bodies.binary_body import BinaryBody
from portcullis.engine.openapi.bodies.errors import BodyError
from portcullis.engine.openapi.bodies.form_body import FormBody
from portcullis.engine.openapi.bodies.json_body import JsonBody
from portcullis.engine.openapi.bodies.multipart_body import HeldMultipartBody, MultipartBody, MultipartPlan
from portcullis.engine.openapi.bodies.multipart_wire import boundary_of
from portcullis.engine.openapi.bodies.roles import HeldBody, StreamedBody
from portcullis.engine.openapi.bodies.text_body import FreeTextBody, TextBody, is_utf8
from portcullis.engine.openapi.bodies.xml_body import XmlBody, XmlReader
from portcullis.engine.openapi.body_reading import SpecBody, SpecBytes, SpecContent, SpecText
from portcullis.engine.openapi.form_reading import SpecForm
from portcullis.engine.openapi.multipart_reading import SpecParts
from portcullis.engine.openapi.xml_reading import SpecXml
from portcullis.engine.strict_json import MAX_DEPTH, Limits

REMEMBERED_FIELD: Final = 256
"""Bytes of the longest Content-Type that is remembered."""
_MULTIPART: Final = b"multipart/"

Body = HeldBody | StreamedBody
_Make = Callable[[MediaType], Body]


class Unacceptable(msgspec.Struct, frozen=True):
    """A Content-Type that the operation does not take: what was ``found``, and a sentence for the client."""

    found: str
    reason: str
    is_held: ClassVar[Literal[False]] = False


class _Choice(msgspec.Struct, frozen=True):
    """What is done with a declared media type: ``json``, and ``other`` what is no JSON; ``None``: it is refused."""

    json: Body | None
    other: _Make | None


class BodySelector:
    """Selects among the bodies that ``body`` declares.

    ``names``, ``fits``: of the checker; ``undeclared``: what becomes of fields and parts that are not declared;
    ``limits``: of what a value may hold whatever its schema is.

    ``accepted``: the media types taken, as an Accept value; ``streams``: whether some of them are read as they come.
    ``select(field)`` gives, for a Content-Type as received (``None``: there is none), how the body is read, or why it
    is not taken.
    """

    def __init__(
        self,
        body: SpecBody,
        names: Mapping[str, str],
        fits: Fits,
        undeclared: Undeclared = "refuse",
        limits: Limits = Limits(),  # noqa: B008
    ) -> None:
        self._names = names
        self._fits = fits
        self._undeclared = undeclared
        self._limits = limits
        self._choices = {content.media_range: self._choice(content) for content in body.content}
        taken = [content for content in body.content if self._is_taken(content)]
        self.accepted = ", ".join(dict.fromkeys(map(_as_accepted, taken)))
        self.streams = any(
            isinstance(content.reading, SpecBytes)
            or (isinstance(content.reading, SpecText) and content.reading.is_free)
            or (isinstance(content.reading, SpecParts) and undeclared != "strip")
            for content in body.content
        )
        # Clients of one operation send few different values, and parsing them again would cost more than the rest.
        self._select_short = lru_cache(maxsize=64)(self._select)

    def select(self, field: bytes | None) -> Body | Unacceptable:
        """As the class says. What is long, or different each time, is not remembered: there are many operations."""
        if field is not None and (len(field) > REMEMBERED_FIELD or field[:10].lower() == _MULTIPART):
            return self._select(field)
        return self._select_short(field)

    def _select(self, field: bytes | None) -> Body | Unacceptable:
        if field is None:
            return Unacceptable("none", "The body needs a Content-Type.")
        text = field.decode("latin-1")
        try:
            actual = media_type.parse_once(text) if field[:10].lower() == _MULTIPART else media_type.parse(text)
        except ValueError:
            return Unacceptable(text, "The Content-Type is not a media type.")
        best = None if actual.is_range else media_type.best_match(actual, self._choices)
        choice = None if best is None else self._choices[best]
        if choice is not None and choice.other is not None:
            try:
                return choice.other(actual)
            except BodyError as error:
                return Unacceptable(text, error.detail)
        if choice is None or choice.json is None or not actual.is_json:
            return Unacceptable(text, f"Bodies are {self.accepted}.")
        if actual.parameter("charset") not in (None, "utf-8", "utf8"):
            return Unacceptable(text, "JSON is UTF-8.")
        return choice.json

    def _choice(self, content: SpecContent) -> _Choice:
        key = self._names[content.schema] if content.schema is not None else ""
        depth = content.size.depth
        limits = self._limits
        if depth is not None and depth <= limits.depth and self._undeclared == "refuse":
            limits = msgspec.structs.replace(limits, depth=MAX_DEPTH)  # its schema sees to that
        json = JsonBody(key, limits) if content.holds_json and content.reading is None else None
        return _Choice(json, self._maker(content, key))

    def _maker(self, content: SpecContent, key: str) -> _Make | None:
        """Makes the body of requests of ``content`` that is not JSON."""
        fits = self._fits
        match content.reading:
            case SpecForm() as form:
                return _in_utf8(FormBody(key, form, self._names, fits, self._undeclared))
            case SpecParts() as parts:
                plan = MultipartPlan(key, parts, self._names, fits, self._undeclared, self._limits)
                make = HeldMultipartBody if self._undeclared == "strip" else MultipartBody
                return lambda actual: _multipart(make, plan, actual)
            case SpecXml() as xml:
                return _in_utf8(XmlBody(key, XmlReader(xml, self._undeclared, self._limits), fits))
            case SpecText(_, True):
                return _in_utf8(FreeTextBody())
            case SpecText(shape, _):
                return _in_utf8(TextBody(key, shape, fits))
            case SpecBytes(bounds):
                binary = BinaryBody(bounds, content.schema or "")
                return lambda _actual: binary
        return None

    @staticmethod
    def _is_taken(content: SpecContent) -> bool:
        return content.holds_json or content.reading is not None


def _in_utf8(body: Body) -> _Make:
    def make(actual: MediaType) -> Body:
        if not is_utf8(actual):
            raise BodyError("malformed", "Text is UTF-8.")
        return body

    return make


def _multipart(make: Callable[[MultipartPlan, bytes], Body], plan: MultipartPlan, actual: MediaType) -> Body:
    if not is_utf8(actual):
        raise BodyError("malformed", "Text is UTF-8.")
    return make(plan, boundary_of(actual))


def _as_accepted(content: SpecContent) -> str:
    is_json_only = content.reading is None and not content.media_range.is_json
    return "application/json" if is_json_only else str(content.media_range)
