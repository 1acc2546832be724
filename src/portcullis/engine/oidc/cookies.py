"""Cookies of logins and sessions, written and read.

Their names begin with ``__Host-`` (RFC 6265bis 4.1.3.2), so that a browser takes them from this very host alone, over a
secure channel, for all of its paths: neither a sibling domain nor whoever sits on a plain connection can plant one.
Scripts don't see them, and other sites' pages don't send them but by navigating here (``SameSite=Lax``: after a login a
browser comes from the provider's site).
"""

from __future__ import annotations

import re
from typing import Final

from portcullis.engine.request import RequestView

PREFIX: Final = "__Host-"
MAX_VALUE: Final = 3_072
"""Bytes of a value: browsers take 4,096 with the name and the attributes."""
_NAME: Final = re.compile(r"__Host-[A-Za-z0-9_-]{1,64}")


class DuplicateCookieError(ValueError):
    """A cookie stands more than once: whoever reads another one of them would see another caller."""


def check_host_cookie(name: str) -> str:
    """``name`` if it is one of a cookie that no other host can set."""
    if not _NAME.fullmatch(name):
        raise ValueError("a name that begins with __Host-, then letters, digits, '_' and '-': __Host-session")
    return name


def read_cookie(request: RequestView, name: bytes) -> bytes | None:
    """The value of the cookie ``name``; ``None`` where there is none. Raises :class:`DuplicateCookieError`.

    Browsers send one field; where a client sends several they arrive joined with commas, which no value has.
    """
    field = request.headers.get(b"cookie")
    if field is None or name not in field:
        return None
    pairs = (pair.strip(b" \t").partition(b"=") for pair in field.replace(b",", b";").split(b";"))
    found = [value for found_name, equals, value in pairs if found_name == name and equals]
    if len(found) > 1:
        raise DuplicateCookieError("several cookies of one name")
    return found[0] if found else None


def set_cookie(name: str, value: str, seconds: float) -> tuple[bytes, bytes]:
    """The field that sets a cookie for ``seconds``."""
    attributes = f"Path=/; Max-Age={max(int(seconds), 0)}; Secure; HttpOnly; SameSite=Lax"
    return b"set-cookie", f"{name}={value}; {attributes}".encode()


def clear_cookie(name: str) -> tuple[bytes, bytes]:
    """The field that takes a cookie away."""
    return set_cookie(name, "", 0)
