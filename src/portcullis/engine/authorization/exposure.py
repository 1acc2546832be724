"""Administrative functions that every caller may call (OWASP API5:2023): errors of the file.

An operation that looks administrative (:mod:`~portcullis.engine.authorization.administrative`) needs a rule that says
who may call it: a kind of ``authorize`` that is not ``off``, or scopes that its document asks for. A rule for a whole
API or version, or a document's for all of its operations, counts only if it tells the administrative from the
ordinary: if there is an operation that looks ordinary and asks for just as much, whoever may call that may call this.

Who means that everyone may, says so where it can be reviewed: ``authorize: {every_caller: true}`` (or ``public: true``)
for this very operation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from portcullis.engine.authorization.administrative import seen_in, shapes_of
from portcullis.engine.authorization.roles import Roles
from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.config.layers import Place, layers_of, written_at
from portcullis.engine.config.merge import effective
from portcullis.engine.config.model import OperationSettings
from portcullis.engine.inert.estate import Estate, Routed
from portcullis.engine.policy import policies_of

Layers: TypeAlias = Sequence[tuple[Place, OperationSettings]]

_MAX_PLACED: Final = 200
"""How many findings name the line in the document: each document is read anew for that."""
_MAX_GIVEN: Final = 8
"""Permissions that a hint lists."""


class Rules(msgspec.Struct, frozen=True):
    """Who may call an operation.

    ``own``: a rule is for it alone; ``wide``: the places of those that are for others too; ``open_by``: the
    setting that lets everyone in, if one does and is not the operation's own; ``from_document``: scopes of the document
    count.
    """

    own: bool = False
    wide: frozenset[Place] = frozenset()
    open_by: Place | None = None
    from_document: bool = True


def find(estate: Estate) -> Iterator[Diagnostic]:
    """Yield an error for each administrative function of ``estate`` that every caller may call."""
    shapes: dict[str, frozenset[str]] = {}
    suspects: list[tuple[Routed, str, Rules]] = []
    ordinary: dict[frozenset[Place], str] = {}
    rules_of = RulesOf(estate)
    for routed in estate.routed:
        document, declared = routed.document, routed.declared
        if document.source not in shapes:
            shapes[document.source] = shapes_of(document.operations)
        seen = seen_in(declared, shapes[document.source])
        rules = rules_of(routed)
        if not seen and rules.wide:
            ordinary.setdefault(rules.wide, declared.name)
        elif seen and not rules.own:
            suspects.append((routed, seen, rules))
    roles = Roles(estate.configuration.roles)
    for index, (routed, seen, rules) in enumerate(suspects):
        why = _why_exposed(rules, ordinary)
        if why:
            message = f"looks administrative ({seen}), and {why}"
            yield _finding(estate, routed, message, roles, placed=index < _MAX_PLACED)


class RulesOf:
    """Finds the rules of the operations of ``estate``. What operations without settings of their own share is kept."""

    def __init__(self, estate: Estate) -> None:
        self._apis = estate.configuration.apis
        self._shared: dict[tuple[str, str], Rules] = {}

    def __call__(self, routed: Routed) -> Rules:
        """What says who may call the operation ``routed``, in the file and in its document."""
        name, version = routed.operation.api, routed.operation.version
        api = self._apis[name]
        layers = layers_of(name, api, version, routed.operation.name)
        if layers[0][0][-2] == "operations":
            rules = _rules_in_file(layers, effective(api, api.versions[version], routed.operation.name))
        else:
            if (name, version) not in self._shared:
                self._shared[name, version] = _rules_in_file(layers, effective(api, api.versions[version], ""))
            rules = self._shared[name, version]
        security = routed.declared.security
        if security is None or not rules.from_document:
            return rules
        if security.pointer.startswith(f"{routed.declared.pointer}/"):
            return msgspec.structs.replace(rules, own=True)
        return msgspec.structs.replace(rules, wide=rules.wide | {(routed.document.source, security.pointer)})


def _rules_in_file(layers: Layers, settings: OperationSettings) -> Rules:
    asked = settings.authorize
    opening = ("public",) if settings.public else ("authorize", "every_caller")
    if settings.public or (asked is not None and asked.every_caller):
        place = written_at(layers, *opening)
        return Rules(_is_of_one(place), open_by=None if _is_of_one(place) else place, from_document=False)
    places = {written_at(layers, "authorize", key) for key in _asking(settings)}
    wide = frozenset(place for place in places if not _is_of_one(place))
    scopes = asked.scopes if asked is not None else None
    from_document = scopes is None or (scopes.from_document and scopes.mode != "off")
    return Rules(len(wide) < len(places), wide, from_document=from_document)


def _asking(settings: OperationSettings) -> Iterator[str]:
    """The kinds of ``authorize`` that ask something of callers."""
    for policy in policies_of("authorize"):
        config = getattr(settings.authorize, policy.key, None)
        if config is not None and getattr(config, "mode", "") != "off" and _asks(policy.key, config):
            yield policy.key


def _asks(key: str, config: Any) -> bool:
    """Whether a setting asks something of every caller, and does not only say how others are asked."""
    if key == "scopes":
        return bool(config.all_of)
    return key != "services" or bool(config.only)


def _is_of_one(place: Place) -> bool:
    """Whether ``place``, in the file, is of one operation."""
    return place[2] == "operations" or place[4:5] == ("operations",)


def _why_exposed(rules: Rules, ordinary: dict[frozenset[Place], str]) -> str:
    """Why whoever has no business with an operation could call it nevertheless; ``""`` if he could not."""
    if rules.open_by is not None:
        what = "public" if rules.open_by[-1] == "public" else "every_caller"
        return f"{what}: true is said for more than it"
    if not rules.wide:
        return "every caller that is authenticated may call it"
    other = next((name for wide, name in ordinary.items() if rules.wide <= wide), "")
    return f"nothing more is asked of its callers than of those of {other}" if other else ""


def _finding(estate: Estate, routed: Routed, message: str, roles: Roles, *, placed: bool) -> Diagnostic:
    operation, document = routed.operation, routed.document
    api = estate.configuration.apis[operation.api]
    layers = layers_of(operation.api, api, operation.version, operation.name)
    declared = document.source
    if placed:
        at = document.locate(routed.declared.pointer)
        declared = f"{at.file}:{at.line}"
    return estate.loaded.diagnostic(
        layers[0][0], f"{operation.name} ({declared}) {message}", _hint(operation.name, roles)
    )


def _hint(operation: str, roles: Roles) -> str:
    """How to say who may call ``operation``: by a permission that a role gives, or by one that is to be declared."""
    permission = permission_for(operation)
    rule = f'operations: {{"{operation}": {{authorize: {{permissions: [{permission}]}}}}}}'
    if not roles.granting(permission):
        given = sorted({pattern for name in roles for pattern in roles.patterns(name)})
        known = ", ".join((*given[:_MAX_GIVEN], "...") if len(given) > _MAX_GIVEN else given)
        rule += f", and give that permission to a role ({f'they give {known}' if known else 'none gives any yet'})"
    return f"say who may: {rule}, or authorize: {{every_caller: true}} there if every authenticated caller may"


def permission_for(operation: str) -> str:
    """A permission that would suit ``operation``: ``DELETE /users/{id}`` -> ``users:delete``."""
    method, _, path = operation.partition(" ")
    verb = {"GET": "read", "HEAD": "read", "DELETE": "delete"}.get(method, "write")
    literals = [segment for segment in path.split("/") if segment.isascii() and segment.replace("-", "").isalnum()]
    return f"{literals[-1].lower() if literals else 'all'}:{verb}"
