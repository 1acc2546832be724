"""The texts of a request, each with where it stands.

For every kind of content there is one source of parts. What stands where is said by a path, the tokens of a JSON
pointer: ``("query", "q")``, ``("body", "items", 0, "title")``. Names that a client may choose are parts, too, and
stand where what they name stands.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias
from urllib.parse import unquote_plus

from portcullis.engine import strict_json
from portcullis.engine.inspection.fields import Field
from portcullis.engine.openapi.pointer import join
from portcullis.engine.request import Fields

Path: TypeAlias = tuple[str | int, ...]


class Part(NamedTuple):
    """One text, and where it stands."""

    path: Path
    text: str


def pointer_of(path: Path) -> str:
    """``path`` as a JSON pointer."""
    return join("", *path)


def of_value(value: Any, field: Field, path: Path) -> Iterator[Part]:
    """The texts of a value at ``path`` that are to be looked at by what is known of it."""
    pending: list[tuple[Any, Field, Path]] = [(value, field, path)]
    while pending:
        value, field, here = pending.pop()
        if isinstance(value, str):
            if field.text:
                yield Part(here, value)
        elif isinstance(value, dict):
            for name, member in value.items():
                below = field.member(name)
                if below is not None:
                    if name not in field.members:
                        yield Part((*here, name), name)
                    pending.append((member, below, (*here, name)))
        elif isinstance(value, list) and field.items is not None:
            pending += [(item, field.items, (*here, index)) for index, item in enumerate(value)]


def of_pairs(text: str, place: str, leave_out: Collection[str] = ()) -> Iterator[Part]:
    """Names and values of a query or a form, ``a=1&b=2``, as they were sent."""
    for pair in text.split("&"):
        written, _, value = pair.partition("=")
        name = unquote_plus(written)
        if name in leave_out:
            continue
        yield Part((place, name), unquote_plus(value))
        if not name.isalnum():
            yield Part((place, name), name)


def of_path(values: Mapping[str, str]) -> Iterator[Part]:
    """The values of the path's variables, decoded."""
    for name, value in values.items():
        yield Part(("path", name), value)


def of_fields(fields: Fields, leave_out: Collection[bytes]) -> Iterator[Part]:
    """The values of header fields, and each cookie by itself."""
    for name, value in fields:
        if name in leave_out:
            continue
        text = _decoded(value)
        if name == b"cookie":
            yield from _of_cookies(text)
        else:
            yield Part(("header", name.decode("latin-1")), text)


def _of_cookies(text: str) -> Iterator[Part]:
    for pair in text.split(";"):
        name, is_pair, value = pair.strip().partition("=")
        yield Part(("cookie", name), value if is_pair else name)
        if is_pair and not name.isalnum():
            yield Part(("cookie", name), name)


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def read_json(data: bytes) -> Any:
    """The value of a JSON text, with all values of a key that is repeated (as a list); ``ValueError`` if it is none.

    A service may read the first of them or the last.
    """
    try:
        return strict_json.loads(data)
    except strict_json.MalformedJsonError:
        pass
    try:
        return json.loads(data, object_pairs_hook=_with_repeated)
    except RecursionError:
        raise ValueError("too deep") from None


def _with_repeated(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    repeated: dict[str, list[Any]] = {}
    for name, value in pairs:
        if name in found:
            repeated.setdefault(name, [found[name]]).append(value)
        found[name] = value
    return found | repeated


_BODY: Final = ("body",)
_MARKUP: Final = re.compile(r"<!\[CDATA\[([^\]]*(?:\](?!\]>)[^\]]*)*)(?:\]\]>)?|<[^<>]*>")
_ATTRIBUTE: Final = re.compile(r"([\w:.-]{1,200})\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_NAME: Final = re.compile(r"</?\s*([\w:.-]{1,200})")


def of_xml(data: bytes) -> Iterator[Part]:
    """Texts and values of attributes of an XML text, by a reader that nothing stops; each stands at its element's name.

    Declarations of document types and entities, processing instructions and comments stand at ``/body``.
    """
    text = _decoded(data)
    at = 0
    here: Path = _BODY
    for match in _MARKUP.finditer(text):
        if match.start() > at:
            yield Part(here, html.unescape(text[at : match.start()]))
        at = match.end()
        markup, raw = match[0], match[1]
        named = _NAME.match(markup)
        if raw is not None:
            yield Part(here, raw)
        elif named is None:
            yield Part(_BODY, markup)
        else:
            here = (*_BODY, named[1])
            for attribute, double, single in _ATTRIBUTE.findall(markup):
                yield Part((*here, attribute), html.unescape(double or single))
    if at < len(text):
        yield Part(here, html.unescape(text[at:]))


def of_text(data: bytes, path: Path = _BODY) -> Iterator[Part]:
    """A text as a whole."""
    yield Part(path, _decoded(data))
