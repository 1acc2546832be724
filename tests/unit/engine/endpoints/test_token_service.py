from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from rows import rows

from portcullis.engine.config.model import Configuration
from portcullis.engine.decision import Answer, Refuse
from portcullis.engine.endpoints.endpoint import Endpoint, EndpointContext
from portcullis.engine.endpoints.token_service import find
from portcullis.engine.exchange import Exchange
from portcullis.engine.ports import Ports, Unanswered
from portcullis.engine.request import RequestView
from portcullis.engine.token_service.messages import CALLS, KEYS, Call, CallAnswer, PublishedKeys, decode_call, encode
from portcullis.testing import FakeClock, FakeCounters, FakeKeys

FORM = (b"content-type", b"application/x-www-form-urlencoded")
BASIC = (b"authorization", b"Basic YTpi")
API = {"hosts": ["*"], "upstream": {"targets": ["http://127.0.0.1:1"]}, "versions": {"v1": {"spec": "s.yaml"}}}


class Site:
    """The endpoints of a file. ``answer``: what the control process says; ``asked``: what it was asked."""

    def __init__(self, **settings: Any) -> None:
        service = {"issuer": "https://id.shop.example", "audiences": ["shop"], **settings}
        file = {"listeners": {"a": {"bind": "127.0.0.1:0"}}, "apis": {"shop": API}, "token_service": service}
        self.told: dict[str, Callable[[bytes], None]] = {}
        self.asked: list[Call] = []
        self.answer: bytes | None = encode(CallAnswer(200, b"{}", "a"))
        self.counters = FakeCounters()
        self.clock = FakeClock()
        ports = Ports(self.clock, self.counters, FakeKeys(), questions=self, topics=self)
        found = find(EndpointContext(Configuration.model_validate(file), ports, {}))
        self.endpoints: dict[str, Endpoint] = {f"{each.method} {each.path}": each for each in found}

    def subscribe(self, topic: str, apply: Callable[[bytes], None]) -> None:
        self.told[topic] = apply

    async def ask(self, topic: str, question: bytes) -> bytes:
        assert topic == CALLS
        self.asked.append(decode_call(question))
        if self.answer is None:
            raise Unanswered(topic)
        return self.answer

    def exchange(self, name: str, body: bytes | None = None, *fields: tuple[bytes, bytes]) -> tuple[Exchange, Any]:
        wire = [FORM, *fields]
        method, _, path = name.partition(" ")
        request = RequestView(method, path, wire, dict(wire), path=path, has_body=body is not None)
        request.operation = self.endpoints[name].operation
        exchange = Exchange(request, "r", "t", 0, 0.0)
        decision: Any = exchange.decide_head()
        if decision is None and body is not None:
            exchange.begin_body()
            decision = exchange.decide_body(body)
        if isinstance(decision, Awaitable):

            async def wait() -> Any:
                return await decision

            decision = asyncio.run(wait())
        return exchange, decision

    def ends(self, name: str, body: bytes | None = None, *fields: tuple[bytes, bytes]) -> Answer:
        answer = self.exchange(name, body, *fields)[1]
        assert isinstance(answer, Answer)
        return answer


def test_there_are_none_unless_the_file_asks_for_them() -> None:
    file = {"listeners": {"a": {"bind": "127.0.0.1:0"}}, "apis": {"shop": API}}
    ports = Ports(FakeClock(), FakeCounters(), FakeKeys())
    assert list(find(EndpointContext(Configuration.model_validate(file), ports, {}))) == []


def test_they_are_served_at_the_issuers_host_below_the_path() -> None:
    site = Site(path="/tokens")
    assert set(site.endpoints) == {
        "POST /tokens/token",
        "POST /tokens/revoke",
        "POST /tokens/introspect",
        "GET /tokens/jwks",
        "GET /tokens/identity-jwks",
        "GET /.well-known/oauth-authorization-server",
    }
    assert {each.host for each in site.endpoints.values()} == {"id.shop.example"}


