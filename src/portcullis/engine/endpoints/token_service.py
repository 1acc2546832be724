"""The endpoints of the gateway's own token service: token (RFC 6749), revocation (RFC 7009), introspection (RFC 7662),
its key sets, and its metadata (RFC 8414).

Requests are read and counted here; the control process, which has the keys and the clients, answers them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from typing import Final

from portcullis.engine.calls_by_address import count_by_address
from portcullis.engine.decision import Answer, Finding, Refuse, shorten
from portcullis.engine.endpoints.endpoint import Endpoint, EndpointContext, make_endpoint
from portcullis.engine.facts import Facts
from portcullis.engine.identity import Identity
from portcullis.engine.policy import Step, StepFunction
from portcullis.engine.ports import Ports, Unanswered
from portcullis.engine.request import RequestView
from portcullis.engine.token_service.answers import UNAUTHORIZED, document_answer, endpoint_answer, error_answer
from portcullis.engine.token_service.codes import CLIENT_FAILED, GRANT_REFUSED
from portcullis.engine.token_service.declaring import TokenServiceConfig
from portcullis.engine.token_service.forms import FormError, read_call
from portcullis.engine.token_service.messages import (
    CALLS,
    KEYS,
    Call,
    EndpointName,
    PublishedKeys,
    decode_answer,
    decode_keys,
    encode,
)
from portcullis.engine.token_service.metadata import WELL_KNOWN, key_set_age, metadata

POLICY: Final = "token_service"
"""Whose words the answers are, in records."""
_PLACE: Final = ("token_service",)
_SOURCE: Final = "#/token_service"
_MINUTE: Final = 60
_ENDPOINTS: Final[tuple[EndpointName, ...]] = ("token", "revoke", "introspect")
_AWAY: Final = error_answer("temporarily_unavailable", "tokens can't be issued right now; try again", 503)


def find(context: EndpointContext) -> Iterator[Endpoint]:
    """The endpoints, if the file has a token service."""
    config = context.configuration.token_service
    if config is None:
        return
    host, base, ports = config.host, config.path.rstrip("/"), context.ports
    of_address = Step(POLICY, "head", count_by_address(POLICY, config.calls_per_address, _MINUTE, ports, _SOURCE))
    for name in _ENDPOINTS:
        answer = _Calls(name, config, ports).answer
        path = f"{base}/{name}"
        yield make_endpoint(host, "POST", path, answer, place=_PLACE, policy=POLICY, before=(of_address,), needs="body")
    keys = _KeySets(ports, key_set_age(config))
    known = document_answer(metadata(config), key_set_age(config))
    documents: tuple[tuple[str, StepFunction], ...] = (
        (f"{base}/jwks", lambda _request, _facts: keys.access),
        (f"{base}/identity-jwks", lambda _request, _facts: keys.identity),
        (WELL_KNOWN, lambda _request, _facts: known),
    )
    for path, answer_document in documents:
        yield make_endpoint(host, "GET", path, answer_document, place=_PLACE, policy=POLICY, before=(of_address,))


class _KeySets:
    """The two key sets, as the control process has told them."""

    def __init__(self, ports: Ports, age: int) -> None:
        self.access: Answer = _AWAY
        self.identity: Answer = _AWAY
        self._age = age
        ports.topics.subscribe(KEYS, self._told)

    def _told(self, message: bytes) -> None:
        published: PublishedKeys = decode_keys(message)
        self.access = document_answer(published.access, self._age)
        self.identity = document_answer(published.identity, self._age)


class _Calls:
    """Requests to one endpoint."""

    def __init__(self, name: EndpointName, config: TokenServiceConfig, ports: Ports) -> None:
        self._name = name
        self._takes_post = config.client_secret_post
        self._ask = ports.questions.ask

    def answer(self, request: RequestView, facts: Facts) -> Answer | Awaitable[Answer]:
        """What the control process says to it; errors in its form are told at once."""
        try:
            call = read_call(self._name, request, takes_post=self._takes_post)
        except FormError as error:
            status = UNAUTHORIZED if error.error == "invalid_client" else 400
            _note(facts, status, str(error))
            return error_answer(error.error, str(error), status)
        return self._asked(call, facts)

    async def _asked(self, call: Call, facts: Facts) -> Answer:
        try:
            said = decode_answer(await self._ask(CALLS, encode(call)))
        except (Unanswered, ValueError):
            _note(facts, 503, "the control process gave no answer")
            return _AWAY
        if said.client:
            facts.identify(Identity(POLICY, said.client, call.parameters.get("grant_type", "")))
        if said.reason:
            _note(facts, said.status, said.reason)
        return endpoint_answer(said.status, said.body)


def _note(facts: Facts, status: int, reason: str) -> None:
    """Let the record say why the client gets an error."""
    code = CLIENT_FAILED if status == UNAUTHORIZED else GRANT_REFUSED
    facts.refused(POLICY, Refuse(code, finding=Finding(found=shorten(reason), source=_SOURCE)), "refuse")
