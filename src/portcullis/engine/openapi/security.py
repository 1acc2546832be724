"""Which scopes a document asks for at an operation (OpenAPI 4.8.30, Security Requirement Object).

A list of requirements is read as alternatives, any one of which is enough; the schemes of one requirement are needed
together. Scopes are what stands beside a scheme of OAuth 2, OpenID Connect or HTTP bearer tokens. OpenAPI 3.1 lets
other schemes have names of roles there, "not otherwise defined": they are not read, and a warning says so.
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

import msgspec

from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.problems import Problems
from portcullis.engine.openapi.references import follow

Kind: TypeAlias = Literal["token", "key", "basic", "certificate", "other"]
"""What a scheme proves a caller by. ``token``: OAuth 2, OpenID Connect, HTTP bearer; ``certificate``: mutual TLS."""

MAX_ALTERNATIVES: Final = 32
MAX_SCOPES: Final = 64
_KINDS: Final[dict[str, Kind]] = {
    "oauth2": "token",
    "openIdConnect": "token",
    "apiKey": "key",
    "basic": "basic",  # Swagger 2.0
    "mutualTLS": "certificate",
}
_HTTP_KINDS: Final[dict[str, Kind]] = {"bearer": "token", "dpop": "token", "basic": "basic"}


class Alternative(msgspec.Struct, frozen=True):
    """One requirement: credentials of all these ``kinds``, that carry these ``scopes``."""

    kinds: frozenset[Kind]
    scopes: frozenset[str]


class Security(msgspec.Struct, frozen=True):
    """The ``alternatives`` of an operation, of which some ask for scopes. ``pointer``: where the document says so."""

    pointer: str
    alternatives: tuple[Alternative, ...]


def read_security(
    root: dict[str, Any], operation: dict[str, Any], pointer: str, schemes: str, problems: Problems
) -> Security | None:
    """What the document ``root`` asks for at ``operation``, which stands at ``pointer``; ``None``: no scopes.

    ``schemes``: the pointer of the document's security schemes. What can't be read is nothing that anybody could
    have: where no alternative is readable there is none, and nobody passes.
    """
    owner, where = (operation, pointer) if "security" in operation else (root, "")
    where = pointers.join(where, "security")
    requirements = owner.get("security", [])
    if requirements == []:
        return None
    found: dict[Alternative, None] = {}
    for index, requirement in enumerate(requirements if isinstance(requirements, list) else ()):
        alternative = _alternative(root, requirement, pointers.join(where, index), schemes, problems)
        if alternative is not None:
            found[alternative] = None
    if len(found) > MAX_ALTERNATIVES:
        problems.error(where, f"more than {MAX_ALTERNATIVES} alternatives")
        found.clear()
    asks = not found or any(each.scopes for each in found)
    return Security(where, tuple(found)) if asks else None


def _alternative(
    root: dict[str, Any], requirement: Any, where: str, schemes: str, problems: Problems
) -> Alternative | None:
    if not isinstance(requirement, dict):
        return None
    kinds: set[Kind] = set()
    scopes: set[str] = set()
    for name, names in requirement.items():
        if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
            return None
        kind = _kind(root, pointers.join(schemes, name))
        kinds.add(kind)
        if kind in ("token", "other"):
            scopes.update(names)
        elif names:
            message = "names of roles beside this scheme are not read: they ask for nothing"
            problems.warning(pointers.join(where, name), message, "ask for permissions in the configuration file")
    if len(scopes) > MAX_SCOPES:
        problems.error(where, f"more than {MAX_SCOPES} scopes")
        return None
    return Alternative(frozenset(kinds), frozenset(scopes))


def _kind(root: dict[str, Any], pointer: str) -> Kind:
    try:
        _, scheme = follow(root, pointer, Problems())
    except (LookupError, ValueError):
        return "other"
    if not isinstance(scheme, dict):
        return "other"
    if scheme.get("type") == "http":
        return _HTTP_KINDS.get(str(scheme.get("scheme")).lower(), "other")
    return _KINDS.get(str(scheme.get("type")), "other")
