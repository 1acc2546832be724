"""Services: which of them may call what, and who may call for whom.

What
    The section ``services`` of the file declares a call graph: each service, as whom it is proven (by a client
    certificate, or a token), and what it may call. Whoever is proven by an identity that proves services must be one of
    them, and must have an edge to the operation; everything else is lateral movement, refused and recorded as that.
    The graph holds for every operation that is not public, whatever else the file asks of callers. Callers who are
    proven otherwise (people, partners) are no services: an operation that is for services alone says ``only: true``.

    Where a token comes together with a service's certificate (``all_of: [users, services]``), the service calls for
    the user. A token that names who acts for its subject (``act``, RFC 8693 4.1) must name the service that presents
    it: a token that was exchanged for one service is worth nothing to another, however it came there. With
    ``delegation: required`` every such token must name its actor. That the token is for this API at all is the
    audience's matter, in the identity that takes it. The chain of actors has an end: ``max_actors``.

Why
    API5:2023 Broken Function Level Authorization. Whoever takes over one service tries what else it can reach, with its
    identity or with the tokens that pass through it (the confused deputy). In a graph that says who calls whom this
    meets a refusal and a record at the first step.

Config
    ``only``: no one but services with an edge may call. ``delegation``: ``optional`` or ``required``. ``max_actors``:
    how many may act for one another in one token. ``mode``: ``enforce``, ``monitor`` (record, let pass) or ``off``. All
    of it has its defaults where the file says nothing, as soon as there are ``services``.

When it fails
    403 ``authorize.service_not_allowed``, with nothing of the graph. The record has which of the codes below it was,
    the service, and who may call the operation.

Example
    .. code-block:: yaml

        identities:
          mesh: {mtls: {trust_domain: example.internal}}
        services:
          checkout:
            subjects: spiffe://example.internal/ns/prod/sa/checkout
            may_call: [orders, "payments:POST /v1/charges"]
        apis:
          payments:
            authenticate: [mesh]
            authorize: {services: {only: true}}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from pydantic import Field

from portcullis.engine.authorization.call_graph import CallGraph, caller_of
from portcullis.engine.codes import Code
from portcullis.engine.config.layers import layers_of, written_at
from portcullis.engine.config.section import Section
from portcullis.engine.decision import Finding, Refuse, shorten
from portcullis.engine.facts import Facts
from portcullis.engine.identity import Identity
from portcullis.engine.openapi.pointer import join
from portcullis.engine.policy import Mode, Policy, Probe, Step
from portcullis.engine.request import RequestView

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext

SERVICE_NOT_ALLOWED: Final = Code("authorize.service_not_allowed", 403, "The caller may not make this call")
LATERAL_MOVEMENT: Final = Code(
    "authorize.lateral_movement", 403, "The call is none of the declared call graph", SERVICE_NOT_ALLOWED
)
WRONG_ACTOR: Final = Code(
    "authorize.wrong_actor", 403, "The token was not given to the service that presents it", SERVICE_NOT_ALLOWED
)
TOO_MANY_ACTORS: Final = Code(
    "authorize.too_many_actors", 403, "Too many parties act for one another", SERVICE_NOT_ALLOWED
)


class ServicesConfig(Section):
    """Which services may call, and for whom."""

    only: bool = False
    """Nobody may call but services that ``services`` lets call it."""
    delegation: Literal["optional", "required"] = "optional"
    """``required``: a token that a service presents beside its certificate must name it as the actor (``act``)."""
    max_actors: int = Field(4, ge=0, le=8)
    """How many may act for one another in one token (RFC 8693 4.1)."""
    mode: Mode = "enforce"
    """``enforce``, ``monitor`` (record, let pass) or ``off``."""


def graph_of(context: OperationContext) -> CallGraph:
    """The call graph of the configuration, made once for all operations."""
    key = ("services",)
    if key not in context.shared:
        context.shared[key] = CallGraph.of(context.configuration)
    graph: CallGraph = context.shared[key]
    return graph


def compile_services(config: ServicesConfig | None, context: OperationContext) -> tuple[Step, ...]:
    """The step that goes by the call graph; none where no services are declared and the file asks for nothing."""
    if config is None:
        if not context.configuration.services:
            return ()
        config = ServicesConfig()
    if config.mode == "off":
        return ()
    layers = layers_of(context.api_name, context.api, context.version, context.operation.name)
    source = f"#{join('', *written_at(layers, 'authorize', 'services'))}"
    gate = _Gate(config, graph_of(context), context.api_name, context.operation.name, source)
    return (Step(POLICY.name, "head", gate.authorize, config.mode == "monitor"),)


class _Gate:
    """Decides about the calls of one operation."""

    def __init__(self, config: ServicesConfig, graph: CallGraph, api: str, operation: str, source: str) -> None:
        self._graph = graph
        self._provers = graph.provers
        self._callers = graph.callers(api, operation)
        self._only = config.only
        self._required = config.delegation == "required"
        self._max_actors = config.max_actors
        self._source = source

    def authorize(self, _request: RequestView, facts: Facts) -> Refuse | None:
        """Refuse who is no service that may call, or who calls with what was given to somebody else."""
        identity = facts.identity
        if not identity.also and not identity.actors:  # one party with one proof, as most calls have
            if identity.name in self._provers:
                service = self._graph.service_of(identity)
                return None if service in self._callers else self._moved(identity, service)
            return self._no_service(identity) if self._only else None
        parties = (identity, *identity.also)
        for each in parties:
            if len(each.actors) > self._max_actors:
                found, allowed = f"{len(each.actors)} actors", f"at most {self._max_actors}"
                return self._refuse(TOO_MANY_ACTORS, "/identity/actors", found, allowed, f"{self._source}/max_actors")
        proven = [each for each in parties if each.name in self._provers]
        if not proven:
            return self._no_service(identity) if self._only else None
        return self._services(proven, [each for each in parties if each.name not in self._provers])

    def _services(self, proven: list[Identity], others: list[Identity]) -> Refuse | None:
        first, *more = proven
        service = self._graph.service_of(first)
        if service is None or service not in self._callers:
            return self._moved(first, service)
        for each in more:
            if self._graph.service_of(each) != service:
                return self._wrong_actor(service, caller_of(each))
        for each in others:
            if each.actors:
                if not self._graph.is_known_as(service, each.actors[0]):
                    return self._wrong_actor(service, each.actors[0])
            elif self._required:
                return self._wrong_actor(service, "no actor")
        return None

    def _moved(self, identity: Identity, service: str | None) -> Refuse:
        caller = shorten(caller_of(identity), 80)
        found = f"{caller}, no service of the file" if service is None else f"service {service} ({caller})"
        source = "#/services" if service is None else f"#{join('/services', service)}"
        return self._refuse(LATERAL_MOVEMENT, "/identity/subject", found, self._allowed, source)

    def _no_service(self, identity: Identity) -> Refuse:
        found = f"{shorten(identity.subject, 80) or 'nobody'}, proven by {identity.name or identity.method}"
        return self._refuse(LATERAL_MOVEMENT, "/identity/name", found, self._allowed, self._source)

    def _wrong_actor(self, service: str, actor: str) -> Refuse:
        found = f"{shorten(actor, 60)}, presented by {service}"
        return self._refuse(WRONG_ACTOR, "/identity/actors", found, f"a token that {service} acts by", self._source)

    @property
    def _allowed(self) -> str:
        return f"a call by {', '.join(sorted(self._callers))}" if self._callers else "a call by no service at all"

    def _refuse(self, code: Code, pointer: str, found: str, allowed: str, source: str) -> Refuse:
        return Refuse(code, finding=Finding(pointer, shorten(found), shorten(allowed), source))


POLICY = Policy(
    phase="authorize",
    key="services",
    config=ServicesConfig,
    codes=(SERVICE_NOT_ALLOWED, LATERAL_MOVEMENT, WRONG_ACTOR, TOO_MANY_ACTORS),
    probes=(
        Probe("a caller who is no service, at an operation for services alone", "foreign_caller", LATERAL_MOVEMENT),
    ),
    compile=compile_services,
)
