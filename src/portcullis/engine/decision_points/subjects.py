"""Who calls, as a decision point is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from portcullis.engine.authentication.callers import CallerTypes, identities_of_callers
from portcullis.engine.decision_points.asking import USER, DecisionPoint
from portcullis.engine.decision_points.questions import Entity
from portcullis.engine.facts import Facts

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext


def subject_reader(
    point: DecisionPoint, context: OperationContext, claims: Sequence[str] = ()
) -> Callable[[Facts], Entity | None]:
    """Reads who calls; ``None`` for nobody in particular. ``claims``: which of the claims are told.

    Raises :class:`~portcullis.engine.authentication.callers.UntoldCallersError`.
    """
    subjects = dict(point.config.subjects)
    callers = identities_of_callers(context)
    if len(callers) == 1:
        subjects.setdefault(callers[0], USER)
    types = CallerTypes(context, subjects)

    def read(facts: Facts) -> Entity | None:
        identity = facts.identity
        type_ = types.of(facts)
        if type_ is None:
            return None
        consumer = identity.consumer
        properties: dict[str, Any] = {
            "identity": identity.name,
            "issuer": identity.issuer,
            "consumer": "" if consumer is None else consumer.name,
            "roles": sorted(identity.roles),
            "scopes": sorted(identity.scopes),
            "claims": {name: identity.claims[name] for name in claims if name in identity.claims},
        }
        return Entity(type_, identity.subject, {name: value for name, value in properties.items() if value})

    return read
