from __future__ import annotations

import json
from collections.abc import Awaitable
from typing import Any

import pytest
from phase_site import NOW, Fields, Site
from pydantic import ValidationError
from rows import rows
from yaml_files import cases_of

from portcullis.engine.authentication.dpop import DPOP_CODES
from portcullis.engine.authentication.introspection_messages import (
    TOPIC,
    IntrospectionAnswer,
    IntrospectionSource,
    decode_question,
    encode,
)
from portcullis.engine.authentication.proof import FAILED
from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.exchange import Exchange, record_of
from portcullis.engine.facts import Facts
from portcullis.engine.identity import ANONYMOUS, Identity
from portcullis.engine.peer_certificate import PeerCertificate
from portcullis.engine.policies.authenticate.introspection import POLICY, IntrospectionConfig, compile_introspection
from portcullis.engine.ports import Ports
from portcullis.engine.request import RequestView
from portcullis.testing import FakeClock, FakeCounters, FakeKeys

CASES = cases_of("authenticate/introspection")
TOKEN = "2YotnFZFEjr1zCsicMWpAA"
BASE = {"endpoint": "https://id.example.com/introspect", "client": {"id": "gateway", "secret": "env:SECRET"}}


def made(identities: dict[str, Any] = CASES["identities"]) -> Site:
    return Site(identities, {"key.pem": "a key"}, {"SECRET": "s3cret"})


def answering(site: Site, document: dict[str, Any]) -> None:
    active = document.get("active")
    answer = IntrospectionAnswer("active", json.dumps(document).encode()) if active else IntrospectionAnswer("inactive")
    site.answer = lambda _topic, _question: encode(answer)


def fields_of(case: dict[str, Any]) -> Fields:
    if "text" in case:
        return [("authorization", case["text"].encode())] if case["text"] else []
    where = case.get("in", "authorization")
    prefix = {"authorization": "Bearer ", "cookie": "session="}.get(where, "")
    return [(where, f"{prefix}{TOKEN}".encode())]


def ran(site: Site, case: dict[str, Any]) -> Exchange:
    document = dict(case.get("answer", {"active": False}))
    answering(site, document | {name: NOW + seconds for name, seconds in case.get("at", {}).items()})
    return site.run(fields_of(case), authenticate={"any_of": case["accept"], "mode": case.get("mode", "enforce")})


@rows("case", CASES["cases"], ids=lambda case: case["name"])
def test_case(case: dict[str, Any]) -> None:
    site = made()
    exchange = ran(site, case)
    identity = exchange.facts.identity
    if "identity" in case:
        assert exchange.refusal is None, exchange.facts.verdicts
        who, consumer = case["identity"], identity.consumer
        assert consumer is not None
        assert (identity.method, identity.subject, consumer.name) == ("introspection", who["subject"], who["consumer"])
        assert identity.credential == who.get("credential", identity.credential) != ""
        assert identity.scopes == frozenset(who.get("scopes", ()))
        assert (identity.roles, consumer.plan) == (frozenset(who.get("roles", ())), who.get("plan", ""))
    else:
        assert identity is ANONYMOUS
        [verdict] = exchange.facts.verdicts
        wanted = case.get("refused") or case["would_refuse"]
        assert (verdict.policy, verdict.code) == (POLICY.name, wanted["code"])
        assert verdict.outcome == ("refuse" if "refused" in case else "would_refuse")
        assert verdict.finding is not None
        for name in ("pointer", "found", "source"):
            assert getattr(verdict.finding, name) == wanted.get(name, getattr(verdict.finding, name))
    if "upstream" in case:
        assert sorted(exchange.removed_fields) == [name.encode() for name in case["upstream"]]
    assert not (case.get("unasked") and site.asked)
    assert TOKEN not in repr(record_of(exchange, 0))


def test_all_refusals_look_the_same_to_a_caller() -> None:
    refusals = [ran(made(), case).refusal for case in CASES["cases"] if case["accept"] == ["partners"]]
    told = {(r.code.visible, r.status, r.detail, r.fields) for r in refusals if r is not None}
    assert told == {(FAILED, 401, "", ((b"www-authenticate", b'Bearer realm="partners"'),))}


def test_every_code_of_the_policy_is_in_a_case() -> None:
    named = {(case.get("refused") or case.get("would_refuse") or {}).get("code") for case in CASES["cases"]} - {None}
    elsewhere = {code.name for code in DPOP_CODES}  # tested where proofs are asked for
    below = {"authenticate.unavailable", "authenticate.locked_out"}
    assert {code.name for code in POLICY.codes} - named - elsewhere == below
    assert named <= {code.name for code in POLICY.codes}


def test_whom_to_ask_and_about_what_is_all_that_the_control_process_is_told() -> None:
    site = made()
    ran(site, {"accept": ["partners"]})
    [(topic, question)] = site.asked
    said = decode_question(question)
    assert (topic, said.token) == (TOPIC, TOKEN)
    assert said.source == site.configuration.identities["partners"].introspection.introspection_source.digest


