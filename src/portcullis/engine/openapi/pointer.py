"""JSON pointers (RFC 6901): how places in a document are named, and how local references find them."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import unquote_to_bytes

_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,8}")


def escape(token: str) -> str:
    """One key as a part of a pointer."""
    return token.replace("~", "~0").replace("/", "~1") if "~" in token or "/" in token else token


def join(pointer: str, *tokens: str | int) -> str:
    """The pointer to what is below ``pointer`` by ``tokens``."""
    for token in tokens:
        pointer = f"{pointer}/{escape(token) if isinstance(token, str) else token}"
    return pointer


def split(pointer: str) -> list[str]:
    """The keys of ``pointer``."""
    tokens = pointer.split("/")[1:]
    if "~" not in pointer:
        return tokens
    return [token.replace("~1", "/").replace("~0", "~") if "~" in token else token for token in tokens]


def of_reference(reference: str) -> str:
    """The pointer that a local ``$ref`` (``#``, ``#/components/schemas/Order``) holds.

    Raises ``ValueError`` for references to other files, to anchors, and with a fragment that is not UTF-8.
    """
    if not reference.startswith("#"):
        raise ValueError("references to other files or URLs are not supported: only #/... within the document")
    try:
        pointer = unquote_to_bytes(reference[1:]).decode()
    except UnicodeDecodeError:
        raise ValueError("the reference is not UTF-8") from None
    if pointer and not pointer.startswith("/"):
        raise ValueError("references to anchors are not supported: only JSON pointers, #/...")
    return pointer


def to_reference(pointer: str) -> str:
    """The local ``$ref`` that leads to ``pointer``."""
    return "#" + pointer.replace("%", "%25")


def look_up(root: Any, pointer: str) -> Any:
    """What ``pointer`` names below ``root``; raises ``LookupError`` where there is nothing."""
    value = root
    for token in split(pointer):
        if isinstance(value, dict):
            value = value[token]
        elif isinstance(value, list) and _INDEX.fullmatch(token):
            value = value[int(token)]
        else:
            raise LookupError(pointer)
    return value
