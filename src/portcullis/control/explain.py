"""What the gateway would do with a request, and why: the phases walked offline, without a socket.

The same snapshot and the same engine decide as in a worker. Keys and users are those in the database now, the keys of
issuers those that the gateway fetched last; shared secrets are not looked up. Limits and failed attempts are counted
from nothing, since no real counter may be moved by asking. What a connection decides before there is a request
(framing, deadlines, the size of the head, how many connections there are) is not walked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import msgspec

from portcullis.control.key_sets.kept import KeptTopics
from portcullis.control.keys import KeyService
from portcullis.control.parts.key_sets import sources_of
from portcullis.control.rule_places import RulePlaces
from portcullis.control.state_paths import StatePaths
from portcullis.control.users.offline import OfflinePasswords
from portcullis.engine.api_key_format import mask
from portcullis.engine.codes import BODY_TOO_LARGE, UNKNOWN_PATH, UPGRADE_REFUSED
from portcullis.engine.compile import compile_snapshot
from portcullis.engine.config.load import LoadedConfiguration
from portcullis.engine.config.model import Configuration
from portcullis.engine.decision import Answer, Finding, Refuse
from portcullis.engine.exchange import End, Exchange
from portcullis.engine.facts import Verdict
from portcullis.engine.grpc.statuses import refusal_fields, speaks_grpc, status_of
from portcullis.engine.operation import UNROUTED, Operation
from portcullis.engine.ports import Clock, KeyDirectory, Ports, SourceFiles
from portcullis.engine.problem import problem_document
from portcullis.engine.redaction import redact_target
from portcullis.engine.request import RequestView
from portcullis.engine.target import TargetError, normalise_path, parse_host, split_target
from portcullis.engine.websocket.handshake import asks_for_websocket
from portcullis.stores.database.connection import open_database
from portcullis.stores.database.keys import KeyStore
from portcullis.stores.keys import WorkerKeyDirectory, encode_update
from portcullis.stores.local_counters import LocalCounters
from portcullis.stores.relations.reading import RelationReader

LATER: Final = "later"
"""The outcome of what can't be known here: it is decided by what the service says of an object."""
_GUARD: Final = "guard"
_KEYS_OF_POLICIES: Final = {"authenticate.public": "public"}
"""The key in the file behind a policy, where that is not the one of its phase."""


class ExplainedStep(msgspec.Struct, omit_defaults=True):
    """One policy's word.

    ``outcome`` is a verdict's, ``not reached`` or :data:`LATER`; ``rule`` is what it went by, and ``where`` the
    ``file:line`` of that (see :class:`~portcullis.control.rule_places.RulePlaces`).
    """

    policy: str
    outcome: str
    code: str = ""
    detail: str = ""
    finding: Finding | None = None
    rule: str = ""
    where: str = ""


class Explanation(msgspec.Struct, omit_defaults=True):
    """What would happen to a request.

    ``host``: the one it was taken to be for, if it named none; ``declared``: where its operation is; ``credential``:
    the id of what the caller proved itself with; ``upstream``: the URL an allowed request would be sent to;
    ``answer``, ``fields``: the problem document that a refused client would get, and the header fields with it. One of
    gRPC would get fields alone, by an HTTP 200: ``grpc-message`` is among them, and ``grpc_status`` as ``grpc-status``.
    """

    request: str
    decision: str
    steps: list[ExplainedStep]
    host: str = ""
    api: str = ""
    version: str = ""
    operation: str = ""
    declared: str = ""
    consumer: str = ""
    credential: str = ""
    status: int = 0
    code: str = ""
    upstream: str = ""
    answer: dict[str, Any] = {}
    fields: dict[str, str] = {}
    grpc_status: int = 0


def offline_keys(configuration: Configuration, file: Path) -> WorkerKeyDirectory:
    """The keys in the gateway's database now; none if it has no database yet. The database is not changed.

    Raises :class:`~portcullis.stores.database.connection.DatabaseError`, and ``OSError`` if it can't be got at.
    """
    url = StatePaths(configuration.state, file).database()
    directory = WorkerKeyDirectory()
    if not Path(str(url.database)).exists():
        directory.apply(encode_update(0, (), snapshot=True))
        return directory
    with closing(open_database(url)) as database:
        directory.apply(KeyService(KeyStore(database)).encode_snapshot())
    return directory


