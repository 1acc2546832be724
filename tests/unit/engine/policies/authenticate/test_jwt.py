from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwe
from joserfc.jwk import RSAKey
from pydantic import ValidationError
from rows import rows
from token_mutations import Fields, Mutations
from yaml_files import cases_of

from portcullis.engine.authentication.dpop import DPOP_CODES
from portcullis.engine.authentication.jose.key_source import (
    FRESH,
    KeySetUpdate,
    KeySource,
    decode_source,
    encode_update,
)
from portcullis.engine.authentication.proof import FAILED
from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.config.model import Configuration, OperationSettings
from portcullis.engine.exchange import Exchange, record_of
from portcullis.engine.identity import ANONYMOUS
from portcullis.engine.operation import Operation, OperationContext
from portcullis.engine.policies.authenticate import compile_phase
from portcullis.engine.policies.authenticate.jwt import POLICY, JwtConfig
from portcullis.engine.ports import Ports
from portcullis.engine.request import RequestView
from portcullis.stores.secrets import SourceSecrets
from portcullis.testing.fakes import FakeClock, FakeCounters, FakeFiles, FakeKeys
from portcullis.testing.tokens import Signer, key_set_of, rsa_key

CASES = cases_of("authenticate/jwt")
NOW = 1_800_000_000
ISSUER = "https://id.example.com"
SECRET = b"a secret that is long enough for HMAC with SHA-256"
SIGNERS = {
    "first": Signer("ES256", "first"),
    "rsa": Signer("RS256", "rsa", rsa_key("a")),
    "ed": Signer("EdDSA", "ed"),
    "stranger": Signer("ES256", "first"),
    "secret": Signer("HS256", None, SECRET),
}
PUBLISHED = key_set_of(SIGNERS["first"], SIGNERS["rsa"], SIGNERS["ed"])
SIGNERS["public"] = Signer("HS256", "first", json.dumps(PUBLISHED).encode())
ENCRYPTION = rsa_key("enc").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
ENCRYPTION_KEY = RSAKey.import_key(ENCRYPTION)


class Site:
    """A gateway reduced to its authenticate phase. ``told``: what the control process tells; ``asked``: is asked."""

    def __init__(self, identities: dict[str, Any]) -> None:
        files = FakeFiles({"keys.json": json.dumps(PUBLISHED), "enc.pem": ENCRYPTION}, {"JWT_SECRET": SECRET.decode()})
        listeners = {"public": {"bind": "127.0.0.1:0"}}
        api = {"hosts": ["*"], "upstream": {"targets": ["http://127.0.0.1:1"]}, "versions": {"v1": {"spec": "s.yaml"}}}
        self.configuration = Configuration.model_validate(
            {"listeners": listeners, "identities": identities, "apis": {"shop": api}}
        )
        self.clock = FakeClock(wall_s=float(NOW))
        self.counters = FakeCounters()
        self.told: dict[str, Callable[[bytes], None]] = {}
        self.asked: list[KeySource] = []
        self.answer: Callable[[KeySource], bytes] | None = None
        self.ports = Ports(
            self.clock,
            self.counters,
            FakeKeys(),
            questions=self,
            topics=self,
            secrets=SourceSecrets(files),
            files=files,
        )
        self.shared: dict[tuple[str, ...], Any] = {}

    def subscribe(self, topic: str, apply: Callable[[bytes], None]) -> None:
        self.told[topic] = apply

    async def ask(self, topic: str, question: bytes) -> bytes:
        from portcullis.engine.ports import Unanswered

        source = decode_source(question)
        self.asked.append(source)
        if self.answer is None:
            raise Unanswered(topic)
        return self.answer(source)

    def tell(self, source: KeySource, *signers: Signer) -> None:
        document = json.dumps(key_set_of(*signers)).encode()
        self.told[source.topic](encode_update(KeySetUpdate(document, NOW, NOW + source.keep)))

    def run(self, fields: Fields, **settings: Any) -> Exchange:
        nothing: Any = None
        context = OperationContext(
            configuration=self.configuration,
            api_name="shop",
            api=self.configuration.apis["shop"],
            version="v1",
            settings=OperationSettings.model_validate(settings),
            document=nothing,
            operation=nothing,
            ports=self.ports,
            where=("apis", "shop", "operations", "GET /orders"),
            shared=self.shared,
        )
        headers: dict[bytes, bytes] = {}
        wire = [(name.encode(), value) for name, value in fields]
        for name, value in wire:
            headers[name] = headers[name] + b", " + value if name in headers else value
        request = RequestView("GET", "/orders", wire, headers)
        exchange = Exchange(request, "r-1", "t-1", 0, NOW)
        request.operation = Operation("shop", "v1", "GET /orders", compile_phase(context), (), 0, "shop", str)
        decision = exchange.decide_head()
        if isinstance(decision, Awaitable):

            async def wait() -> None:
                await decision

            asyncio.run(wait())
        return exchange


