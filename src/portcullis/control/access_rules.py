"""What operations ask of their callers, in words and with the places that say so."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final, TypeAlias

import msgspec
import orjson

from portcullis.control.rule_places import RulePlaces
from portcullis.engine.config import tree
from portcullis.engine.config.layers import Place, layers_of, written_at
from portcullis.engine.config.load import LoadedConfiguration
from portcullis.engine.config.merge import effective
from portcullis.engine.config.model import IdentityConfig, OperationSettings
from portcullis.engine.decision import shorten
from portcullis.engine.inert.estate import Routed
from portcullis.engine.openapi.pointer import join
from portcullis.engine.openapi.security import Alternative, Kind
from portcullis.engine.policy import policies_of

Layers: TypeAlias = Sequence[tuple[Place, OperationSettings]]

EVERY_CALLER: Final = "authorize.every_caller"
"""Stands for a policy where a setting lets everyone in who is authenticated."""

_LONGEST: Final = 200


class AccessRule(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that an operation asks of its callers.

    ``policy``: who decides it; ``says``: what is asked; ``rule`` and ``where``: the setting or the part of a document
    that says it, and its ``file:line``; ``monitored``: it is recorded only.
    """

    policy: str
    says: str
    rule: str = ""
    where: str = ""
    monitored: bool = False


class AccessRules:
    """Finds what is asked of callers in the configuration ``loaded``. ``places`` says where it stands."""

    def __init__(self, loaded: LoadedConfiguration, places: RulePlaces) -> None:
        self._loaded = loaded
        self._places = places

    def settings(self, routed: Routed) -> OperationSettings:
        """The settings of an operation."""
        operation = routed.operation
        api = self._loaded.configuration.apis[operation.api]
        return effective(api, api.versions[operation.version], operation.name)

    def accepted(self, settings: OperationSettings) -> list[tuple[str, list[str]]]:
        """What callers may prove themselves by: the names of identities (joined by ``+``), and their kinds."""
        identities = self._loaded.configuration.identities
        entries = settings.authenticate.any_of if settings.authenticate is not None else []
        groups = [[entry] if isinstance(entry, str) else entry.all_of for entry in entries]
        return [("+".join(names), [_kind_of(identities[name]) for name in names]) for names in groups]

    def environments(self, settings: OperationSettings) -> set[str | None]:
        """For which environments keys are accepted, ``None`` for any; empty where no key proves who calls."""
        return {each.api_key.environment for each in self._first(settings) if each.api_key is not None}

    def takes_passwords(self, settings: OperationSettings) -> bool:
        """Whether a password proves who calls."""
        return any(each.basic is not None for each in self._first(settings))

    def _first(self, settings: OperationSettings) -> list[IdentityConfig]:
        """The identities that say who calls: of several credentials that are asked for together the first."""
        if settings.public or settings.authenticate is None:
            return []
        first = [entry if isinstance(entry, str) else entry.all_of[0] for entry in settings.authenticate.any_of]
        return [self._loaded.configuration.identities[name] for name in first]

    def of(self, routed: Routed, skip: Collection[str] = (), *, placed: bool = True) -> Iterator[AccessRule]:
        """Everything that is asked of callers of an operation, in the order of the policies, but for those to ``skip``.

        ``placed``: with the places in documents, for which those are read again.
        """
        operation = routed.operation
        api = self._loaded.configuration.apis[operation.api]
        layers = layers_of(operation.api, api, operation.version, operation.name)
        settings = self.settings(routed)
        asked = settings.authorize
        if settings.public:
            return
        if asked is not None and asked.every_caller:
            if EVERY_CALLER not in skip:
                yield self._rule(EVERY_CALLER, "nothing more", written_at(layers, "authorize", "every_caller"))
            return
        for policy in policies_of("authorize"):
            config = getattr(asked, policy.key, None)
            if policy.name in skip:
                continue
            if policy.key == "scopes":
                yield from self._scopes(policy.config_in(asked), routed, layers, placed=placed)
            elif config is not None and getattr(config, "mode", "") != "off":
                place = written_at(layers, "authorize", policy.key)
                monitored = getattr(config, "mode", "") == "monitor"
                yield self._rule(policy.name, self._says(policy.key, config, layers), place, monitored=monitored)

    def _scopes(self, config: Any, routed: Routed, layers: Layers, *, placed: bool) -> Iterator[AccessRule]:
        if config.mode == "off":
            return
        monitored = config.mode == "monitor"
        if config.all_of:
            place = written_at(layers, "authorize", "scopes")
            yield self._rule("authorize.scopes", ", ".join(config.all_of), place, monitored=monitored)
        security = routed.declared.security
        if config.from_document and security is not None:
            says = " or ".join(map(_alternative, security.alternatives)) or "what can't be read"
            source = routed.document.reference(security.pointer)
            rule, where = self._places.said_at(source) if placed else (source, "")
            yield AccessRule("authorize.scopes", says, rule, where, monitored)

    def _rule(self, policy: str, says: str, place: Place, *, monitored: bool = False) -> AccessRule:
        rule, where = self._places.said_at(f"#{join('', *place)}")
        return AccessRule(policy, shorten(says, _LONGEST), rule, where, monitored)

    def _says(self, key: str, config: Any, layers: Layers) -> str:
        """What a setting says: permissions in words, everything else as it stands in the file."""
        if key == "permissions":
            one_of = f"one of {', '.join(config.any_of)}" if config.any_of else ""
            return " and ".join(filter(None, (", ".join(config.all_of), one_of)))
        names = [name for name in type(config).model_fields if name != "mode" and name in config.model_fields_set]
        path = written_at(layers, "authorize", key, *names[:1])
        node = tree.find(self._loaded.root, path) or tree.find(self._loaded.root, path[:-1])  # in its short form
        value = tree.plain(node) if node is not None else None
        return value if isinstance(value, str) else orjson.dumps(value).decode()


def _alternative(alternative: Alternative) -> str:
    names = [_credential(kind) for kind in sorted(alternative.kinds)]
    scopes = f" with {', '.join(sorted(alternative.scopes))}" if alternative.scopes else ""
    return f"{' and '.join(names) or 'anyone'}{scopes}"


def _credential(kind: Kind) -> str:
    return "another credential" if kind == "other" else "a password" if kind == "basic" else f"a {kind}"


def _kind_of(identity: IdentityConfig) -> str:
    return next(policy.key for policy in policies_of("authenticate") if getattr(identity, policy.key) is not None)
