"""The bounds of an answer that may take long: how long it lasts, how many bytes it has, and whom it is for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from portcullis.engine.codes import STREAM_BYTES, STREAM_LIFETIME
from portcullis.engine.config.values import format_duration
from portcullis.engine.decision import Finding, Refuse
from portcullis.engine.exchange import Exchange
from portcullis.engine.websocket.rules import StreamRules
from portcullis.mounts.standing import LOOK_NS, CallerWatch

if TYPE_CHECKING:
    from portcullis.mounts.reverse_proxy.gateway import Gateway


class LongAnswer:
    """Ends an answer (by ``refuse``) that lasts too long or becomes too large, or whose caller stands no more."""

    __slots__ = ("_caller", "_exchange", "_gateway", "_refuse", "_rules", "_until", "deadline")

    def __init__(
        self, gateway: Gateway, exchange: Exchange, rules: StreamRules, refuse: Callable[[Refuse], None]
    ) -> None:
        now = gateway.now()
        self._gateway = gateway
        self._exchange = exchange
        self._rules = rules
        self._refuse = refuse
        self._until = now + rules.lifetime_ns
        self._caller = CallerWatch(gateway, exchange, rules.standing, refuse)
        self.deadline = min(self._until, now + LOOK_NS)
        gateway.deadlines.add(self)

    def passes(self) -> bool:
        """Whether what was counted of the answer so far may be sent; if not, it has been ended."""
        most = self._rules.max_bytes
        if not most or self._exchange.bytes_out <= most:
            return True
        finding = Finding("/response/body", allowed=f"at most {most} bytes", source=f"{self._rules.source}/max_bytes")
        self._refuse(Refuse(STREAM_BYTES, finding=finding))
        return False

    def expire(self) -> None:
        """It is time to look."""
        now = self._gateway.now()
        if now >= self._until:
            most = format_duration(self._rules.lifetime_ns / 1e9)
            finding = Finding("/response/body", allowed=f"at most {most}", source=f"{self._rules.source}/lifetime")
            self._refuse(Refuse(STREAM_LIFETIME, finding=finding))
        elif self._caller.look():
            self.deadline = min(self._until, now + LOOK_NS)

    def end(self) -> None:
        """The answer is over."""
        self._gateway.deadlines.discard(self)
