"""Of which type the callers of an operation are, where more is known of callers than their names.

Two identities may know different callers by the same name: ``alice`` of one issuer need not be ``alice`` of another. So
whoever asks others about a caller says which identity proved it, by a type.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from portcullis.engine.facts import Facts

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext


_KEYS: Final = "api_key:"
"""Stands for all identities that look for API keys. No identity can have this name."""


class UntoldCallersError(Exception):
    """Of which type some callers are can't be told. ``identity``: what proves them; the message says why."""

    def __init__(self, identity: str, message: str) -> None:
        super().__init__(message)
        self.identity = identity


def identities_of_callers(context: OperationContext) -> tuple[str, ...]:
    """The identities of the file by which callers of an operation are proven; none where anyone may call."""
    settings = context.settings
    if settings.public or settings.authenticate is None:
        return ()
    entries = settings.authenticate.any_of
    # Of several that are proven together the caller is the first.
    return tuple(dict.fromkeys(entry if isinstance(entry, str) else entry.all_of[0] for entry in entries))


class CallerTypes:
    """The types of the callers of an operation, by ``types``, which has each identity that proves one.

    Raises :class:`UntoldCallersError`. API keys belong to consumers and not to an identity: whichever of these looks
    for them finds the same ones.
    """

    def __init__(self, context: OperationContext, types: Mapping[str, str]) -> None:
        self._types: dict[str, str] = {}
        for name in identities_of_callers(context):
            if name not in types:
                raise UntoldCallersError(name, f"of which type callers are that {name} proves is not said")
            is_key = context.configuration.identities[name].api_key is not None
            first = self._types.setdefault(_KEYS if is_key else name, types[name])
            if first != types[name]:
                message = f"API keys are the same for all identities: callers of {name} are {types[name]} and {first}"
                raise UntoldCallersError(name, message)

    @property
    def names(self) -> frozenset[str]:
        """All types that callers can be of."""
        return frozenset(self._types.values())

    def of(self, facts: Facts) -> str | None:
        """The type of who calls; ``None`` for nobody in particular."""
        identity = facts.identity
        return self._types.get(_KEYS if identity.method == "api_key" else identity.name) if identity.subject else None
