"""The life of one exchange as the engine sees it: routed, decided phase by phase, recorded.

A mount makes an :class:`Exchange` when a request head has arrived, then calls, in this order and until one of
them refuses: :meth:`Exchange.decide_head`, and, if the operation has ``body_steps`` and the whole body is there,
:meth:`Exchange.decide_body`. It then carries the request to the upstream with the changes that steps asked for
(``set_fields``, ``removed_fields``, ``query``, ``body``), and at the end asks for :meth:`Exchange.record`.

Steps of a pipeline run one after another. A step that fails, or decides something that can't be applied, refuses
(fail closed); a step in ``monitor`` mode never ends an exchange, neither by refusing nor by failing. A step may return
an awaitable: then ``decide_*`` returns one too, and the mount awaits it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import Final

import msgspec

from portcullis.engine.codes import CLIENT_ABORTED, INTERNAL
from portcullis.engine.decision import Finding, Modify, Refuse
from portcullis.engine.facts import Facts
from portcullis.engine.policy import Decision, Step
from portcullis.engine.record import Record, Timestamps
from portcullis.engine.redaction import redact_target
from portcullis.engine.request import RequestView

_timestamps = Timestamps()
_NOTHING_REMOVED: Final[frozenset[bytes]] = frozenset()
_DECISIONS: Final = (Refuse, Modify)


class Exchange(msgspec.Struct, eq=False, gc=False):
    """One request and what becomes of it. ``arrived_ns`` is of the shared monotonic clock, ``arrived`` Unix seconds."""

    request: RequestView
    request_id: str
    trace_id: str
    arrived_ns: int
    arrived: float
    facts: Facts = msgspec.field(default_factory=Facts)
    refusal: Refuse | None = None
    set_fields: dict[bytes, bytes] | None = None
    removed_fields: frozenset[bytes] = _NOTHING_REMOVED
    query: str | None = None
    body: bytes | None = None
    status: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    upstream: str = ""
    upstream_status: int = 0
    upstream_ns: int = 0

    def decide_head(self) -> Refuse | Awaitable[Refuse | None] | None:
        """Run the steps that need only the head. The request must have been routed."""
        return self._run(self.request.operation.head_steps)

    def decide_body(self, body: bytes) -> Refuse | Awaitable[Refuse | None] | None:
        """Run the steps that need the whole body."""
        self.request.body = body
        return self._run(self.request.operation.body_steps)

    def refuse(self, refusal: Refuse, policy: str = "") -> Refuse:
        """End the exchange with ``refusal``; the first one stays. ``policy``: who refused, if it was a policy."""
        if self.refusal is None:
            self.refusal = refusal
            self.facts.refused(policy or refusal.code.phase, refusal, "refuse")
        return self.refusal

    def _run(self, steps: tuple[Step, ...]) -> Refuse | Awaitable[Refuse | None] | None:
        request, facts = self.request, self.facts
        for index, step in enumerate(steps):
            try:
                decision = step.run(request, facts)
                if decision is None:
                    if step.allowed is not None:
                        facts.verdicts.append(step.allowed)
                    continue
                if not isinstance(decision, _DECISIONS):
                    return self._wait(step, decision, steps[index + 1 :])
                refusal = self._apply(step, decision)
            except Exception as error:  # noqa: BLE001 - whatever a step raises, the exchange must not pass
                refusal = self._failed(step, error)
            if refusal is not None:
                return refusal
        return None

    async def _wait(self, step: Step, pending: Awaitable[Decision], rest: tuple[Step, ...]) -> Refuse | None:
        """Await the decision of ``step``, apply it, and go on with the rest."""
        try:
            refusal = self._apply(step, await pending)
        except Exception as error:  # noqa: BLE001 - as in _run
            refusal = self._failed(step, error)
        if refusal is not None:
            return refusal
        decision = self._run(rest)
        return decision if decision is None or isinstance(decision, Refuse) else await decision

    def _apply(self, step: Step, decision: Decision) -> Refuse | None:
        if isinstance(decision, Refuse):
            if step.monitor:
                self.facts.refused(step.policy, decision, "would_refuse")
                return None
            return self.refuse(decision, step.policy)
        if isinstance(decision, Modify):
            if not step.monitor:
                self._modify(decision)
        elif decision is not None:
            raise TypeError("a step decides None, Refuse or Modify")
        if step.allowed is not None:
            self.facts.verdicts.append(step.allowed)
        return None

    def _modify(self, change: Modify) -> None:
        """Note what ``change`` asks for: of two that concern the same field, the later one counts."""
        if change.body is not None:
            if self.request.body is None:
                raise ValueError("a step that does not need the body can't replace it")
            self.body = self.request.body = change.body
        if change.remove_fields:
            # The very object where it is the only one: mounts remember what they rendered for it.
            self.removed_fields = (
                change.remove_fields | self.removed_fields if self.removed_fields else change.remove_fields
            )
            if self.set_fields:
                self.set_fields = {k: v for k, v in self.set_fields.items() if k not in change.remove_fields}
        if change.set_fields:
            self.set_fields = {**(self.set_fields or {}), **dict(change.set_fields)}
            self.removed_fields |= self._written_alike(change.set_fields)
        if change.query is not None:
            self.query = change.query

    def _written_alike(self, fields: Iterable[tuple[bytes, bytes]]) -> set[bytes]:
        """Names in the request that a service may take for one of ``fields``.

        CGI and WSGI read ``x_consumer`` and ``x-consumer`` as the same variable (RFC 3875 4.1.18): a client must not
        be able to say something beside what a step says.
        """
        names = {name.replace(b"_", b"-") for name, _ in fields}
        return {name for name, _ in self.request.fields if name.replace(b"_", b"-") in names}

    def _failed(self, step: Step, error: Exception) -> Refuse | None:
        """A step that could not be evaluated refuses, and only the record learns what went wrong."""
        refusal = self.internal_error(error)
        self.facts.refused(step.policy, refusal, "error")
        if step.monitor:
            return None
        self.refusal = self.refusal or refusal
        return self.refusal

    @staticmethod
    def internal_error(error: Exception) -> Refuse:
        """The refusal of what failed with ``error``: only the record learns what it was, and where."""
        return Refuse(
            INTERNAL, finding=Finding(found=type(error).__name__, allowed="a decision", source=_raised_in(error))
        )

    def record(self, now_ns: int) -> Record:
        """The record of the exchange, which ended at ``now_ns``."""
        request, facts, refusal = self.request, self.facts, self.refusal
        identity = facts.identity
        consumer = identity.consumer
        operation = request.operation
        total = max(0, now_ns - self.arrived_ns) // 1000
        upstream = min(total, self.upstream_ns // 1000)
        return Record(
            _timestamps.format(self.arrived),
            self.request_id,
            self.trace_id,
            request.client,
            request.method,
            redact_target(request.target),
            "allow" if refusal is None else "abort" if refusal.code is CLIENT_ABORTED else "refuse",
            self.status,
            request.host,
            operation.api,
            operation.version,
            operation.name,
            consumer.name if consumer is not None else "",
            identity.subject,
            identity.credential,
            refusal.code.name if refusal is not None else "",
            facts.verdicts,
            self.upstream,
            self.upstream_status,
            self.bytes_in,
            self.bytes_out,
            total,
            upstream,
            total - upstream,
        )


def _raised_in(error: Exception) -> str:
    """Module and line that raised ``error``: never its message, which may quote the request."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_globals.get('__name__', '')}:{trace.tb_lineno}"