@pytest.fixture(scope="module")
def site() -> Site:
    return Site(CASES["identities"])


def made(token: dict[str, Any]) -> str:
    usual = {"iss": ISSUER, "aud": "shop", "sub": "alice", "exp": NOW + 60}
    claims = {
        **usual,
        **token.get("claims", {}),
        **{name: NOW + seconds for name, seconds in token.get("at", {}).items()},
    }
    for name in token.get("without", ()):
        del claims[name]
    text = SIGNERS[token["by"]].token(claims, token.get("header"))
    if token.get("sealed"):
        protected = {"alg": "RSA-OAEP", "enc": "A256GCM", "cty": "JWT"}
        text = jwe.encrypt_compact(protected, text, ENCRYPTION_KEY, algorithms=["RSA-OAEP", "A256GCM"])
    return text


def fields_of(case: dict[str, Any]) -> Fields:
    if "text" in case:
        return [("authorization", case["text"].format(good=made({"by": "first"})).encode())]
    if "token" not in case:
        return []
    token = case["token"]
    where = token.get("in", "authorization")
    scheme = token.get("scheme", "Bearer " if where == "authorization" else "")
    return [(where, (scheme + made(token)).encode())]


def settings_of(case: dict[str, Any]) -> dict[str, Any]:
    if case.get("public"):
        return {"public": True}
    return {"authenticate": {"any_of": case["accept"], "mode": case.get("mode", "enforce")}}


@rows("case", CASES["cases"], ids=lambda case: case["name"])
def test_case(case: dict[str, Any]) -> None:
    site = Site(CASES["identities"])
    fields = fields_of(case)
    exchange = site.run(fields, **settings_of(case))
    wanted = case.get("refused") or case.get("would_refuse")
    if wanted is None:
        assert exchange.refusal is None, exchange.facts.verdicts
    else:
        [verdict] = exchange.facts.verdicts
        assert (verdict.policy, verdict.code) == (POLICY.name, wanted["code"])
        assert verdict.outcome == ("refuse" if "refused" in case else "would_refuse")
        assert verdict.finding is not None
        for name in ("pointer", "allowed", "source"):
            assert getattr(verdict.finding, name) == wanted.get(name, getattr(verdict.finding, name))
        assert verdict.finding.found.startswith(wanted.get("found", ""))
        if "refused" in case:
            assert exchange.refusal is not None
            assert exchange.refusal.status == wanted.get("status", 401)
            if "challenges" in wanted:
                challenges = [(b"www-authenticate", each.encode()) for each in wanted["challenges"]]
                assert list(exchange.refusal.fields) == challenges
    check_identity(exchange, case)
    if "upstream" in case:
        assert sorted(exchange.removed_fields) == [name.encode() for name in case["upstream"]["removed"]]
    if "again" in case:
        again = site.run(fields, **settings_of(case))
        assert again.facts.verdicts[-1].code == case["again"]


def check_identity(exchange: Exchange, case: dict[str, Any]) -> None:
    identity = exchange.facts.identity
    if "identity" not in case:
        assert identity is ANONYMOUS
        return
    who = case["identity"]
    assert identity.consumer is not None
    assert identity.method == "jwt"
    assert identity.subject == who.get("subject", identity.subject)
    assert identity.consumer.name == who.get("consumer", identity.consumer.name)
    assert identity.credential == who.get("credential", identity.credential)
    assert identity.scopes == frozenset(who.get("scopes", identity.scopes))
    assert identity.roles == frozenset(who.get("roles", identity.roles))
    assert identity.consumer.plan == who.get("plan", "")
    assert identity.issuer == ISSUER
    assert identity.expires == identity.claims["exp"]


@rows("case", [case for case in CASES["cases"] if "token" in case], ids=lambda case: case["name"])
def test_no_token_is_in_what_is_recorded(case: dict[str, Any], site: Site) -> None:
    fields = fields_of(case)
    written = repr(record_of(site.run(fields, **settings_of(case)), 0))
    token = fields[0][1].decode()
    assert token.rpartition(".")[2][-40:] not in written
    assert token.rpartition(".")[2][:40] not in written


