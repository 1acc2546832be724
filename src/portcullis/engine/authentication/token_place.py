"""Where in a request a token is: in ``Authorization`` (RFC 6750 2.1), in a field of its own, or in a cookie."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from portcullis.engine.authentication.proof import DUPLICATE_CREDENTIAL
from portcullis.engine.decision import Finding, Refuse
from portcullis.engine.request import RequestView

Present = Callable[[RequestView], bytes | Refuse | None]
"""Gives the token that is in a request, ``None`` where there is none, or a refusal where there are several."""

_FIELDS_IN_USE: Final = frozenset(
    {"connection", "content-length", "content-type", "cookie", "host", "proxy-authorization", "transfer-encoding"}
)
_COOKIE_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
AUTHORIZATION: Final = b"authorization"
_BEARER: Final = b"bearer"
_ONE: Final = "one token, in one place"


def check_credential_field(value: str) -> str:
    """``value`` if a credential can be in the header field of that name."""
    if value.lower() in _FIELDS_IN_USE:
        raise ValueError("a header field that is there for nothing else, such as Authorization")
    return value


def check_cookie_name(value: str) -> str:
    """``value`` if it is a cookie's name (RFC 6265 4.1.1)."""
    if not _COOKIE_NAME.fullmatch(value):
        raise ValueError("the name of a cookie, such as session")
    return value


def present_token(header: bytes | None, cookie: bytes | None) -> Present:
    """How to find a token in the field ``header`` (lower-case) or in the cookie ``cookie``."""
    if header is not None and cookie is not None:
        return _either(_in_field(header), _in_cookie(cookie), f"/header/{header.decode()}")
    if header is not None:
        return _in_field(header)
    if cookie is not None:
        return _in_cookie(cookie)
    raise ValueError("a token is in a header field or in a cookie")


def _in_field(header: bytes) -> Present:
    if header == AUTHORIZATION:
        return _in_authorization

    def present(request: RequestView) -> bytes | None:
        value = request.headers.get(header)
        if value is not None and value[:7].lower() == b"bearer ":
            return value[7:].lstrip(b" ")
        return value

    return present


def _in_authorization(request: RequestView) -> bytes | None:
    value = request.headers.get(AUTHORIZATION)
    if value is None or value[:6].lower() != _BEARER:
        return None
    token = value[7:]
    if token[:1] == b" ":
        token = token.lstrip(b" ")
    return token if value[6:7] in (b" ", b"") else None


def _in_cookie(name: bytes) -> Present:
    duplicate = Refuse(
        DUPLICATE_CREDENTIAL, finding=Finding(f"/cookie/{name.decode('latin-1')}", "several cookies of one name", _ONE)
    )

    def present(request: RequestView) -> bytes | Refuse | None:
        field = request.headers.get(b"cookie")
        if field is None or name not in field:
            return None
        pairs = [pair.strip().partition(b"=") for pair in field.replace(b",", b";").split(b";")]
        found = [value for found_name, equals, value in pairs if found_name == name and equals]
        return duplicate if len(found) > 1 else found[0] if found else None

    return present


def _either(first: Present, second: Present, pointer: str) -> Present:
    duplicate = Refuse(DUPLICATE_CREDENTIAL, finding=Finding(pointer, "another token in a cookie", _ONE))

    def present(request: RequestView) -> bytes | Refuse | None:
        in_field, in_cookie = first(request), second(request)
        if in_field is None:
            return in_cookie
        return in_field if in_cookie is None else duplicate

    return present
