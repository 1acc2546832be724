"""One instance of a service: the connections to it that are kept, and its health as exchanges show it."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from portcullis.mounts.reverse_proxy.http2_upstream import Http2UpstreamConnection
    from portcullis.mounts.reverse_proxy.pool import UpstreamPool
    from portcullis.mounts.reverse_proxy.upstream import UpstreamConnection

MAX_EJECTION_NS: Final = 300 * 10**9


class Target:
    """One instance of a service.

    ``idle``: connections of HTTP/1.1 that nobody uses; ``shared``: those of HTTP/2 that take more requests; ``open``:
    all there are, and that are under way; ``shares``: whether it speaks HTTP/2, ``None`` as long as that is not known.
    """

    __slots__ = (
        "addresses",
        "authority",
        "connecting",
        "ejected_until",
        "ejections",
        "failures",
        "host",
        "idle",
        "open",
        "pool",
        "port",
        "resolved_at",
        "secure",
        "shared",
        "shares",
        "turn",
        "url",
    )

    def __init__(self, pool: UpstreamPool, url: str) -> None:
        parts = urlsplit(url)
        self.pool = pool
        self.url = url
        self.secure = parts.scheme == "https"
        self.host = parts.hostname or ""
        self.port = parts.port or (443 if self.secure else 80)
        self.authority = parts.netloc.encode("idna" if not parts.netloc.isascii() else "ascii")
        self.idle: list[UpstreamConnection] = []
        self.shared: list[Http2UpstreamConnection] = []
        self.shares: bool | None = "h2" in pool.protocols
        if self.shares and len(pool.protocols) > 1:
            self.shares = None
        self.connecting = 0
        self.open = 0
        self.failures = 0
        self.ejections = 0
        self.ejected_until = 0
        self.turn = 0
        self.resolved_at = 0
        self.addresses: Sequence[str] = (self.host,) if is_address(self.host) else ()

    def __repr__(self) -> str:
        return f"<Target {self.url} open={self.open} idle={len(self.idle)} failures={self.failures}>"

    def succeeded(self) -> None:
        """An exchange with it came to its end."""
        self.failures = 0
        self.ejections = 0

    def failed(self) -> None:
        """It could not be reached, did not answer in time, or answered garbage."""
        self.failures += 1
        if self.failures >= self.pool.ejection_failures:
            self.failures = 0
            length = min(self.pool.ejection_ns << min(self.ejections, 16), MAX_EJECTION_NS)
            self.ejections += 1
            self.ejected_until = self.pool.deadlines.now() + length

    def free(self) -> Http2UpstreamConnection | None:
        """A connection of HTTP/2 on which the service takes another request, and bodies, if there is one."""
        second = None
        for connection in self.shared:
            if connection.has_room:
                if not connection.is_stalled:
                    return connection
                second = second or connection
        return second


def is_address(host: str) -> bool:
    """Whether ``host`` is an address rather than a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
