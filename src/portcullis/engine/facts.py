"""What is established about an exchange while it passes the phases.

Facts only grow: a step may add one, never change or remove one. Later steps and the record read them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from portcullis.engine.api_key_format import PREFIX, mask
from portcullis.engine.decision import Finding, Modify, Refuse
from portcullis.engine.identity import ANONYMOUS, Identity

Outcome = Literal["allow", "refuse", "would_refuse", "modify", "would_modify", "error"]


class _Unread:
    def __repr__(self) -> str:
        return "UNREAD"


UNREAD: Final = _Unread()
"""Stands for the parsed body of a request whose body nobody has parsed."""

_NO_ARGUMENTS: Final[Mapping[str, Any]] = {}


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one policy said about the exchange. ``code`` is empty where it allowed it.

    ``would_refuse`` and ``would_modify`` are verdicts of a policy in ``monitor`` mode.
    """

    policy: str
    outcome: Outcome
    code: str = ""
    detail: str = ""
    finding: Finding | None = None


class Facts(msgspec.Struct, eq=False, gc=False):
    """The append-only facts of one exchange.

    ``identity``: who calls (``ANONYMOUS`` until authenticated); ``proven_by``: which of what the operation accepts
    proved it, by its place; -1 where something else did; ``verdicts``: in order of the phases;
    ``response_fields``: header fields that policies add to whatever answer the client gets; ``arguments``: values of
    parameters by the checker's name of their schema; ``document``: the value that the body says, :data:`UNREAD` where
    nobody has parsed it.
    """

    identity: Identity = ANONYMOUS
    proven_by: int = -1
    verdicts: list[Verdict] = []
    response_fields: list[tuple[bytes, bytes]] = []
    arguments: Mapping[str, Any] = _NO_ARGUMENTS
    document: Any = UNREAD

    def identify(self, identity: Identity, proven_by: int = -1) -> None:
        """Establish who calls, and what proved it. May be done once."""
        if self.identity is not ANONYMOUS:
            raise RuntimeError("the identity of an exchange is established once")
        self.identity = identity
        self.proven_by = proven_by

    def refused(self, policy: str, refusal: Refuse, outcome: Outcome) -> None:
        """Add the verdict of a policy that refused (or, in monitor mode, would have)."""
        detail, finding = refusal.detail, refusal.finding
        if finding is not None:
            finding = _without_keys(finding)
        self.verdicts.append(Verdict(policy, outcome, refusal.code.name, mask(detail), finding))

    def modified(self, policy: str, change: Modify, outcome: Outcome) -> None:
        """Add the verdict of a policy that changed something (or, in monitor mode, would have) and says what."""
        if change.code is not None:
            finding = change.finding and _without_keys(change.finding)
            self.verdicts.append(Verdict(policy, outcome, change.code.name, "", finding))


def _without_keys(finding: Finding) -> Finding:
    """``finding`` without a key of ours, wherever a client put one: a name of a field or a parameter, a value."""
    pointer, found = finding.pointer, finding.found
    if PREFIX not in pointer and PREFIX not in found:
        return finding
    return msgspec.structs.replace(finding, pointer=mask(pointer), found=mask(found))


def allowed(policy: str) -> Verdict:
    """The verdict of ``policy`` where it has nothing against the exchange; make it once, at compile time."""
    return Verdict(policy, "allow")