class Explainer:
    """Explains requests to the gateway that ``loaded``, read from ``file``, configures.

    Raises :class:`~portcullis.engine.config.diagnostics.ConfigurationError`.
    """

    def __init__(
        self, loaded: LoadedConfiguration, file: Path, files: SourceFiles, clock: Clock, keys: KeyDirectory
    ) -> None:
        self._loaded = loaded
        self._places = RulePlaces(loaded, file, files)
        self._clock = clock
        configuration = loaded.configuration
        paths = StatePaths(configuration.state, file)
        key_sets = KeptTopics(paths.directory, sources_of(configuration), clock.wall_s())
        ports = Ports(
            clock,
            LocalCounters(),
            keys,
            OfflinePasswords(paths),
            topics=key_sets,
            files=files,
            relations=RelationReader(paths.relations),
        )
        self._snapshot = compile_snapshot(loaded, files, ports)

    def explain(self, request: RequestView) -> Explanation:
        """Walk ``request`` (with ``body`` set, ``b""`` for none) through the phases."""
        exchange = Exchange(request, "0" * 32, "0" * 32, self._clock.now_ns(), self._clock.wall_s())
        body = request.body or b""
        request.body = None
        request.upgrades = not body and asks_for_websocket(request.headers)
        names_host = b"host" in request.headers or not request.target.startswith("/")
        assumed = "" if names_host else self._assume_host(request)
        refusal = self._route(request, assumed)
        if refusal is not None:
            exchange.refuse(refusal)
        else:
            exchange.facts.verdicts.append(Verdict(_GUARD, "allow"))
            self._decide(exchange, body)
        return self._explanation(exchange, assumed)

    def _decide(self, exchange: Exchange, body: bytes) -> None:
        """As a worker does: head steps, the cap on the body, body steps."""
        operation = exchange.request.operation
        if _settle(exchange.decide_head()) is not None:
            return
        if len(body) > operation.max_body:
            most = f"at most {operation.max_body} bytes"
            finding = Finding("/body", f"{len(body)} bytes", most, operation.max_body_source)
            exchange.refuse(Refuse(BODY_TOO_LARGE, f"{most.capitalize()} are accepted here.", finding))
        elif exchange.begin_body() is None:
            if exchange.holds_body:
                _settle(exchange.decide_body(body))
            elif exchange.scans_body:
                exchange.scan_body(body, ended=True)

    def _assume_host(self, request: RequestView) -> str:
        """A host for a request that names none: of those in the file the first that serves it, or nearly does."""
        hosts = list(dict.fromkeys(host for api in self._loaded.configuration.apis.values() for host in api.hosts))

        def distance(host: str) -> int:
            refusal = self._route(request, _an_example_of(host))
            request.operation = UNROUTED
            return 0 if refusal is None else 2 if refusal.code is UNKNOWN_PATH else 1

        return _an_example_of(min(hosts, key=distance))

    def _route(self, request: RequestView, host: str) -> Refuse | None:
        try:
            authority, path, request.query = split_target(request.target)
            request.host = parse_host(authority or request.header(b"host") or host)
            request.path = normalise_path(path, encoded_slash=True)
        except TargetError as error:
            return Refuse(error.code, error.detail, Finding("/target"))
        refusal = self._snapshot.route(request)
        if refusal is None and request.upgrades and request.operation.websocket is None:
            return Refuse(UPGRADE_REFUSED)
        return refusal

    def _explanation(self, exchange: Exchange, host: str) -> Explanation:
        request, facts, refusal = exchange.request, exchange.facts, exchange.refusal
        operation = request.operation
        identity = facts.identity
        steps = [self._explained(verdict, operation) for verdict in facts.verdicts]
        reached = {verdict.policy for verdict in facts.verdicts}
        asked = (*operation.head_steps, *operation.body_steps, *operation.stream_steps)
        planned = dict.fromkeys(step.policy for step in asked if step.allowed is not None)
        steps += [ExplainedStep(policy, "not reached") for policy in planned if policy not in reached]
        if refusal is None:
            steps += self._later(operation)
        explanation = Explanation(
            request=f"{request.method} {redact_target(request.target)}",
            decision="allow" if refusal is None else "refuse",
            steps=steps,
            host=host,
            api=operation.api,
            version=operation.version,
            operation=operation.name,
            consumer=identity.consumer.name if identity.consumer is not None else "",
            credential=identity.credential,
        )
        if operation is not UNROUTED:
            explanation.declared = self._places.declared(operation)[1]
        if refusal is not None:
            _tell_refusal(explanation, refusal, exchange)
        elif operation is not UNROUTED:
            query = request.query if exchange.query is None else exchange.query
            target = operation.upstream_path(request.path) + (f"?{query}" if query else "")
            origin = self._loaded.configuration.apis[operation.api].upstream.targets[0].rstrip("/")
            explanation.upstream = origin + redact_target(target)
        return explanation

    def _later(self, operation: Operation) -> list[ExplainedStep]:
        """Who decides by what the service says of an object."""
        asking = (*operation.before_steps, *operation.response_body_steps)
        policies = dict.fromkeys(step.policy for step in asking if step.policy.startswith("objects."))
        rules = {policy: self._places.rule(Verdict(policy, "allow"), operation) for policy in policies}
        return [ExplainedStep(policy, LATER, rule=rule, where=where) for policy, (rule, where) in rules.items()]

    def _explained(self, verdict: Verdict, operation: Operation) -> ExplainedStep:
        rule, where = self._places.rule(verdict, operation)
        finding = verdict.finding
        if finding is not None:
            finding = Finding(mask(finding.pointer), mask(finding.found), finding.allowed, finding.source)
        return ExplainedStep(verdict.policy, verdict.outcome, verdict.code, mask(verdict.detail), finding, rule, where)


def _tell_refusal(explanation: Explanation, refusal: Refuse, exchange: Exchange) -> None:
    """Note what its client would get for ``refusal``, as the answer of ``exchange`` would say it."""
    explanation.code = refusal.code.name
    if speaks_grpc(exchange.request):
        explanation.status, explanation.grpc_status = 200, status_of(refusal, exchange.request)
        fields = refusal_fields(refusal, explanation.grpc_status)
    else:
        explanation.status, fields = refusal.status, refusal.fields
        explanation.answer = msgspec.json.decode(mask(problem_document(refusal, exchange.request_id).decode()))
    explanation.fields = {name.decode(): mask(value.decode("latin-1")) for name, value in fields}


def _an_example_of(host: str) -> str:
    return host.replace("*", "any", 1)


def _settle(decision: End | Awaitable[End | None] | None) -> End | None:
    """The decision, waited for if it has to be."""
    if decision is None or isinstance(decision, Refuse | Answer):
        return decision

    async def wait() -> End | None:
        return await decision

    return asyncio.run(wait())
