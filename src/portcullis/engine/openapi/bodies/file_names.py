"""Names of files that clients upload: what a service may do with one must not depend on what is in it.

Services join such names to folders, hand them to shells, show them to people. So a name must be one plain name on every
system: no path, no drive, nothing that ends it early or turns its letters round. What a name becomes when somebody
decodes percent codes once more, or maps its characters to plainer ones (NFKC turns U+FF0F into a slash, as Windows does
for programs that ask for another code page), is held to the same rules.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from urllib.parse import unquote_to_bytes

MAX_BYTES: Final = 255
"""Of a file name in UTF-8: what Linux, macOS and Windows can store."""

_MAX_DECODINGS: Final = 3
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_EXTENDED: Final = re.compile(r"([A-Za-z0-9-]{1,20})'[A-Za-z0-9-]{0,20}'((?:[A-Za-z0-9!#$&+.^_`|~-]|%[0-9A-Fa-f]{2})*)")
# Cc: control, Cs: lone surrogates, Zl and Zp: line and paragraph separators.
_UNPRINTABLE: Final = frozenset(("Cc", "Cs", "Zl", "Zp"))
_TURNS_TEXT: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def fault_of_file_name(name: str) -> str:
    """What is wrong with ``name``, as the end of a sentence about it, or ``""``."""
    if len(name.encode(errors="surrogatepass")) > MAX_BYTES:
        return f"is longer than {MAX_BYTES} bytes"
    for _ in range(_MAX_DECODINGS):
        if fault := _fault_of_plain(name) or _fault_of_plain(unicodedata.normalize("NFKC", name)):
            return fault
        if "%" not in name:
            return ""
        try:
            decoded = unquote_to_bytes(name).decode()
        except UnicodeDecodeError:
            return "holds percent codes that are not UTF-8"
        if decoded == name:
            return ""
        name = decoded
    return "is percent-encoded again and again"


def _fault_of_plain(name: str) -> str:
    if "/" in name or "\\" in name:
        return "holds a path"
    if name.startswith("..") or name == ".":
        return "is a path"
    if _DRIVE.match(name) or "::" in name:
        return "names a drive or a stream"
    if any(unicodedata.category(each) in _UNPRINTABLE for each in name):
        return "holds control characters"
    if not _TURNS_TEXT.isdisjoint(name):
        return "holds characters that turn its direction"
    if name != name.strip(" ") or (name.endswith(".") and name):
        return "begins or ends with a blank, or ends with a dot"
    return ""


def read_extended(value: str) -> str:
    """The text that ``value``, an ext-value of RFC 8187 in UTF-8, stands for. Raises ``ValueError``."""
    match = _EXTENDED.fullmatch(value)
    if match is None or match[1].lower() != "utf-8":
        raise ValueError("not an extended value in UTF-8")
    return unquote_to_bytes(match[2]).decode()
