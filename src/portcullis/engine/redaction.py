"""What may be written down of a request target: credentials in it never are.

Whoever sends a request decides what its target looks like, and what was refused as malformed is recorded too: so
nothing here relies on the target being well-formed.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from portcullis.engine import api_key_format

REDACTED: Final = "***"
MAX_TARGET: Final = 2048
MAX_PARAMETERS: Final = 64

_HARMLESS = re.compile(r"[A-Za-z0-9/._~:,+*!-]*+\??+").fullmatch
# Searched in lower-case text: three times as fast as ignoring the case here.
REMEMBERED_TARGETS: Final = 1024
REMEMBERED_TARGET: Final = 256
"""Characters of the longest target whose redaction is remembered."""

_SECRET_NAME = re.compile(
    "key|token|secret|pass|pw|sig|auth|code|sess|cred|jwt|saml|assertion|ticket|bearer"
    "|(?<![a-z])(?:pin|otp|sid)(?![a-z])"
).search
_JWT_BEGIN: Final = "eyJ"  # '{"' in base64url: how every JWS and JWE begins
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{6,}+(?:\.[A-Za-z0-9_-]*+)*")
_QUERY_PART = re.compile(r"[^&;?]++")
_PATH_PART = re.compile(r"[^/;]++")


def redact_target(target: str) -> str:
    """``target`` for a record: what looks like a credential replaced by ``***``, length bounded.

    That is: values of parameters (also of the path's, after ``;``) whose names sound like one, values that hold such
    a name and another ``=`` (a URL inside a URL), user information, fragments, JSON web tokens and keys of ours
    wherever they are.

    Names are matched loosely (``X-Api-Key``, ``access_token``, ``sig``): a value lost from the log is a
    smaller harm than a credential in it. A name written with percent codes is not decoded here, so its value
    is left out whatever it is; a query of more than ``MAX_PARAMETERS`` parameters, or a path of as many segments, that
    would have to be looked at one by one is left out as a whole.
    """
    return _redact_short(target) if len(target) <= REMEMBERED_TARGET else _redact_target(target)


def _redact_target(target: str) -> str:
    target = _cut(target)
    if _JWT_BEGIN in target:
        target = _JWT.sub(REDACTED, target)
    target = api_key_format.mask(target)
    if _HARMLESS(target):
        return target
    target, fragment, _ = target.partition("#")
    if "@" in target:
        target = _without_user(target)
    path, mark, query = target.partition("?")
    if "=" in path or "%" in path:
        path = _redact(path, _PATH_PART, "/;")
    if query:
        query = _redact(query, _QUERY_PART, "&;?")
    return _cut(f"{path}{mark}{query}#{REDACTED}" if fragment else f"{path}{mark}{query}")


_redact_short = lru_cache(maxsize=REMEMBERED_TARGETS)(_redact_target)


def _cut(target: str) -> str:
    return target if len(target) <= MAX_TARGET else target[: MAX_TARGET - 1] + "…"


def _without_user(target: str) -> str:
    """``target`` without the user information of its authority (RFC 3986 3.2.1), if it has one."""
    if target.startswith("/") and not target.startswith("//"):
        return target
    start = target.find("//") + 2 if "//" in target else 0
    authority = re.split("[/?]", target[start:], maxsplit=1)[0]
    at = authority.rfind("@")
    return target if at == -1 else target[:start] + REDACTED + target[start + at :]


def _redact(text: str, part: re.Pattern[str], separators: str) -> str:
    if "%" not in text and not _SECRET_NAME(text.lower()):
        return text
    if sum(map(text.count, separators)) >= MAX_PARAMETERS:
        return REDACTED
    return part.sub(_redact_parameter, text)


def _redact_parameter(match: re.Match[str]) -> str:
    part = match[0]
    name, equals, value = part.lower().partition("=")
    if not equals:
        return REDACTED if "%3d" in name and _SECRET_NAME(name) else part
    if "%" in name or _SECRET_NAME(name) or (("=" in value or "%" in value) and _SECRET_NAME(value)):
        return f"{part[: len(name)]}={REDACTED}"
    return part
