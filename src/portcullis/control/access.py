"""Who may call what, of a whole configuration: the work behind ``explain --who-can`` and ``explain --what-can``.

Nothing is decided twice: whether a consumer comes through is found out by the compiled steps of the operation, run with
the identity that its key would prove. What can't be decided without a request (a condition) or without knowing the
caller (people whom an issuer vouches for) is told as a rule instead.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Final

from portcullis.control.access_answers import (
    ConsumerAccess,
    ConsumerRefusal,
    Holder,
    Kind,
    OperationAccess,
    Reach,
    RoleAccess,
)
from portcullis.control.access_rules import EVERY_CALLER, AccessRules
from portcullis.control.key_orders import KeyRecord
from portcullis.control.operation_search import find_operations
from portcullis.control.rule_places import RulePlaces
from portcullis.engine.authorization.call_graph import CallGraph
from portcullis.engine.authorization.roles import Roles
from portcullis.engine.compile import compile_estate
from portcullis.engine.config import wording
from portcullis.engine.config.load import LoadedConfiguration
from portcullis.engine.config.model import OperationSettings
from portcullis.engine.decision import Refuse
from portcullis.engine.facts import Facts
from portcullis.engine.identity import ANONYMOUS, Consumer, Identity
from portcullis.engine.inert.estate import Routed
from portcullis.engine.operation_names import OperationNames
from portcullis.engine.policies.authenticate.api_key import KEY_NOT_FOR_OPERATION, KEY_WRONG_ENVIRONMENT
from portcullis.engine.policies.authorize.permissions import ROLES
from portcullis.engine.ports import Clock, KeyGrant, Ports, SourceFiles
from portcullis.engine.request import RequestView
from portcullis.stores.database.users import StoredUser
from portcullis.stores.keys import WorkerKeyDirectory
from portcullis.stores.local_counters import LocalCounters

_OF_ROLES: Final = frozenset({ROLES, "authorize.permissions"})
_OF_IDENTITIES: Final = _OF_ROLES | {"authorize.scopes", "authorize.claims"}
"""Policies that decide by the identity alone; others look at the request too."""


class UnknownName(Exception):  # noqa: N818 - reads well after "raise"
    """There is no such operation, consumer, role or service. The message says what there is."""


class AccessReview:
    """Finds out who may call what at the gateway that ``loaded``, read from ``file``, configures.

    ``keys``: those that consumers have; ``users``: those with passwords. Raises
    :class:`~portcullis.engine.config.diagnostics.ConfigurationError`.
    """

    def __init__(
        self,
        loaded: LoadedConfiguration,
        file: Path,
        files: SourceFiles,
        clock: Clock,
        keys: Iterable[KeyRecord],
        users: Iterable[StoredUser] = (),
    ) -> None:
        self.estate = compile_estate(loaded, files, Ports(clock, LocalCounters(), WorkerKeyDirectory()))
        self.roles = Roles(loaded.configuration.roles)
        self.keys: dict[str, list[KeyRecord]] = {}
        for record in keys:
            self.keys.setdefault(record.consumer, []).append(record)
        self.users = {user.name: user for user in users}
        self._graph = CallGraph.of(loaded.configuration)
        self._services = loaded.configuration.services
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
        """What the consumer, the role and the service of this name may call. Raises :class:`UnknownName`."""
        found = [self._consumer(name)] if name in self.keys or name in self.users else []
        found += [self._role(name)] if name in self.roles else []
        found += [self._service(name)] if name in self._services else []
        if not found:
            known = sorted({*self.keys, *self.users, *self.roles, *self._services})
            near = wording.suggest(name, known, "there are")
            raise UnknownName(f"there is no consumer with a usable credential, role or service {name}; {near}")
        return found

    def _operation(self, routed: Routed) -> OperationAccess:
        operation, settings = routed.operation, self._rules.settings(routed)
        accepted = [] if settings.public else self._rules.accepted(settings)
        steps = {step.policy for step in operation.head_steps if not step.monitor}
        roles = [self._role_access(name, routed) for name in self.roles if "authorize.permissions" in steps]
        consumers, refused = self._consumers(routed, settings)
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
            [] if settings.public else sorted(self._graph.callers(operation.api, operation.name)),
        )

    def _consumers(
        self, routed: Routed, settings: OperationSettings
    ) -> tuple[list[ConsumerAccess], list[ConsumerRefusal]]:
        """Those that come through by something they have, and those that do not by what they have of what is taken."""
        through, refused = [], []
        for name in sorted({*self.keys, *self.users}):
            keys, by_password, code = self._proofs(name, routed, settings)
            if keys or by_password:
                through.append(ConsumerAccess(name, list(self._held(name)), keys, by_password))
            elif code:
                refused.append(ConsumerRefusal(name, code))
        return through, refused

    def _proofs(self, name: str, routed: Routed, settings: OperationSettings) -> tuple[list[str], bool, str]:
        """The keys by which a consumer comes through, whether it does by its password, and the first refusal's code.

        The last is empty where nothing that it has is taken here.
        """
        codes: dict[str, str] = {}
        if self._rules.environments(settings):
            codes = {key.id: self._refused_with(key, routed, settings) for key in self.keys.get(name, ())}
        by_password = False
        user = self.users.get(name)
        if user is not None and self._rules.takes_passwords(settings):
            refusal = refusal_of(_identity_of(user), routed)
            by_password = refusal is None
            codes[""] = "" if refusal is None else refusal.code.name
        passing = [key for key, code in codes.items() if key and not code]
        return passing, by_password, next(iter(codes.values()), "")

    def _held(self, name: str) -> Sequence[str]:
        """The roles of a consumer."""
        keys = self.keys.get(name)
        return keys[0].roles if keys else self.users[name].consumer.roles

    def _consumer(self, name: str) -> Holder:
        reached = []
        for routed in self.estate.routed:
            settings = self._rules.settings(routed)
            if self._is_open(routed, settings):
                reached.append(self._reach(routed, None))
                continue
            keys, by_password, _ = self._proofs(name, routed, settings)
            if keys or by_password:
                reached.append(self._reach(routed, _OF_IDENTITIES, keys, password=by_password))
        scopes = {key.id: list(key.scopes) for key in self.keys.get(name, ())}
        return self._holder(name, "consumer", self._held(name), scopes, reached)

    def _service(self, name: str) -> Holder:
        """What the call graph lets a service call; what else is asked of it is told, since it may have any roles."""
        reached = []
        for routed in self.estate.routed:
            operation = routed.operation
            if self._is_open(routed, self._rules.settings(routed)):
                reached.append(self._reach(routed, None))
            elif name in self._graph.callers(operation.api, operation.name):
                reached.append(self._reach(routed, {"authorize.services"}))
        return self._holder(name, "service", [], {}, reached)

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
        kind: Kind,
        held: Sequence[str],
        scopes: dict[str, list[str]],
        reached: list[Reach],
    ) -> Holder:
        included = {other for each in held for other in self.roles.included(each)}
        permissions = sorted(self.roles.given(held, self.asked))
        refused = len(self.estate.routed) - len(reached)
        return Holder(name, kind, sorted({*held, *included}), permissions, scopes, reached, refused)

    def _reach(
        self, routed: Routed, decided: Collection[str] | None, keys: Sequence[str] = (), *, password: bool = False
    ) -> Reach:
        """``decided``: policies that have decided already; ``None``: none is asked."""
        operation = routed.operation
        rules = [] if decided is None else list(self._rules.of(routed, {*decided, EVERY_CALLER}, placed=False))
        return Reach(operation.name, operation.api, operation.version, routed.template, list(keys), password, rules)

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


def _identity_of(user: StoredUser) -> Identity:
    """The identity that the password of ``user`` would prove."""
    consumer = Consumer(user.name, user.consumer.plan, frozenset(user.consumer.roles))
    return Identity("basic", user.name, scopes=frozenset(user.scopes), consumer=consumer)
