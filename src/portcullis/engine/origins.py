"""Origins of web pages (RFC 6454), and which of them the configuration file allows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from portcullis.engine.request import RequestView

_ORIGIN: Final = re.compile(r"https?://(?:\*\.)?[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::[0-9]{1,5})?")


def check_origin(value: str) -> str:
    """``value`` if it is an origin, ``*``, or stands for the hosts below a domain."""
    if value != "*" and not _ORIGIN.fullmatch(value):
        raise ValueError("must be an origin: https://app.example.com, without a path, lower-case")
    return value


class Origins:
    """Which origins are allowed."""

    def __init__(self, origins: Sequence[str]) -> None:
        self.any = "*" in origins
        self._exact = frozenset(origin for origin in origins if "*" not in origin)
        below = [origin.split("*", 1) for origin in origins if "://*." in origin]
        self._below = tuple((before, after) for before, after in below)
        self.listed = ", ".join(origins)

    def allow(self, origin: str) -> bool:
        """Whether ``origin``, an ``Origin`` field's value, may call."""
        if self.any or origin in self._exact:
            return True
        if not self._below or not _ORIGIN.fullmatch(origin):
            return False
        return any(
            origin.startswith(before) and origin.endswith(after) and len(origin) > len(before) + len(after)
            for before, after in self._below
        )


def is_own(origin: str, request: RequestView) -> bool:
    """Whether ``origin`` is that of the API itself: browsers send it with every call that is not a plain GET."""
    host = request.headers.get(b"host", b"").decode("latin-1").lower() or request.host
    return origin == f"{request.scheme}://{host}"