def test_what_the_client_asks_is_asked_of_the_control_process() -> None:
    site = Site()
    exchange, answer = site.exchange("POST /oauth2/token", b"grant_type=client_credentials&scope=x", BASIC)
    assert (answer.status, dict(answer.fields)[b"cache-control"]) == (200, b"no-store")
    parameters = {"grant_type": "client_credentials", "scope": "x"}
    assert site.asked == [Call("token", parameters, "a", "b", "client_secret_basic")]
    identity = exchange.facts.identity
    assert (identity.method, identity.subject, identity.credential) == ("token_service", "a", "client_credentials")


@rows(
    ("body", "fields", "error"),
    [
        (b"a=1&a=2", (BASIC,), "invalid_request"),
        (b"a=%zz", (BASIC,), "invalid_request"),
        (b"client_id=a&client_secret=b", (), "invalid_client"),
        (b"a=1", ((b"authorization", b"Bearer x"),), "invalid_client"),
        (b"client_assertion=x", (), "invalid_request"),
        (b"client_assertion=x&client_assertion_type=y", (), "invalid_client"),
    ],
)
def test_errors_of_form_are_told_without_asking(
    body: bytes, fields: tuple[tuple[bytes, bytes], ...], error: str
) -> None:
    site = Site()
    exchange, answer = site.exchange("POST /oauth2/token", body, *fields)
    assert json.loads(answer.body)["error"] == error
    assert answer.status == (401 if error == "invalid_client" else 400)
    assert site.asked == []
    assert exchange.facts.verdicts[0].code


def test_a_secret_may_be_in_the_body_where_the_file_says_so() -> None:
    site = Site(client_secret_post=True)
    site.ends("POST /oauth2/token", b"client_id=a&client_secret=b")
    assert site.asked[0].how == "client_secret_post"


@rows("answer", [None, b"", b"\xc1"])
def test_without_an_answer_the_client_is_told_to_come_again(answer: bytes | None) -> None:
    site = Site()
    site.answer = answer
    said = site.ends("POST /oauth2/revoke", b"token=x", BASIC)
    assert (said.status, json.loads(said.body)["error"]) == (503, "temporarily_unavailable")


def test_the_record_has_the_reason_and_the_client_has_not() -> None:
    site = Site()
    site.answer = encode(CallAnswer(401, b'{"error":"invalid_client"}', "", "another secret"))
    exchange, answer = site.exchange("POST /oauth2/token", b"grant_type=x", BASIC)
    assert dict(answer.fields)[b"www-authenticate"].startswith(b"Basic")
    assert b"another" not in answer.body
    [verdict] = [each for each in exchange.facts.verdicts if each.code]
    assert verdict.finding is not None
    assert (verdict.code, verdict.finding.found) == ("authenticate.client_failed", "another secret")


def test_one_address_asks_only_so_often() -> None:
    site = Site(calls_per_address=2)
    name = "GET /.well-known/oauth-authorization-server"
    decisions = [site.exchange(name)[1] for _ in range(3)]
    assert [type(each) for each in decisions] == [Answer, Answer, Refuse]
    assert (decisions[2].status, dict(decisions[2].fields)[b"retry-after"]) == (429, b"30")
    site.clock.advance(30)
    assert isinstance(site.exchange(name)[1], Answer)
    site.counters.broken = True
    assert site.exchange(name)[1].status == 503


def test_key_sets_are_those_that_were_told() -> None:
    site = Site()
    assert site.ends("GET /oauth2/jwks").status == 503
    site.told[KEYS](encode(PublishedKeys("https://i", b'{"keys":[1]}', b'{"keys":[2]}')))
    assert site.ends("GET /oauth2/jwks").body == b'{"keys":[1]}'
    identity = site.ends("GET /oauth2/identity-jwks")
    assert (identity.body, dict(identity.fields)[b"cache-control"]) == (b'{"keys":[2]}', b"public, max-age=300")