def test_all_refusals_look_the_same_to_a_caller(site: Site) -> None:
    refusals = [
        exchange.refusal
        for case in CASES["cases"]
        if case.get("accept") == ["staff"] and "refused" in case
        for exchange in [site.run(fields_of(case), **settings_of(case))]
    ]
    assert len(refusals) > 15
    told = {(r.code.visible, r.status, r.detail, r.fields) for r in refusals if r is not None}
    assert told == {(FAILED, 401, "", ((b"www-authenticate", b'Bearer realm="staff"'),))}


def test_every_case_has_its_code_among_those_of_the_policy() -> None:
    named = {(case.get("refused") or case.get("would_refuse") or {}).get("code") for case in CASES["cases"]} - {None}
    named |= {case["again"] for case in CASES["cases"] if "again" in case}
    known = {code.name for code in POLICY.codes}
    assert named <= known
    elsewhere = {code.name for code in DPOP_CODES}  # tested where proofs are asked for
    # Tested where it is opened, and where there are many.
    assert known - named - elsewhere == {"authenticate.undecryptable_token", "authenticate.locked_out"}


MUTATIONS = Mutations(SIGNERS["first"], ISSUER, "shop", NOW)


def test_the_token_that_is_mutated_is_good(site: Site) -> None:
    fields = [("authorization", b"Bearer " + MUTATIONS.good.encode())]
    assert site.run(fields, authenticate=["staff"]).facts.identity.subject == "alice"


def test_every_mutation_is_refused(site: Site) -> None:
    mutations = MUTATIONS.all()
    assert len(mutations) > 500
    passed = []
    for mutation in mutations:
        exchange = site.run(mutation.fields, authenticate=["staff"])
        refusal = exchange.refusal
        if refusal is None or refusal.status != 401 or refusal.code.visible is not FAILED:
            passed.append((mutation.name, refusal))
    assert passed == []


@pytest.mark.slow
def test_every_mutation_is_refused_quickly() -> None:
    """No input costs more than a few signatures; one that took a hundred times as long would be a way to stall."""
    site = Site(CASES["identities"])
    site.run([], authenticate=["staff"])
    slow = []
    for mutation in MUTATIONS.all():
        before = time.process_time()
        site.run(mutation.fields, authenticate=["staff"])
        spent = time.process_time() - before
        if spent > 0.05:
            slow.append((mutation.name, spent))
    assert slow == []


def test_newer_keys_are_asked_for_and_waited_for(site: Site) -> None:
    site = Site({"staff": {"jwt": {"issuer": ISSUER, "audience": "shop", "jwks": "auto"}}})
    first, second = SIGNERS["first"], Signer("ES256", "second")
    run = {"authenticate": ["staff"]}

    def call(signer: Signer) -> Exchange:
        token = signer.token({"iss": ISSUER, "aud": "shop", "sub": "alice", "exp": NOW + 600})
        return site.run([("authorization", f"Bearer {token}".encode())], **run)

    assert call(first).refusal.status == 503  # type: ignore[union-attr]
    site.clock.advance(1)

    def answer(source: KeySource) -> bytes:
        site.tell(source, first)
        return FRESH

    site.answer = answer
    assert call(first).facts.identity.subject == "alice"
    assert site.asked == [KeySource(ISSUER), KeySource(ISSUER)]
    unknown = call(second)
    assert unknown.facts.verdicts[0].code == "authenticate.unknown_signer"
    assert len(site.asked) == 2  # not again, so soon
    site.clock.advance(10)
    site.answer = lambda source: (site.tell(source, first, second), FRESH)[1]  # type: ignore[func-returns-value]
    assert call(second).facts.identity.subject == "alice"
    site.tell(KeySource(ISSUER), second)
    assert call(first).facts.verdicts[0].code == "authenticate.unknown_signer"
    assert call(second).facts.identity.subject == "alice"


BASE = {"issuer": ISSUER, "audience": "shop", "jwks": "auto"}


