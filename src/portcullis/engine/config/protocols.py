"""The protocols that the file may name, by their names in ALPN, and what is said about the one that is not offered."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator

_HTTP3: Final = frozenset(("h3", "h3-29", "http3", "http/3", "quic"))


def check_offered(value: Any) -> Any:
    """``value``, which may be anything; raises ``ValueError`` if it means HTTP/3, by whichever name."""
    if isinstance(value, str) and value.lower() in _HTTP3:
        raise ValueError("HTTP/3 is not offered: docs/design/http3.md says why, and how a balancer in front speaks it")
    return value


Protocol = Annotated[Literal["h2", "http/1.1"], BeforeValidator(check_offered)]
"""What is spoken with clients or services."""
