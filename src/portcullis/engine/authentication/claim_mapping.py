"""From the claims that somebody else vouches for to an identity: who it is, what it may be used for, which roles.

An issuer says what it likes, in claims of its own choosing; what that means here the file says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import msgspec

from portcullis.engine.authentication.jose.claims import is_identifier
from portcullis.engine.authentication.jose.errors import INVALID_CLAIMS, TokenError
from portcullis.engine.decision import shorten
from portcullis.engine.identity import Consumer, Identity

MAX_ACTORS: Final = 8
"""Parties that may act for one another in one token (RFC 8693 4.1)."""
MAX_VALUES: Final = 1_000
"""Scopes or roles that a token may list."""
_NO_TEXTS: Final[frozenset[str]] = frozenset()
_EMPTY: Final = frozenset({""})
_MISSING: Final = object()

Claims = Mapping[str, Any]
Look = Callable[[Claims], Any]


class MappedRoles(Protocol):
    """Where the roles of a caller are said."""

    @property
    def claim(self) -> str:
        """The path of the claim."""

    @property
    def map(self) -> Mapping[str, str] | None:
        """From its roles to ours."""


class MappedClaims(Protocol):
    """What the configuration of an identity says of claims: see :class:`ClaimMapping`."""

    @property
    def subject(self) -> str:
        """The path of the claim that names the caller."""

    @property
    def roles(self) -> MappedRoles | None:
        """Where roles are."""

    @property
    def plan(self) -> str | None:
        """The plan of its consumers."""


class ClaimMapping(msgspec.Struct, frozen=True):
    """How the claims of one identity are read.

    ``name``: of the identity; ``method``: the policy kind; ``subject``, ``scopes`` and ``roles``: paths of claims
    (``realm_access.roles``), ``scopes`` empty for ``scope`` or ``scp``, ``roles`` empty for none; ``role_map``: from
    an issuer's role to one of ours, ``None`` where they have the same names; ``plan``: of its consumers.
    """

    name: str
    method: str
    subject: str = "sub"
    scopes: str = ""
    roles: str = ""
    role_map: Mapping[str, str] | None = None
    plan: str = ""

    @classmethod
    def of(cls, name: str, method: str, config: MappedClaims, scopes: str | None) -> ClaimMapping:
        """What ``config`` says of the identity ``name``; ``scopes``: the path of the claim with scopes, if any."""
        roles = config.roles
        claim, renamed = ("", None) if roles is None else (roles.claim, roles.map)
        return cls(name, method, config.subject, scopes or "", claim, renamed, config.plan or "")

    def reader(self) -> Callable[[Claims, str], Identity]:
        """A function of claims and the identifier of their credential. It raises :class:`TokenError`."""
        subject_of, scopes_of = claim_at(self.subject), _scopes(self.scopes)
        roles_of = _roles(self.roles, self.role_map)
        name, method, plan, subject_claim = self.name, self.method, self.plan, self.subject

        def read(claims: Claims, credential: str) -> Identity:
            subject = subject_of(claims)
            if not is_identifier(subject):
                raise TokenError(INVALID_CLAIMS, f"{subject_claim} {_told(subject)}", "a subject")
            return Identity(
                method,
                subject,
                credential,
                scopes_of(claims),
                Consumer(f"{name}:{subject}", plan, roles_of(claims)),
                name,
                claims.get("iss", ""),
                claims,
                _actors(claims) if "act" in claims else (),
                (),
                claims.get("exp"),
            )

        return read


def claim_at(path: str) -> Look:
    """What finds the claim at ``path`` in claims: one of that very name, else the members of objects between its dots.

    Gives ``None`` where there is none.
    """
    names = path.split(".")
    if len(names) == 1:
        return lambda claims: claims.get(path)

    def look(claims: Claims) -> Any:
        found: Any = claims.get(path, _MISSING)  # names such as https://shop.example/roles have dots themselves
        if found is not _MISSING:
            return found
        found = claims
        for each in names:
            found = found.get(each) if isinstance(found, dict) else None
        return found

    return look


def texts_of(value: Any, claim: str, *, split: bool) -> frozenset[str]:
    """The texts that a claim lists: an array of them, or one text, ``split`` at blanks (RFC 8693 4.2).

    Raises :class:`TokenError` for anything else.
    """
    if value is None:
        return _NO_TEXTS
    if type(value) is str:
        return frozenset(value.split(" ") if split else (value,)) - _EMPTY
    if type(value) is list and len(value) <= MAX_VALUES and all(type(each) is str for each in value):
        return frozenset(value) - _EMPTY
    raise TokenError(INVALID_CLAIMS, f"{claim} {_told(value)}", "a text, or a list of texts")


def _scopes(path: str) -> Look:
    if path:
        of_path = claim_at(path)
        return lambda claims: texts_of(of_path(claims), path, split=True)

    def scopes(claims: Claims) -> frozenset[str]:
        value = claims.get("scope")
        if value is None:
            return texts_of(claims.get("scp"), "scp", split=True)
        return texts_of(value, "scope", split=True)

    return scopes


def _roles(path: str, role_map: Mapping[str, str] | None) -> Look:
    if not path:
        return lambda _claims: _NO_TEXTS
    of_path = claim_at(path)

    def roles(claims: Claims) -> frozenset[str]:
        told = texts_of(of_path(claims), path, split=False)
        return told if role_map is None else frozenset(role_map[each] for each in told if each in role_map)

    return roles


def _actors(claims: Claims) -> tuple[str, ...]:
    """The chain of ``act`` claims, the one who calls first. Raises :class:`TokenError`."""
    found: list[str] = []
    act: Any = claims["act"]
    while act is not None:
        subject = act.get("sub") if isinstance(act, dict) else None
        if not is_identifier(subject) or len(found) == MAX_ACTORS:
            raise TokenError(INVALID_CLAIMS, f"act {_told(claims['act'])}", f"at most {MAX_ACTORS} actors with a sub")
        found.append(subject)
        act = act.get("act")
    return tuple(found)


def _told(value: Any) -> str:
    return "is missing" if value is None else shorten(value, 60)
