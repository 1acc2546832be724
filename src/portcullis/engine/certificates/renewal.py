"""When a certificate is renewed: decided from numbers alone, so that a year of it can be tried in a second.

What the authority suggests comes first (ACME Renewal Information, RFC 9773): a moment of its window that is drawn once
for each certificate, at once where the window has passed, which is how it tells of a revocation. Without that it is
two thirds of the certificate's life, and somewhat earlier by the same draw, so that certificates issued together are
not renewed together. Failures back off, never so far that the rest of a short life is slept through. One that is
revoked is replaced at once; if its successor is revoked too, and that one's, then ever later.
"""

from __future__ import annotations

from typing import Final

import msgspec

LIFE_PART: Final = 2 / 3
SPREAD: Final = 0.04
"""The part of a life by which renewals are spread."""
FIRST_PAUSE: Final = 30.0
LONGEST_PAUSE: Final = 6 * 3600.0
ASK_EVERY: Final = 6 * 3600.0
"""Seconds between two looks at what the authority suggests, where it names none (RFC 9773 4.3.3)."""
ASK_AT_LEAST, ASK_AT_MOST = 60.0, 24 * 3600.0
"""Between which what it names is taken (RFC 9773 4.3.2)."""
_PAUSES: Final = 8
"""While a certificate lives as many attempts fit into what is left of it, at least."""


class RenewalState(msgspec.Struct, frozen=True):
    """What is remembered of one certificate between attempts. Times are Unix seconds.

    ``serial``: the certificate that the rest is about; ``draw``: between 0 and 1, drawn once for it; ``failures``: in
    a row; ``not_before``: no attempt earlier; ``error``: of the last attempt; ``start``, ``end``: the window that the
    authority suggests; ``ask_at``: when to ask it again; ``why``: its explanation; ``revoked``: it is to be replaced
    whatever its age; ``issuer``: the authority that issued it; ``replaces``: how many that were revoked, in a row, it
    stands for.
    """

    serial: str = ""
    draw: float = 0.5
    failures: int = 0
    not_before: float = 0.0
    error: str = ""
    start: float | None = None
    end: float | None = None
    ask_at: float = 0.0
    why: str = ""
    revoked: bool = False
    issuer: str = ""
    replaces: int = 0


class Life(msgspec.Struct, frozen=True):
    """From when to when a certificate holds, in Unix seconds."""

    start: float
    end: float


def due_at(life: Life | None, state: RenewalState) -> float:
    """When the next attempt is due; 0 for at once, where there is no certificate at all."""
    return max(_wanted_at(life, state), state.not_before)


def _wanted_at(life: Life | None, state: RenewalState) -> float:
    if life is None or state.revoked:
        return 0.0
    own = life.start + (life.end - life.start) * (LIFE_PART - SPREAD * state.draw)
    if state.start is None or state.end is None:
        return own
    # A window that would let it end is a mistake of the authority's (RFC 9773 4.3).
    suggested = state.start + (state.end - state.start) * state.draw
    return suggested if suggested < life.end else own


def renewed(serial: str, draw: float, before: RenewalState | None = None) -> RenewalState:
    """The state of a new certificate; ``before``: of the one that was there."""
    replaces = before.replaces + 1 if before is not None and before.revoked else 0
    return RenewalState(serial, draw, replaces=replaces)


def revoked(state: RenewalState, now: float) -> RenewalState:
    """The state once the certificate is known to be revoked: it is replaced at once.

    A pause after an attempt that failed is kept. An authority that calls all it issues revoked is not asked for one
    after the other.
    """
    pause = min(FIRST_PAUSE * 2.0 ** min(state.replaces, 16), LONGEST_PAUSE) if state.replaces else 0.0
    return msgspec.structs.replace(state, revoked=True, not_before=max(state.not_before, now + pause))


def failed(state: RenewalState, life: Life | None, now: float, error: str, *, wait: float = 0.0) -> RenewalState:
    """The state after an attempt that failed at ``now``; ``wait``: seconds that the authority asks to wait at least.

    Without a certificate, and once it has ended, the pause still grows to its longest: authorities lock out whoever
    asks too often.
    """
    pause = min(FIRST_PAUSE * 2.0 ** min(state.failures, 16), LONGEST_PAUSE)
    if life is not None and life.end > now:
        pause = min(pause, max(FIRST_PAUSE, (life.end - now) / _PAUSES))
    pause *= 1 + state.draw / 4  # not all at the same moment
    return msgspec.structs.replace(
        state, failures=state.failures + 1, not_before=now + max(pause, wait), error=error[:500]
    )


def suggested(
    state: RenewalState, now: float, start: float, end: float, *, again_in: float | None = None, why: str = ""
) -> RenewalState:
    """The state once the authority has suggested a window; ``again_in``: seconds until it wants to be asked again."""
    if end <= start:
        return not_suggested(state, now)
    pause = ASK_EVERY if again_in is None else min(max(again_in, ASK_AT_LEAST), ASK_AT_MOST)
    return msgspec.structs.replace(state, start=start, end=end, ask_at=now + pause, why=why[:500])


def not_suggested(state: RenewalState, now: float) -> RenewalState:
    """The state after the authority did not say anything that makes sense: what it said before still holds."""
    return msgspec.structs.replace(state, ask_at=now + ASK_EVERY)
