"""Whether a caller still is who was let in: looked at again while a session or a long answer lasts.

A credential may end meanwhile, or be revoked, and nobody asks at each message. So it is looked at every second.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from portcullis.engine.codes import CALLER_EXPIRED
from portcullis.engine.decision import Finding, Refuse
from portcullis.engine.exchange import Exchange

if TYPE_CHECKING:
    from portcullis.engine.authentication.proof import Standing
    from portcullis.mounts.reverse_proxy.gateway import Gateway

LOOK_NS: Final = 10**9


class CallerWatch:
    """Looks again at the caller of ``exchange``; ``refuse`` is called once it does not stand any more."""

    __slots__ = ("_asked_ns", "_asking", "_exchange", "_gateway", "_look", "_refuse")

    def __init__(
        self, gateway: Gateway, exchange: Exchange, look: Standing | None, refuse: Callable[[Refuse], None]
    ) -> None:
        self._gateway = gateway
        self._exchange = exchange
        self._look = look
        self._refuse = refuse
        self._asking = False
        self._asked_ns = gateway.now()

    def look(self) -> bool:
        """Whether the caller stands, as far as that is known at once; if not, it has been refused."""
        identity = self._exchange.facts.identity
        if identity.expires is not None and self._gateway.wall() >= identity.expires:
            self._end("it has expired")
            return False
        if self._look is None or self._asking:
            return True
        now = self._gateway.now()
        exchange = self._exchange
        found = self._look(exchange.request, exchange.facts.proven_by, (now - self._asked_ns) / 1e9)
        if isinstance(found, Refuse):
            self._end(found.code.name)
            return False
        if found is not None:
            self._asking = True
            self._asked_ns = now
            self._gateway.spawn(self._wait(found))
        return True

    async def _wait(self, pending: Awaitable[Refuse | None]) -> None:
        try:
            found = await pending
        finally:
            self._asking = False
        if found is not None:
            self._end(found.code.name)

    def _end(self, why: str) -> None:
        identity = self._exchange.facts.identity
        self._refuse(
            Refuse(
                CALLER_EXPIRED,
                finding=Finding(
                    found=why,
                    allowed="a credential that holds",
                    source=identity.name and f"#/identities/{identity.name}",
                ),
            )
        )
