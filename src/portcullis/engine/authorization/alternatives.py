"""Scopes that a document asks for, as they concern one caller.

A document has alternatives: "a token with the scope ``orders:read``, or an API key". Which of them concern a caller
depends on what proved it: who has a token must have the token's scopes, though a key would have needed none. A caller
who was proven by nothing that the document knows needs the scopes of one of its alternatives that has any: the file
accepts him, and the document says what the operation takes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeAlias

from portcullis.engine.identity import ANONYMOUS, Identity
from portcullis.engine.openapi.security import Alternative, Kind

Wanted: TypeAlias = tuple[frozenset[str], ...]
"""Sets of scopes, of which a caller must have one whole."""

_KINDS: Final[dict[str, Kind]] = {"api_key": "key", "basic": "basic", "mtls": "certificate"}
"""What methods of authentication are to a document; all others are tokens, which must have scopes to pass."""


class ScopeAlternatives:
    """What ``alternatives`` of a document ask of callers, each together with the scopes ``always`` asked for."""

    def __init__(self, alternatives: Iterable[Alternative], always: frozenset[str] = frozenset()) -> None:
        self._alternatives = tuple(alternatives)
        self._always = always
        self._known: dict[frozenset[Kind], Wanted] = {}

    def wanted(self, identity: Identity) -> Wanted:
        """What is asked of ``identity``; nothing that it could have if this is empty."""
        kinds = kinds_of(identity)
        found = self._known.get(kinds)
        if found is None:  # at most once for each set of kinds, of which there are few
            found = self._known[kinds] = self._find(kinds)
        return found

    def _find(self, kinds: frozenset[Kind]) -> Wanted:
        mine = [each.scopes for each in self._alternatives if each.kinds <= kinds]
        scopes = mine or [each.scopes for each in self._alternatives if each.scopes]
        least = [each for each in scopes if not any(other < each for other in scopes)]
        return tuple(dict.fromkeys(self._always | each for each in least))


def kinds_of(identity: Identity) -> frozenset[Kind]:
    """The kinds of all credentials that were proven; none of an anonymous caller."""
    if identity is ANONYMOUS:
        return frozenset()
    return frozenset(_KINDS.get(each.method, "token") for each in (identity, *identity.also))


def wording(wanted: Iterable[frozenset[str]]) -> str:
    """``wanted`` in words: ``the scope a``, ``the scopes a, b or the scope c``."""
    return " or ".join(
        f"the scope{'s' * (len(scopes) > 1)} {', '.join(sorted(scopes))}" if scopes else "no scope" for scopes in wanted
    )