@rows(
    ("said", "reason"),
    [
        ({"jwks": None}, "say where the keys are, once"),
        ({"secret": "env:X"}, "say where the keys are, once"),
        ({"algorithms": ["RS256", "HS256"]}, r"HS256 is for a shared secret: .*\(RFC 8725 2.1\)"),
        ({"jwks": None, "secret": "env:X", "algorithms": ["RS256"]}, "RS256 is for public keys"),
        ({"algorithms": ["none"]}, "Input should be 'RS256'"),
        ({"algorithms": []}, "at least 1 item"),
        ({"audience": []}, "at least 1 item"),
        ({"audience": ""}, "at least 1 character"),
        ({"audience": None}, "valid string"),
        ({"issuer": ""}, "what the claim iss says"),
        ({"issuer": "a b"}, "what the claim iss says"),
        ({"issuer": "accounts"}, "with jwks: auto the issuer is asked for its keys, so it is a URL such as"),
        ({"issuer": "http://id.example.com"}, "so it is https"),
        ({"jwks": "http://id.example.com/keys"}, "plain http is for services on this machine only"),
        ({"jwks": "keys.json"}, r"auto \(the issuer's discovery document says where\), or a URL such as"),
        ({"jwks": {"file": "a", "url": "b"}}, "Extra inputs"),
        ({"jwks": None, "secret": "hunter2"}, "a secret is never written into the file"),
        ({"jwks": {"file": "a"}, "keys": {"refresh": "1m"}}, "only with jwks: auto or a URL"),
        ({"keys": {"refresh": "1ms"}}, "greater than or equal to 0.5"),
        ({"typ": "x", "profile": "rfc9068"}, "the profile says the typ"),
        ({"header": None}, "say where the token is"),
        ({"header": "Cookie"}, "a header field that is there for nothing else"),
        ({"cookie": "a b"}, "the name of a cookie"),
        ({"leeway": "1h"}, "less than or equal to 600"),
        ({"subject": ""}, "the name of a claim"),
        ({"roles": {"claim": "a b"}}, "the name of a claim"),
        ({"jti": "twice"}, "Input should be 'once'"),
        ({"bound": "maybe"}, "Input should be 'refuse' or 'accept'"),
        ({"dpop": "maybe"}, "Input should be 'required' or 'allowed'"),
        ({"dpop": "required", "bound": "accept"}, "dpop asks for proofs, and bound: accept for none"),
        ({"dpop": "required", "header": "X-Token"}, "with dpop tokens are in Authorization"),
        ({"dpop": "allowed", "cookie": "session"}, "with dpop tokens are in Authorization"),
    ],
)
def test_a_mistake_in_the_file_is_told(said: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        JwtConfig.model_validate({**BASE, **said})


def test_an_issuer_without_an_audience_is_a_mistake() -> None:
    with pytest.raises(ValidationError, match=r"audience\n +Field required"):
        JwtConfig.model_validate({"issuer": ISSUER, "jwks": "auto"})


def test_a_secret_in_the_file_is_not_repeated() -> None:
    with pytest.raises(ValidationError) as caught:
        JwtConfig.model_validate({**BASE, "jwks": None, "secret": "hunter2"})
    assert "hunter2" not in str(caught.value.errors(include_input=False, include_context=False))


def test_keys_that_can_not_be_used_stop_the_start() -> None:
    for jwt, where in (
        ({"jwks": {"file": "gone.json"}}, "identities.staff.jwt.jwks.file"),
        ({"secret": "env:GONE"}, "identities.staff.jwt.secret"),
        ({"jwks": {"file": "keys.json"}, "decrypt": {"key": "file:keys.json"}}, "identities.staff.jwt.decrypt.key"),
    ):
        with pytest.raises(ConfigurationError) as caught:
            Site({"staff": {"jwt": {"issuer": ISSUER, "audience": "shop", **jwt}}}).run([], authenticate=["staff"])
        assert [diagnostic.pointer for diagnostic in caught.value.diagnostics] == [where]


def test_where_keys_are_fetched() -> None:
    assert JwtConfig.model_validate(BASE).key_source == KeySource(ISSUER)
    url = {"jwks": f"{ISSUER}/keys", "algorithms": ["RS256", "ES256"], "keys": {"refresh": "1m", "keep": "1h"}}
    source = JwtConfig.model_validate({**BASE, **url}).key_source
    assert source == KeySource(ISSUER, f"{ISSUER}/keys", ("ES256", "RS256"), 60.0, 10.0, 3600.0)
    assert JwtConfig.model_validate({**BASE, "jwks": {"file": "a"}}).key_source is None
    assert JwtConfig.model_validate({**BASE, "jwks": None, "secret": "env:X"}).key_source is None


def test_an_address_that_presents_what_nobody_signed_is_locked_out() -> None:
    locking = {**CASES["identities"]["staff"]["jwt"], "lockout": {"per_address": {"failures": 3}}}
    site = Site({"staff": {"jwt": locking}})
    good = made({"by": "first"})
    old = made({"by": "first", "at": {"exp": -600}})

    def run(token: str) -> tuple[int, str]:
        exchange = site.run([("authorization", f"Bearer {token}".encode())], authenticate=["staff"])
        return (0, "") if exchange.refusal is None else (exchange.refusal.status, exchange.refusal.code.name)

    assert [run(old) for _ in range(5)] == [(401, "authenticate.expired_token")] * 5
    assert run(good) == (0, "")
    assert [run(good[:-6] + "AAAAAA")[0] for _ in range(3)] == [401] * 3
    assert run(good) == (429, "authenticate.locked_out")
