"""Percent-encoded text, decoded once (RFC 3986 2.1), as UTF-8."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote_to_bytes

Decode = Callable[[str], str]
"""Gives the text that was meant; raises ``ValueError`` for what is not encoded UTF-8."""

_BAD_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


def decode(text: str) -> str:
    """``text`` decoded, as in paths and cookies: ``+`` is a plus."""
    if "%" not in text:
        return text
    if _BAD_PERCENT.search(text):
        raise ValueError("a percent sign begins no escape")
    return unquote_to_bytes(text).decode()


def decode_form(text: str) -> str:
    """``text`` decoded as services read queries and forms (WHATWG URL): ``+`` is a space."""
    if "%" not in text:
        return text.replace("+", " ")
    return decode(text.replace("+", " "))


def decode_field(text: str) -> str:
    """``text`` of a header field: nothing is encoded there, and blanks around it say nothing (RFC 9110 5.5)."""
    return text.strip(" \t")
