"""Several identities at one operation: any of them, or some of them together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Final

import msgspec

from portcullis.engine.authentication.proof import (
    ABSENT,
    MISSING,
    Authenticator,
    NotMine,
    Outcome,
    Proof,
    Proven,
    Standing,
)
from portcullis.engine.decision import Finding, Refuse
from portcullis.engine.facts import Facts
from portcullis.engine.identity import Identity
from portcullis.engine.policy import Step, StepFunction
from portcullis.engine.request import RequestView

_CHALLENGE: Final = b"www-authenticate"
_WITHOUT_SCOPES: Final = frozenset({"basic", "hmac", "http_signature", "mtls"})
"""Methods that say nothing of scopes. Of all others one that has none grants none."""


def first_present_decides(accepted: Sequence[Authenticator]) -> StepFunction:
    """The step that establishes who calls: the first of ``accepted`` whose credential is there decides."""
    refused = _challenging(accepted)
    challenges = _challenges(accepted)
    proofs = tuple((place, authenticator.prove) for place, authenticator in enumerate(accepted))
    missing = Refuse(MISSING, finding=Finding(allowed=_wanted(accepted)), fields=challenges)

    async def when_proven(pending: Awaitable[Proven], facts: Facts, place: int) -> Refuse | None:
        outcome = await pending
        if isinstance(outcome, Refuse):
            return refused(outcome)
        facts.identify(outcome, place)
        return None

    def authenticate(request: RequestView, facts: Facts) -> Refuse | Awaitable[Refuse | None] | None:
        nobodys: Refuse | None = None
        for place, prove in proofs:
            outcome = prove(request, facts)
            if isinstance(outcome, Identity):
                facts.identify(outcome, place)
                return None
            if outcome == ABSENT:
                continue
            if isinstance(outcome, NotMine):
                nobodys = nobodys or outcome.refusal
            elif isinstance(outcome, Refuse):
                return refused(outcome)
            else:
                return when_proven(outcome, facts, place)
        return missing if nobodys is None else refused(nobodys)

    return authenticate


def still_proven(accepted: Sequence[Authenticator]) -> Standing:
    """What looks again at a request that was let in: the refusal if its credential does not hold any more.

    It asks what proved the caller, and nothing else of ``accepted``.

    A credential that can't be shown twice (a proof with a nonce) is taken to hold, and so is one that nobody can be
    asked about now: until when they hold at most is known (:attr:`Identity.expires`).
    """

    async def when_proven(pending: Awaitable[Proven]) -> Refuse | None:
        return _of_the_credential(await pending)

    def look(request: RequestView, proven_by: int, asked: float) -> Refuse | Awaitable[Refuse | None] | None:
        if proven_by < 0 or not (by := accepted[proven_by]).repeats:
            return None
        outcome = by.prove(request, Facts()) if by.looks is None else by.looks(request, asked)
        if outcome == ABSENT or isinstance(outcome, NotMine):
            return None
        if isinstance(outcome, Awaitable):
            if asked >= by.recheck:
                return when_proven(outcome)
            if isinstance(outcome, Coroutine):
                outcome.close()
            return None
        return _of_the_credential(outcome)

    return look


def _of_the_credential(outcome: Proven) -> Refuse | None:
    return outcome if isinstance(outcome, Refuse) and outcome.status == 401 else None


def further_steps(accepted: Sequence[Authenticator]) -> tuple[Step, ...]:
    """What identities have to look at once the head has passed. What they refuse looks like every other refusal.

    It is refused in ``monitor`` mode too: by then the caller is somebody.
    """
    refused = _challenging(accepted)

    def challenging(step: Step) -> Step:
        def run(request: RequestView, facts: Facts) -> Refuse | None:
            refusal: Refuse | None = step.run(request, facts)
            return refusal and refused(refusal)

        return msgspec.structs.replace(step, run=run)

    steps = dict.fromkeys(step for authenticator in accepted for step in authenticator.steps)
    return tuple(map(challenging, steps))


def _challenges(accepted: Sequence[Authenticator]) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((_CHALLENGE, each.challenge) for each in accepted if each.challenge)


def _challenging(accepted: Sequence[Authenticator]) -> Callable[[Refuse], Refuse]:
    """What gives a refusal without header fields the challenges of all that is accepted."""
    challenges = _challenges(accepted)

    def refused(refusal: Refuse) -> Refuse:
        if refusal.fields or refusal.status != 401:
            return refusal
        return msgspec.structs.replace(refusal, fields=challenges)

    return refused


def all_of(members: Sequence[Authenticator]) -> Authenticator:
    """An authenticator that wants the credentials of all ``members``; the caller is who the first of them proves.

    What the others prove is kept beside it (``Identity.also``). Where some credentials are there and others are not
    the caller is refused, and no other identity is asked.
    """
    policies = {member.policy for member in members}
    fields = dict.fromkeys(field for member in members for field in member.fields)
    return Authenticator(
        policy=policies.pop() if len(policies) == 1 else "authenticate",
        prove=_prove_all(members),
        challenge=next((member.challenge for member in members if member.challenge), b""),
        fields=tuple(fields),
        steps=tuple(step for member in members for step in member.steps),
        repeats=all(member.repeats and member.looks is None for member in members),
    )


def _prove_all(members: Sequence[Authenticator]) -> Proof:
    proofs = tuple(member.prove for member in members)
    missing = Refuse(MISSING, finding=Finding(allowed=f"all of: {_wanted(members)}"))

    async def wait(outcomes: list[Outcome]) -> Proven:
        proven: list[Identity] = []
        refusal: Refuse | None = None
        for outcome in outcomes:
            settled = await outcome if isinstance(outcome, Awaitable) else outcome
            if isinstance(settled, Identity):
                proven.append(settled)
            else:
                refusal = refusal or (settled if isinstance(settled, Refuse) else missing)
        return refusal or together(proven)

    def prove(request: RequestView, facts: Facts) -> Outcome:
        outcomes = [each(request, facts) for each in proofs]
        if any(isinstance(outcome, Awaitable) for outcome in outcomes):
            return wait(outcomes)
        if all(outcome == ABSENT for outcome in outcomes):
            return ABSENT
        for outcome in outcomes:
            if isinstance(outcome, Refuse):
                return outcome
        for outcome in outcomes:
            if isinstance(outcome, NotMine):
                return outcome
        if ABSENT in outcomes:
            return missing
        return together([outcome for outcome in outcomes if isinstance(outcome, Identity)])

    return prove


def together(identities: Sequence[Identity]) -> Identity:
    """One identity of several that were proven: the first, with the others beside it.

    Its scopes are those that all of them have whose method knows of scopes: more than one credential never grants
    more. It holds until the first of them ends.
    """
    first, *others = identities
    scoped = [each.scopes for each in identities if each.method not in _WITHOUT_SCOPES]
    ends = [each.expires for each in identities if each.expires is not None]
    return msgspec.structs.replace(
        first,
        scopes=frozenset.intersection(*scoped) if scoped else frozenset(),
        also=tuple(others),
        expires=min(ends, default=None),
    )


def _wanted(accepted: Sequence[Authenticator]) -> str:
    return ", ".join(each.challenge.decode("latin-1") or each.policy for each in accepted)
