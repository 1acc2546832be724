"""What becomes of one exchange: its state, and how a decision of a step changes it."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import msgspec

from portcullis.engine.codes import INTERNAL
from portcullis.engine.codings import Decoder
from portcullis.engine.decision import Answer, Finding, Modify, Refuse
from portcullis.engine.facts import Facts
from portcullis.engine.policy import BodyScanner, FirstRead, Step
from portcullis.engine.request import RequestView

NOTHING_REMOVED: Final[frozenset[bytes]] = frozenset()

NO_DECISION: Final = Refuse(INTERNAL, finding=Finding(found="no decision in time"))

End = Refuse | Answer
"""What ends an exchange before the service is asked."""


class AnswerChanges(msgspec.Struct, eq=False, gc=False):
    """What steps changed in the answer to the client.

    ``fields``: the modifications that concern header fields, in order; ``body``: instead of what the service sent, if
    not ``None``.
    """

    fields: tuple[Modify, ...] = ()
    body: bytes | None = None


class Outcome(msgspec.Struct, eq=False, gc=False):
    """One request and what becomes of it. ``arrived_ns`` is of the shared monotonic clock, ``arrived`` Unix seconds.

    ``awaited``: the step that has not decided yet, and those after it; ``reads``: how many ``before`` steps were asked,
    and ``reading``: what the last one wants to be read.
    """

    request: RequestView
    request_id: str
    trace_id: str
    arrived_ns: int
    arrived: float
    facts: Facts = msgspec.field(default_factory=Facts)
    refusal: Refuse | None = None
    set_fields: dict[bytes, bytes] | None = None
    removed_fields: frozenset[bytes] = NOTHING_REMOVED
    query: str | None = None
    body: bytes | None = None
    holds_body: bool = False
    unreadable: bool = False
    awaited: tuple[Step, tuple[Step, ...]] | None = None
    scanners: list[tuple[Step, BodyScanner]] | None = None
    decoder: Decoder | None = None
    reads: int = 0
    reading: tuple[Step, FirstRead] | None = None
    holds_response: bool = False
    answer: AnswerChanges | None = None
    status: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    upstream: str = ""
    upstream_status: int = 0
    upstream_ns: int = 0
    grpc_status: int = -1

    def refuse(self, refusal: Refuse, policy: str = "") -> Refuse:
        """End the exchange with ``refusal``; the first one stays. ``policy``: who refused, if it was a policy."""
        if self.refusal is None:
            self.refusal = refusal
            self.facts.refused(policy or refusal.code.phase, refusal, "refuse")
        return self.refusal

    def refused(self, step: Step, refusal: Refuse) -> Refuse | None:
        """``step`` refuses; ``None`` if it is only monitored."""
        if step.monitor:
            self.facts.refused(step.policy, refusal, "would_refuse")
            return None
        return self.refuse(refusal, step.policy)

    def refused_by_all(self, steps: tuple[Step, ...], refusal: Refuse) -> Refuse | None:
        """Refuse what none of ``steps`` could read; ``None`` if all of them are only monitored."""
        if all_monitored(steps):
            self.facts.refused(steps[0].policy, refusal, "would_refuse")
            return None
        return self.refuse(refusal)

    def failed(self, step: Step, error: Exception) -> Refuse | None:
        """A step that could not be evaluated refuses, and only the record learns what went wrong."""
        return self.undecided(step, self.internal_error(error))

    def undecided(self, step: Step, refusal: Refuse) -> Refuse | None:
        """``step`` came to no decision, which is a ``refusal`` unless it is only monitored."""
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


def _raised_in(error: Exception) -> str:
    """Module and line that raised ``error``: never its message, which may quote the request."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_globals.get('__name__', '')}:{trace.tb_lineno}"


@lru_cache(maxsize=1024)
def union(some: frozenset[bytes], others: frozenset[bytes]) -> frozenset[bytes]:
    """Both together: the same object each time, since mounts remember what they rendered without these fields."""
    return some | others


def all_monitored(steps: tuple[Step, ...]) -> bool:
    """Whether none of ``steps`` may refuse."""
    return all(step.monitor for step in steps)
