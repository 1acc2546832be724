"""``application/x-www-form-urlencoded``: a query string in the body, read as one, and checked as an object."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from typing import Any, ClassVar, Final, Literal
from urllib.parse import quote_plus, unquote_plus

import orjson

from portcullis.engine.decision import shorten
from portcullis.engine.openapi.arguments.brackets import keys_of
from portcullis.engine.openapi.arguments.errors import ArgumentError
from portcullis.engine.openapi.arguments.percent import decode_form
from portcullis.engine.openapi.arguments.plans import Fits
from portcullis.engine.openapi.arguments.query import MAX_QUERY_PARAMETERS, QueryReader, Undeclared
from portcullis.engine.openapi.arguments.splitting import MAX_ITEMS
from portcullis.engine.openapi.arguments.wording import kinds
from portcullis.engine.openapi.bodies.errors import BodyError, Fault
from portcullis.engine.openapi.bodies.roles import Content
from portcullis.engine.openapi.form_reading import FURTHER, SpecForm
from portcullis.engine.openapi.parameter_reading import SpecParameter
from portcullis.engine.openapi.parameters import MAX_DEPTH

OVERRIDES: Final = frozenset(("_charset_", "_method"))
"""Fields by which some services let a form say how it is to be read (HTML 4.10.21.5), or for which method it stands."""

_PLAIN: Final = re.compile(rb"[!-~]*+")
_MAX_NAME: Final = 60
_FAULTS: Final[Mapping[str, Fault]] = {
    "missing": "missing",
    "undeclared": "undeclared",
    "malformed": "type",
    "repeated": "duplicate",
    "separator": "malformed",
    "too many": "limit",
    "too deep": "limit",
}
_SENTENCES: Final = {
    "missing": "is required",
    "undeclared": "is not declared",
    "repeated": "is given more than once",
    "separator": "holds a semicolon, which must be sent as %3B",
    "too many": "has too many items",
    "too deep": "is nested too deeply",
}


def refuse_override(name: str, declared: Container[str]) -> None:
    """Raise :class:`BodyError` if ``name`` is one of :data:`OVERRIDES`, and not ``declared``, whatever else passes."""
    if name in OVERRIDES and name not in declared:
        detail = f"The field {name} is not declared."
        raise BodyError("undeclared", detail, path=(name,), allowed="no field that says how the request is read")


def has_still(value: Any, keys: Iterable[str]) -> bool:
    """Whether there is something in ``value`` where ``keys`` lead; ``""`` is any item of a list."""
    for key in keys:
        if isinstance(value, list):
            if not key:
                return bool(value)
            if not key.isdigit() or int(key) >= len(value):
                return False
            value = value[int(key)]
        elif isinstance(value, dict) and key in value:
            value = value[key]
        else:
            return False
    return True


class FormBody:
    """A form of the fields of ``form``. ``names``, ``fits``: of the checker; ``undeclared``: as in queries."""

    is_held: ClassVar[Literal[True]] = True

    def __init__(self, key: str, form: SpecForm, names: Mapping[str, str], fits: Fits, undeclared: Undeclared) -> None:
        self.key = key
        self._fields = {field.name: field for field in form.fields}
        # To the reader of queries a field is a parameter whose value goes by the name of the field.
        called = {field.schema: field.name for field in form.fields if field.schema is not None}
        keys = {field.name: names[schema] for schema, field in _own_schemas(form)}

        def fits_each(values: Mapping[str, Any]) -> bool:
            return all(name not in keys or fits({keys[name]: value}) for name, value in values.items())

        self._read = QueryReader(form.fields, called, fits_each, undeclared).read
        self._json = frozenset(field.name for field in form.fields if field.holds_json)
        self._spread = tuple(field.name for field in form.fields if field.is_spread and field.name != FURTHER)
        self._passes_others = undeclared == "allow" or FURTHER in self._fields

    def read(self, data: bytes) -> Content:
        """What the form says."""
        if not _PLAIN.fullmatch(data):
            detail = "The form holds characters that must be percent-encoded."
            raise BodyError("malformed", detail, found="other bytes", allowed="percent-encoded text")
        if b"%00" in data:
            raise BodyError("malformed", "The form holds NUL.", found="%00", allowed="text without U+0000")
        if self._passes_others:
            self._refuse_overrides(data)
        values: dict[str, Any] = {}
        try:
            text = self._read(data.decode("ascii"), values)
        except ArgumentError as error:
            raise self._translated(error) from None
        if FURTHER in values:
            values |= values.pop(FURTHER)
        return Content(values, None if text is None else text.encode("ascii"))

    def write(self, data: bytes, value: Any) -> bytes | None:
        """``data`` without the fields that ``value`` has no more, and with JSON as it is there."""
        kept = []
        for pair in data.decode("ascii").split("&"):
            written, _, _ = pair.partition("=")
            name = decode_form(written)
            if name in self._json and name in value:
                kept.append(f"{written}={quote_plus(orjson.dumps(value[name]))}")
            elif self._is_left(name, value):
                kept.append(pair)
        text = "&".join(kept).encode("ascii")
        # What is sent on must say what was checked, or it is not sent.
        return text if self.read(text).value == value else None

    def _is_left(self, name: str, value: dict[str, Any]) -> bool:
        """Whether ``value`` still has what is called ``name``."""
        if name in self._fields or "[" not in name:
            return name in value or any(name in value.get(spread, ()) for spread in self._spread)
        top = name[: name.index("[")]
        return has_still(value, (top, *keys_of(name[len(top) :])))

    def _refuse_overrides(self, data: bytes) -> None:
        # What has too many fields is refused anyway.
        for pair in data.decode("ascii").split("&", MAX_QUERY_PARAMETERS):
            name = pair.partition("=")[0]
            if "_" in name or "%" in name:
                refuse_override(unquote_plus(name), self._fields)

    def _translated(self, error: ArgumentError) -> BodyError:
        name, path = error.name, error.path
        field = self._fields.get(name)
        if name == FURTHER and path:  # one of those that are not named
            name, path = str(path[0]), path[1:]
        if not name:
            most = f"at most {MAX_QUERY_PARAMETERS} fields"
            if error.fault == "too many":
                return BodyError("limit", "The form has too many fields.", allowed=most)
            return BodyError("malformed", "The form is not percent-encoded UTF-8.", allowed="percent-encoded UTF-8")
        what = f"The field {shorten(name, _MAX_NAME)}"
        expected = _expected(field, error.path)
        sentence = _SENTENCES.get(error.fault, f"must be {expected}")
        if error.fault == "undeclared":
            expected = " or ".join(list(self._fields)[:10]) or "nothing"
        elif error.fault in ("too many", "too deep"):
            expected = f"at most {MAX_ITEMS} items" if error.fault == "too many" else f"at most {MAX_DEPTH} levels"
        source = (field.schema or "") if field is not None else ""
        return BodyError(
            _FAULTS[error.fault], f"{what} {sentence}.", path=(name, *path), allowed=expected, source=source
        )


def _own_schemas(form: SpecForm) -> list[tuple[str, SpecParameter]]:
    return [(field.schema, field) for field in form.fields if field.schema is not None and field.name != FURTHER]


def _expected(field: SpecParameter | None, path: tuple[str | int, ...]) -> str:
    if field is None:
        return ""
    if field.holds_json:
        return "JSON"
    shape = field.shape
    for token in path:
        below = shape.item(token) if isinstance(token, int) else shape.field(token)
        if below is None:
            return ""
        shape = below
    return kinds(shape)