def test_a_control_process_that_is_away_is_no_grant() -> None:
    site = made()
    refusal = site.run([("authorization", b"Bearer abc")], authenticate=["partners"]).refusal
    assert refusal is not None
    assert (refusal.code.name, refusal.status) == ("authenticate.unavailable", 503)


@rows(
    ("said", "reason"),
    [
        ({"endpoint": "http://id.example.com/i"}, "plain http is for services on this machine only"),
        ({"client": {"id": "gateway"}}, "secret or key"),
        ({"client": {"id": "g", "secret": "env:A", "key": "env:B"}}, "secret or key"),
        ({"client": {"id": "g", "secret": "hunter2"}}, "a secret is never written into the file"),
        ({"client": {"id": "g", "secret": "env:A", "algorithm": "ES256"}}, "only with key"),
        ({"client": {"id": "g", "key": "env:A", "method": "client_secret_post"}}, "only with secret"),
        ({"client": {"id": "", "secret": "env:A"}}, "the name that the issuer gave the gateway"),
        ({"client": {"id": "é", "secret": "env:A"}}, "printable ASCII"),
        ({"client": {"id": "g", "key": "env:A", "algorithm": "HS256"}}, "Input should be 'RS256'"),
        ({"cache": {"active": "2h"}}, "less than or equal to 3600"),
        ({"cache": {"inactive": "1h"}}, "less than or equal to 300"),
        ({"header": None}, "say where the token is"),
        ({"audience": []}, "at least 1 item"),
    ],
)
def test_a_mistake_in_the_file_is_told(said: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        IntrospectionConfig.model_validate({**BASE, **said})


def test_a_secret_that_is_not_there_stops_the_start() -> None:
    for client, where in (
        ({"id": "g", "secret": "env:GONE"}, "identities.partners.introspection.client.secret"),
        ({"id": "g", "key": "file:gone.pem"}, "identities.partners.introspection.client.key"),
    ):
        with pytest.raises(ConfigurationError) as caught:
            made({"partners": {"introspection": {**BASE, "client": client}}}).run([], authenticate=["partners"])
        assert [diagnostic.pointer for diagnostic in caught.value.diagnostics] == [where]


def test_how_to_ask() -> None:
    def source(**client: Any) -> IntrospectionSource:
        return IntrospectionConfig.model_validate({**BASE, "client": {"id": "g", **client}}).introspection_source

    endpoint = BASE["endpoint"]
    assert source(secret="env:A") == IntrospectionSource(endpoint, "g", "env:A")
    assert source(secret="env:A", method="client_secret_post").method == "client_secret_post"
    assert source(key="file:k", algorithm="ES256", kid="1") == IntrospectionSource(
        endpoint, "g", "file:k", "private_key_jwt", "ES256", "1", endpoint
    )
    assert source(key="file:k", audience="https://id.example.com").audience == "https://id.example.com"


class Answering:
    """The control process: says of every token that it is alice's, bound to a certificate."""

    def __init__(self, thumbprint: str) -> None:
        self.claims = {"active": True, "sub": "alice", "cnf": {"x5t#S256": thumbprint}}

    async def ask(self, _topic: str, _question: bytes) -> bytes:
        return encode(IntrospectionAnswer("active", json.dumps(self.claims).encode()))


async def test_a_token_that_is_bound_to_a_certificate_passes_with_that_alone() -> None:
    own, other = PeerCertificate(b"own"), PeerCertificate(b"other")
    ports = Ports(FakeClock(wall_s=NOW), FakeCounters(), FakeKeys(), questions=Answering(own.thumbprint))
    authenticator = compile_introspection("partners", IntrospectionConfig.model_validate(BASE), ports)
    headers = {b"authorization": b"Bearer " + TOKEN.encode()}
    for _ in range(2):  # the answer is remembered, and the certificate asked for each time
        for certificate, passes in ((own, True), (other, False), (None, False)):
            request = RequestView("GET", "/", tuple(headers.items()), headers, certificate=certificate)
            outcome = authenticator.prove(request, Facts())
            settled = await outcome if isinstance(outcome, Awaitable) else outcome
            assert isinstance(settled, Identity) == passes


def test_an_address_that_presents_what_does_not_hold_is_locked_out_before_the_issuer_is_asked() -> None:
    (name, settings), *_ = CASES["identities"].items()
    locking = {**settings["introspection"], "lockout": {"per_address": {"failures": 3}}}
    site = made({name: {"introspection": locking}})
    asked: list[bytes] = []
    held = IntrospectionAnswer("active", json.dumps({"active": True, "sub": "alice", "iss": 7}).encode())

    def answer(_topic: str, question: bytes) -> bytes:
        asked.append(question)
        token = decode_question(question).token
        return encode(held if token == "foreign" else IntrospectionAnswer("inactive"))

    site.answer = answer

    def run(token: str) -> tuple[int, str]:
        refusal = site.run([("authorization", f"Bearer {token}".encode())], authenticate=[name]).refusal
        assert refusal is not None
        return refusal.status, refusal.code.name

    assert [run("foreign")[0] for _ in range(5)] == [401] * 5
    assert [run(f"made-up-{number}")[0] for number in range(3)] == [401] * 3
    before = len(asked)
    assert run("another") == (429, "authenticate.locked_out")
    assert len(asked) == before
