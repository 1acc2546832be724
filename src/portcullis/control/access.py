"""Who may call what, of a whole configuration: the work behind ``explain --who-can`` and ``explain --what-can``.

Nothing is decided twice: whether a consumer comes through is found out by the compiled steps of the operation, run with
the identity that its key would prove. What can't be decided without a request (a condition) or without knowing the
caller (people whom an issuer vouches for) is told as a rule instead.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, Literal

import msgspec

from portcullis.control.access_rules import EVERY_CALLER, AccessRule, AccessRules
from portcullis.control.key_orders import KeyRecord
from portcullis.control.keys import KeyService
from portcullis.control.operation_search import find_operations
from portcullis.control.rule_places import RulePlaces
from portcullis.control.state_paths import StatePaths
from portcullis.engine.authorization.roles import Roles
from portcullis.engine.compile import compile_estate
from portcullis.engine.config import wording
from portcullis.engine.config.load import LoadedConfiguration
from portcullis.engine.config.model import Configuration, OperationSettings
from portcullis.engine.decision import Refuse
from portcullis.engine.facts import Facts
from portcullis.engine.identity import ANONYMOUS, Consumer, Identity
from portcullis.engine.inert.estate import Routed
from portcullis.engine.operation_names import OperationNames
from portcullis.engine.policies.authenticate.api_key import KEY_NOT_FOR_OPERATION, KEY_WRONG_ENVIRONMENT
from portcullis.engine.policies.authorize.permissions import ROLES
from portcullis.engine.ports import Clock, KeyGrant, Ports, SourceFiles
from portcullis.engine.request import RequestView
from portcullis.stores.database.connection import open_database
from portcullis.stores.database.keys import KeyStore
from portcullis.stores.keys import WorkerKeyDirectory
from portcullis.stores.local_counters import LocalCounters

_OF_ROLES: Final = frozenset({ROLES, "authorize.permissions"})
_OF_IDENTITIES: Final = _OF_ROLES | {"authorize.scopes", "authorize.claims"}
"""Policies that decide by the identity alone; others look at the request too."""
_USABLE: Final = ("live", "rotating")


class RoleAccess(msgspec.Struct, frozen=True, omit_defaults=True):
    """A role that lets its holders pass; ``by``: the roles it inherits that do so, where it does not itself."""

    name: str
    by: list[str] = []


class ConsumerAccess(msgspec.Struct, frozen=True, omit_defaults=True):
    """A consumer that comes through: its roles, and the ids of the ``keys`` by which it does."""

    name: str
    roles: list[str] = []
    keys: list[str] = []


class ConsumerRefusal(msgspec.Struct, frozen=True):
    """A consumer that comes through with none of its keys, and the ``code`` that the record of a call would have."""

    name: str
    code: str


class OperationAccess(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who may call an operation.

    ``path``: where it is served; ``declared``: ``file:line`` of it; ``anyone``: callers need not prove who they are;
    ``identities``: what they prove it by otherwise; ``rules``: what is asked of them; ``roles``: those that are enough
    for what is asked of roles, if anything is (``needs_role``).
    """

    operation: str
    api: str
    version: str
    path: str
    declared: str
    anyone: bool = False
    identities: list[str] = []
    rules: list[AccessRule] = []
    needs_role: bool = False
    roles: list[RoleAccess] = []
    consumers: list[ConsumerAccess] = []
    refused: list[ConsumerRefusal] = []


class Reach(msgspec.Struct, frozen=True, omit_defaults=True):
    """An operation that somebody may call. ``keys``: by which; ``rules``: what is asked besides, undecided here."""

    operation: str
    api: str
    version: str
    path: str
    keys: list[str] = []
    rules: list[AccessRule] = []


class Holder(msgspec.Struct, frozen=True, omit_defaults=True):
    """A consumer or a role, and what it may call.

    ``roles``: those it holds or inherits; ``permissions``: what of all that operations ask for they give;
    ``scopes``: by key; ``refused``: how many operations it may not call.
    """

    name: str
    kind: Literal["consumer", "role"]
    roles: list[str]
    permissions: list[str]
    scopes: dict[str, list[str]]
    operations: list[Reach]
    refused: int


