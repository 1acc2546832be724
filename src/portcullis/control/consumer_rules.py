"""What can be said about a consumer: names, scopes, times, and the plans and roles that the configuration declares.

Checks raise ``ValueError`` with a sentence for whoever gave the order.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from portcullis.engine.authorization.roles import Pair, conflict_in
from portcullis.engine.policies.authorize.scopes import check_scope

MAX_NAMES: Final = 64
"""Roles, scopes, or whatever else a consumer or a credential may have of one sort."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,127}")


class Declared(msgspec.Struct, frozen=True):
    """``plans`` and ``roles`` of the configuration that is in force; of two ``exclusive`` roles nobody may hold both.

    ``None``: it is not known which there are.
    """

    plans: frozenset[str] | None = None
    roles: frozenset[str] | None = None
    exclusive: frozenset[Pair] = frozenset()

    @classmethod
    def of(cls, plans: Iterable[str], roles: Iterable[str], exclusive: Iterable[Pair] = ()) -> Declared:
        """What is declared; others are refused."""
        return cls(frozenset(plans), frozenset(roles), frozenset(exclusive))

    def check(self, plan: str | None, roles: Sequence[str] | None) -> None:
        """Check that a consumer may have this plan and these roles."""
        for what, names, declared in (
            ("plan", [plan] if plan else [], self.plans),
            ("role", roles or (), self.roles),
        ):
            for name in names:
                if declared is not None and name not in declared:
                    known = ", ".join(sorted(declared)) or "none"
                    raise ValueError(f"there is no {what} {name!r}; the configuration declares: {known}")
        if (pair := conflict_in(frozenset(roles or ()), self.exclusive)) is not None:
            raise ValueError(f"nobody may hold the roles {pair[0]} and {pair[1]} together: they exclude each other")


def check_names(consumer: str, plan: str | None, roles: Collection[str] | None) -> None:
    """Check that these can be names."""
    names = [consumer, *([plan] if plan else []), *(roles or ())]
    if len(names) > MAX_NAMES:
        raise ValueError(f"at most {MAX_NAMES} names")
    for name in names:
        if not _NAME.fullmatch(name):
            raise ValueError(
                "names of consumers, plans and roles have letters, digits and any of . _ @ - (at most 128)"
            )


def check_scopes(scopes: Collection[str]) -> None:
    """Check that these can be scopes."""
    if len(scopes) > MAX_NAMES:
        raise ValueError(f"at most {MAX_NAMES} scopes")
    for scope in scopes:
        check_scope(scope)


def check_moments(*moments: datetime | None) -> None:
    """Check that times have their offset from UTC."""
    if any(moment is not None and moment.tzinfo is None for moment in moments):
        raise ValueError("a time needs its offset: 2027-01-01T00:00:00Z")


def sorted_names(names: Iterable[str] | None) -> tuple[str, ...]:
    """Roles as they are kept: each once, in order."""
    return tuple(sorted(set(names or ())))


def plan_in_words(name: str) -> str:
    """A consumer's plan."""
    return f"plan {name}" if name else "no plan"


def moment_of(seconds: float | None) -> datetime | None:
    """Unix seconds as a time."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def whole_milliseconds(seconds: float) -> float:
    """Times are kept in whole milliseconds: written as RFC 3339 and read again they are still the same."""
    return round(seconds, 3)
