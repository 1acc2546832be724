"""What a step may decide: nothing (allow), a refusal, a modification, or an answer of the gateway's own.

Only the engine applies a decision or answers a client; a step merely returns one. A decision that exists is valid:
what could end a header field or a request line early (CR, LF, NUL, a blank in a query) is refused when it is made.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from reprlib import Repr
from typing import Any, Final

import msgspec

from portcullis.engine.codes import Code


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """The full reason of a verdict, for the record and for ``explain``; a caller never sees it.

    ``pointer``: where in the exchange (``/body/items/0/qty``, ``/query/limit``, ``/header/x-api-key``);
    ``found``: what was there, never a secret and at most 120 characters; ``allowed``: what would have
    been right; ``source``: where that is said, in a document (``specs/shop.yaml#/paths/~1orders/post``) or, without
    a file name, in the configuration file (``#/plans/free/rate``).
    """

    pointer: str = ""
    found: str = ""
    allowed: str = ""
    source: str = ""


class Refuse(msgspec.Struct, frozen=True):
    """The exchange ends here.

    ``code`` names the reason; ``detail`` is a sentence for the caller and holds nothing internal;
    ``finding`` is the full reason for the record; ``fields`` are header fields for the answer
    (lower-case names), such as ``www-authenticate`` or ``retry-after``; ``status`` is the status of the answer where
    it is not the code's own. Raises ``ValueError`` for fields that can't be written.
    """

    code: Code
    detail: str = ""
    finding: Finding | None = None
    fields: tuple[tuple[bytes, bytes], ...] = ()
    status: int = 0

    def __post_init__(self) -> None:
        if self.fields:
            _check_fields(self.fields)
        if not self.status:
            msgspec.structs.force_setattr(self, "status", self.code.status)


class Modify(msgspec.Struct, frozen=True):
    """The exchange goes on, changed: what is sent upstream (or, in a response step, downstream).

    ``remove_fields`` remove header fields (lower-case names), ``set_fields`` replace or add them, one value a name;
    ``default_fields`` are added where the service's answer has none of that name; ``body`` (from a step that needs the
    body) and ``query`` (where not ``None``) replace the buffered body and the raw query string; ``document`` is the
    value that the new body of an answer says, where that is known. Where ``code`` is given, the record says what was
    changed, and ``finding`` where. Raises ``ValueError`` for fields or a query that can't be written.
    """

    set_fields: tuple[tuple[bytes, bytes], ...] = ()
    remove_fields: frozenset[bytes] = frozenset()
    body: bytes | None = None
    query: str | None = None
    default_fields: tuple[tuple[bytes, bytes], ...] = ()
    code: Code | None = None
    finding: Finding | None = None
    document: Any = msgspec.UNSET

    def __post_init__(self) -> None:
        if self.set_fields:
            _check_fields(self.set_fields)
        if self.default_fields:
            _check_fields(self.default_fields)
        if self.query and not _QUERY.fullmatch(self.query):
            raise ValueError("a query consists of visible ASCII characters without #")


class Answer(msgspec.Struct, frozen=True):
    """The gateway answers itself, and not with a refusal: ``status``, header ``fields`` (lower-case names), ``body``.

    Raises ``ValueError`` for fields that can't be written.
    """

    status: int
    fields: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""

    def __post_init__(self) -> None:
        _check_fields(self.fields)


_NAME: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]++")
_VALUE: Final = re.compile(rb"[\t\x20-\x7e\x80-\xff]*+")
_QUERY: Final = re.compile(r"[!-\"$-~]*+")


def _check_fields(fields: Iterable[tuple[bytes, bytes]]) -> None:
    for name, value in fields:
        if not _NAME.fullmatch(name):
            raise ValueError("the name of a header field is a lower-case token")
        if not _VALUE.fullmatch(value):
            raise ValueError(f"the value of the header field {name.decode()} holds a control character")


MAX_FOUND: Final = 120

_SMALL: Final = Repr()
_SMALL.maxlevel = 3
_SMALL.maxstring = _SMALL.maxother = _SMALL.maxlong = MAX_FOUND


def shorten(value: object, limit: int = MAX_FOUND) -> str:
    """``value`` as text of at most ``limit`` characters, control characters escaped, for a :class:`Finding`.

    Takes the same time however large ``value`` is.
    """
    text = (value if isinstance(value, str) else _SMALL.repr(value))[: limit + 1]
    if not text.isprintable():
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return text if len(text) <= limit else text[: limit - 1] + "…"
