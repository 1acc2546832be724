r"""What else a text may mean to whoever reads it later.

A service decodes what the gateway has decoded already: ``%253C`` is ``%3C`` and then ``<``; a page turns ``&lt;`` into
``<``, a script ``\x3c``; a database takes ``/**/`` for a blank, and a C library stops or stumbles at a NUL. So a text
that shows a *sign* of such a thing is looked at again in the forms that those readers see: at most
:data:`MAX_ROUNDS` rounds of decoding, each of which undoes every kind of encoding once, then without control characters
and comments. Texts without a sign, nearly all, have one reading: themselves.

All of it takes time linear in the length of the text, and no reading is longer than the text.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from typing import Final

MAX_ROUNDS: Final = 3
"""Layers of encoding that are taken off: the two that mistakes make, and one that only attacks have."""

SIGNS: Final = (
    r"%(?:[0-9a-f]{2}|u[0-9a-f]{4}|%[0-9a-f]{2})",
    (
        r"&#[x0-9]|&(?:lt|gt|quot|apos|amp|tab|newline|colon|[lr]par|b?sol|nbsp|excl|num|dollar|percnt|[lr](?:brace|cub|sqb)"
        r"|vert|grave|hat|equals|semi|period|comma|ast|plus|lowbar)\b"
    ),
    r"\\(?:u[0-9a-f]{4}|u\{[0-9a-f]|x[0-9a-f]{2}|[0-7]{2,3})",
    r"/\*",
    r"\x00",
    r"\xef[\xbc\xbd][\x80-\xbf]|\xc2\xa0|\xe2\x88[\x95\x96]|\xca[\xb9-\xbc]|\xee\xbf\x88|\xef\x80\xa5",
)
"""Hyperscan expressions: where one matches, a text has other readings."""

_BLANKS: Final = {"tab": "\t", "newline": "\n", "colon": ":", "lpar": "(", "rpar": ")"}
_PERCENT: Final = re.compile(r"%[uU]([0-9A-Fa-f]{4})|((?:%[0-9A-Fa-f]{2})+)")
_OVERLONG: Final = re.compile(
    rb"[\xc0\xc1].|\xe0[\x80-\x9f][\x80-\xbf]|\xf0[\x80-\x8f][\x80-\xbf]{2}|\xf8[\x80-\xbf]{4}|\xfc[\x80-\xbf]{5}",
    re.DOTALL,
)
_ENTITY: Final = re.compile(r"&(?:#[0-9]{1,8}|#[xX][0-9A-Fa-f]{1,8}|[A-Za-z]{2,8});?")
_ESCAPE: Final = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|u\{0{0,6}([0-9A-Fa-f]{1,5})\}|x([0-9A-Fa-f]{2})|([0-3]?[0-7]{2}))")
_CONTROL: Final = dict.fromkeys((*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F))
# MySQL runs what stands in /*! ... */ (and /*!50000 ... */).
_COMMENT: Final = re.compile(r"/\*(?:!\d{0,6})?|\*/")
_PLAIN_COMMENT: Final = re.compile(r"/\*(?!!)[^*]*\*+(?:[^/*][^*]*\*+)*/")
_LOOKALIKES: Final = {
    0xA0: " ",
    0x2215: "/",
    0x2216: "\\",
    0xEFC8: "\\",
    0xF025: "/",
    0x02B9: "'",
    0x02BA: '"',
    0x02BB: "'",
    0x02BC: "'",
}
_WIDE: Final = re.compile(r"[\uff01-\uff5e]")


def readings(text: str) -> Iterator[str]:
    """The other forms of ``text``, those that differ from it and from one another, nearest first."""
    seen = {text}
    form = text
    for _ in range(MAX_ROUNDS):
        decoded = _decode(form)
        if decoded == form:
            break
        form = decoded
        if form not in seen:
            seen.add(form)
            yield form
    cleaned = _clean(form)
    if cleaned not in seen:
        yield cleaned


def _decode(text: str) -> str:
    """One layer of every encoding less."""
    if "%" in text:
        blanks = "+" in text and " " not in text
        text = _PERCENT.sub(_of_percent, text.replace("+", " ") if blanks else text)
    if "&" in text:
        text = _ENTITY.sub(_of_entity, text)
    if "\\" in text:
        text = _ESCAPE.sub(_of_escape, text)
    if not text.isascii():
        text = _WIDE.sub(_of_wide, text.translate(_LOOKALIKES))
    return text


def _clean(text: str) -> str:
    """Without control characters, and with blanks for comments."""
    text = text.translate(_CONTROL)
    if "/*" in text:
        text = _COMMENT.sub(" ", _PLAIN_COMMENT.sub(" ", text))
    return text


def _of_percent(match: re.Match[str]) -> str:
    if match[1] is not None:
        return _character(int(match[1], 16))
    octets = bytes.fromhex(match[2].replace("%", ""))
    octets = _OVERLONG.sub(_of_overlong, octets)
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1")


def _of_overlong(match: re.Match[bytes]) -> bytes:
    """The character that a UTF-8 sequence of too many octets stands for (RFC 3629, 3: decoders must not accept it).

    Sloppy decoders take any octet for the second of two.
    """
    first, *rest = match[0]
    if len(rest) == 1:
        code = (first & 0x01) << 6 | rest[0] & 0x3F
        return bytes((code,)) if chr(code) in "./\\" or rest[0] >= 0x80 else bytes(rest)
    code = 0
    for octet in rest:
        code = code << 6 | octet & 0x3F
    return _character(code).encode()


def _of_entity(match: re.Match[str]) -> str:
    character = html.unescape(match[0])
    if character == match[0]:  # some filters and readers know the names in any case
        character = _BLANKS.get(match[0].strip("&;").lower(), character)
    return character if len(character) <= len(match[0]) else match[0]


def _of_escape(match: re.Match[str]) -> str:
    if match[4] is not None:
        return _character(int(match[4], 8))
    return _character(int(match[1] or match[2] or match[3], 16))


def _of_wide(match: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", match[0])


def _character(code: int) -> str:
    """The character of a code point; nothing for those that can't be encoded."""
    return chr(code) if code < 0xD800 or 0xDFFF < code < 0x110000 else ""