class UnknownName(Exception):  # noqa: N818 - reads well after "raise"
    """There is no such operation, consumer or role. The message says what there is."""


def stored_keys(configuration: Configuration, file: Path) -> list[KeyRecord]:
    """The usable keys in the gateway's database now; none if it has no database yet. The database is not changed.

    Raises :class:`~portcullis.stores.database.connection.DatabaseError`, and ``OSError`` if it can't be got at.
    """
    url = StatePaths(configuration.state, file).database()
    if not Path(str(url.database)).exists():
        return []
    with closing(open_database(url)) as database:
        return [record for record in KeyService(KeyStore(database)).listing() if record.state in _USABLE]


class AccessReview:
    """Finds out who may call what at the gateway that ``loaded``, read from ``file``, configures.

    ``keys``: those that consumers have. Raises :class:`~portcullis.engine.config.diagnostics.ConfigurationError`.
    """

    def __init__(
        self, loaded: LoadedConfiguration, file: Path, files: SourceFiles, clock: Clock, keys: Iterable[KeyRecord]
    ) -> None:
        self.estate = compile_estate(loaded, files, Ports(clock, LocalCounters(), WorkerKeyDirectory()))
        self.roles = Roles(loaded.configuration.roles)
        self.keys: dict[str, list[KeyRecord]] = {}
        for record in keys:
            self.keys.setdefault(record.consumer, []).append(record)
        self._places = RulePlaces(loaded, file, files)
        self._rules = AccessRules(loaded, self._places)
        asked = [self._rules.settings(routed).authorize for routed in self.estate.routed]
        permissions = [each.permissions for each in asked if each is not None and each.permissions is not None]
        self.asked = sorted({name for each in permissions for name in (*each.all_of, *each.any_of)})

    def settings(self, routed: Routed) -> OperationSettings:
        """The settings of an operation."""
        return self._rules.settings(routed)

    def who_can(self, call: str) -> list[OperationAccess]:
        """Who may call the operations that ``call`` (``"DELETE /v1/orders/{id}"``) may mean.

        Raises :class:`UnknownName`.
        """
        found = find_operations(self.estate.routed, call)
        if not found:
            near = OperationNames([routed.operation.name for routed in self.estate.routed]).nearest(call)
            raise UnknownName(f"there is no operation {call}" + (f"; did you mean {near}?" if near else ""))
        return [self._operation(routed) for routed in found]

    def what_can(self, name: str) -> list[Holder]:
        """What the consumer or the role of this name (or both) may call. Raises :class:`UnknownName`."""
        found = [self._consumer(name)] if name in self.keys else []
        found += [self._role(name)] if name in self.roles else []
        if not found:
            near = wording.suggest(name, sorted({*self.keys, *self.roles}), "there are")
            raise UnknownName(f"there is no consumer with a usable key and no role {name}; {near}")
        return found

    def _operation(self, routed: Routed) -> OperationAccess:
        operation, settings = routed.operation, self._rules.settings(routed)
        accepted = [] if settings.public else self._rules.accepted(settings)
        steps = {step.policy for step in operation.head_steps if not step.monitor}
        roles = [self._role_access(name, routed) for name in self.roles if "authorize.permissions" in steps]
        consumers, refused = [], []
        takes_keys = bool(self._rules.environments(settings))
        for name, keys in sorted(self.keys.items()) if takes_keys else ():
            codes = {key.id: self._refused_with(key, routed, settings) for key in keys}
            passing = [key for key, code in codes.items() if not code]
            if passing:
                consumers.append(ConsumerAccess(name, list(keys[0].roles), passing))
            else:
                refused.append(ConsumerRefusal(name, codes[keys[0].id]))
        return OperationAccess(
            operation.name,
            operation.api,
            operation.version,
            routed.template,
            self._places.declared(operation)[1],
            self._is_open(routed, settings),
            [f"{names} ({' + '.join(kinds)})" for names, kinds in accepted],
            list(self._rules.of(routed)),
            bool(steps & {"authorize.permissions"}),
            [role for role in roles if role is not None],
            consumers,
            refused,
        )

    def _consumer(self, name: str) -> Holder:
        keys = self.keys[name]
        held = keys[0].roles
        reached = []
        for routed in self.estate.routed:
            settings = self._rules.settings(routed)
            if self._is_open(routed, settings):
                reached.append(self._reach(routed, None))
            elif passing := [key.id for key in keys if not self._refused_with(key, routed, settings)]:
                reached.append(self._reach(routed, _OF_IDENTITIES, passing))
        scopes = {key.id: list(key.scopes) for key in keys}
        return self._holder(name, "consumer", held, scopes, reached)

    def _role(self, name: str) -> Holder:
        identity = Identity("role", name, consumer=Consumer(name, roles=frozenset({name})))
        reached = []
        for routed in self.estate.routed:
            if self._is_open(routed, self._rules.settings(routed)):
                reached.append(self._reach(routed, None))
            elif refusal_of(identity, routed, _OF_ROLES) is None:
                reached.append(self._reach(routed, _OF_ROLES))
        return self._holder(name, "role", [name], {}, reached)

    def _holder(
        self,
        name: str,
        kind: Literal["consumer", "role"],
        held: Sequence[str],
        scopes: dict[str, list[str]],
        reached: list[Reach],
    ) -> Holder:
        included = {other for each in held for other in self.roles.included(each)}
        permissions = sorted(self.roles.given(held, self.asked))
        refused = len(self.estate.routed) - len(reached)
        return Holder(name, kind, sorted({*held, *included}), permissions, scopes, reached, refused)

    def _reach(self, routed: Routed, decided: Collection[str] | None, keys: Sequence[str] = ()) -> Reach:
        """``decided``: policies that have decided already; ``None``: none is asked."""
        operation = routed.operation
        rules = [] if decided is None else list(self._rules.of(routed, {*decided, EVERY_CALLER}, placed=False))
        return Reach(operation.name, operation.api, operation.version, routed.template, list(keys), rules)

    def _role_access(self, name: str, routed: Routed) -> RoleAccess | None:
        identity = Identity("role", name, consumer=Consumer(name, roles=frozenset({name})))
        if refusal_of(identity, routed, _OF_ROLES) is not None:
            return None
        asked = self._rules.settings(routed).authorize
        needed = [*asked.permissions.all_of, *asked.permissions.any_of] if asked is not None else []
        sources = {source for permission in needed for source in self.roles.sources(name, permission)}
        return RoleAccess(name, [] if name in sources else sorted(sources))

    def _refused_with(self, key: KeyRecord, routed: Routed, settings: OperationSettings) -> str:
        """The code that a call with ``key`` would be refused with, from wherever it comes; ``""`` if it would not."""
        environments = self._rules.environments(settings)
        if not environments or (None not in environments and key.environment not in environments):
            return KEY_WRONG_ENVIRONMENT.name
        if not key.works_at(routed.operation.api, routed.operation.name):
            return KEY_NOT_FOR_OPERATION.name
        refusal = refusal_of(_identity(key), routed)
        return "" if refusal is None else refusal.code.name

    def _is_open(self, routed: Routed, settings: OperationSettings) -> bool:
        """Whether callers need not prove who they are: it is public, or nobody is refused who does not."""
        monitored = settings.authenticate is not None and settings.authenticate.mode == "monitor"
        return bool(settings.public) or (monitored and refusal_of(ANONYMOUS, routed) is None)


def refusal_of(identity: Identity, routed: Routed, policies: Collection[str] = _OF_IDENTITIES) -> Refuse | None:
    """The first refusal of ``identity`` by the steps of ``policies`` that are enforced at an operation."""
    facts = Facts()
    if identity is not ANONYMOUS:
        facts.identify(identity)
    request = RequestView(routed.declared.method, routed.template, (), {})
    for step in routed.operation.head_steps:
        if step.policy in policies and not step.monitor:
            decision = step.run(request, facts)
            if isinstance(decision, Refuse):
                return decision
    return None


def _identity(key: KeyRecord) -> Identity:
    """The identity that ``key`` would prove."""
    consumer = Consumer(key.consumer, key.plan, frozenset(key.roles))
    return KeyGrant(key.id, consumer, frozenset(key.scopes)).identity
