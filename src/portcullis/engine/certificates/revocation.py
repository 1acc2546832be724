"""What is known of whether a certificate of our own is revoked, and when its authority is asked again.

Nothing here looks at a clock or a file. That nobody could be asked is no fault of the certificate: what was known of
a revocation still holds, and else it is unknown.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from portcullis.engine.certificates.judging import Problem

DAY: Final = 86_400.0
FIRST_SECONDS: Final = 5.0
"""Within which a certificate is asked about that is new, or that a start has found: not all at the same moment."""
_SPREAD: Final = 0.1
"""The part of a day by which the next time is earlier, by a draw."""
_FIRST_PAUSE: Final = 3600.0
"""Until whoever did not answer is asked again; doubled each time, up to a day."""

Status = Literal["good", "revoked", "unknown"]


class Told(msgspec.Struct, frozen=True):
    """What ``source`` (a URL, or a file) says of a certificate.

    ``since`` (Unix seconds) and ``reason`` (RFC 5280 5.3.1): of a revocation, where they are told.
    """

    status: Literal["good", "revoked"]
    source: str
    since: float | None = None
    reason: str = ""


class Finding(msgspec.Struct, frozen=True):
    """What is known of one certificate. Times are Unix seconds.

    ``asked_at``, ``answered_at``: for the last time; ``source``, ``since``, ``reason``: as in :class:`Told`, of the
    last answer; ``why``: what was in the way since then; ``failures``: in a row.
    """

    status: Status
    asked_at: float
    answered_at: float | None = None
    source: str = ""
    since: float | None = None
    reason: str = ""
    why: str = ""
    failures: int = 0


def answered(told: Told, now: float) -> Finding:
    """What is known after an answer."""
    reason = "" if told.reason == "unspecified" else told.reason
    return Finding(told.status, now, now, told.source, told.since, reason)


def not_answered(before: Finding | None, why: str, now: float) -> Finding:
    """What is known after nobody gave an answer that can be gone by."""
    known = before or Finding("unknown", now)
    status: Status = "revoked" if known.status == "revoked" else "unknown"
    return msgspec.structs.replace(known, status=status, asked_at=now, why=why[:500], failures=known.failures + 1)


def nobody_to_ask(why: str, now: float) -> Finding:
    """What is known of a certificate that names nobody who could be asked."""
    return Finding("unknown", now, why=why)


def first_at(now: float, draw: float) -> float:
    """When a certificate is asked about that was found at ``now``; ``draw``: between 0 and 1."""
    return now + FIRST_SECONDS * draw


def next_at(finding: Finding, draw: float) -> float:
    """When a certificate is asked about again; ``draw``: between 0 and 1."""
    pause = DAY
    if finding.failures:
        pause = min(DAY, _FIRST_PAUSE * 2.0 ** min(finding.failures - 1, 16))
    return finding.asked_at + pause * (1 - _SPREAD * draw)


def problem_of(finding: Finding | None) -> Problem | None:
    """What is wrong with a certificate of which this is known."""
    if finding is None or finding.status != "revoked":
        return None
    since = "" if finding.since is None else f" since {datetime.fromtimestamp(finding.since, UTC):%Y-%m-%d %H:%M} UTC"
    reason = f" ({finding.reason})" if finding.reason else ""
    return Problem("revoked", f"revoked{since}{reason}, says {finding.source}", grave=True)
