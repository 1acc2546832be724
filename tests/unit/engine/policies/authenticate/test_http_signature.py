from __future__ import annotations

import hmac
import re
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from phase_site import NOW, Fields, Site
from pydantic import ValidationError
from rows import rows
from yaml_files import cases_of

from portcullis.engine.authentication.proof import FAILED
from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.exchange import Exchange
from portcullis.engine.identity import ANONYMOUS
from portcullis.engine.policies.authenticate.http_signature import ALGORITHMS, POLICY, HttpSignatureConfig
from portcullis.testing.signing import content_digest, message_signature
from portcullis.testing.tokens import Signer

CASES = cases_of("authenticate/http_signature")
BODY = '{"amount": 1}'
SHARED = "a secret that both sides know, of 32 bytes or more"
SIGNERS = {"robot": Signer("EdDSA", "robot"), "curve": Signer("ES256", "curve")}
PEM = {
    f"{name}.pem": signer.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for name, signer in SIGNERS.items()
}
COVERED = ["@method", "@authority", "@path", "@query", "content-digest"]


def made(identities: dict[str, Any] = CASES["identities"]) -> Site:
    return Site(identities, PEM, {"SHARED": SHARED})


def sign(by: str, base: bytes) -> bytes:
    return hmac.digest(SHARED.encode(), base, "sha256") if by == "shared" else SIGNERS[by].signature(base)


def call(case: dict[str, Any]) -> tuple[Fields, bytes]:
    body, by = case.get("body", BODY), case.get("by", "robot")
    fields = {"host": "api.shop.example", "content-type": "application/json"}
    if body:
        fields["content-digest"] = content_digest(body.encode())
    values = {
        **fields,
        "@method": "POST",
        "@authority": "api.shop.example",
        "@path": "/orders",
        "@query": "?a=1",
        "@target-uri": "https://api.shop.example/orders?a=1",
        **case.get("signed", {}),
    }
    parameters = {"created": NOW - case.get("ago", 0), "keyid": by, "nonce": "n-1", **case.get("parameters", {})}
    fields["signature-input"], fields["signature"] = message_signature(
        lambda base: sign(by, base),
        [(f'"{name}"', values[name]) for name in case.get("cover", COVERED)],
        {name: value for name, value in parameters.items() if value is not None},
    )
    fields |= case.get("send", {})
    pairs = [(name, value.encode()) for name, value in fields.items() if name not in case.get("without", ())]
    if case.get("twice"):
        pairs += [pair for pair in pairs if pair[0].startswith("signature")]
    return pairs, case.get("sent_body", body).encode()


def ran(site: Site, case: dict[str, Any]) -> Exchange:
    fields, body = call(case)
    settings = {"any_of": case["accept"], "mode": case.get("mode", "enforce")}
    return site.run(fields, "/orders?a=1", method="POST", body=body, authenticate=settings)


@rows("case", CASES["cases"], ids=lambda case: case["name"])
def test_case(case: dict[str, Any]) -> None:
    site = made()
    exchange = ran(site, case)
    if "identity" in case:
        assert exchange.refusal is None, exchange.facts.verdicts
        who, identity = case["identity"], exchange.facts.identity
        assert identity.consumer is not None
        assert (identity.method, identity.subject) == ("http_signature", who["subject"])
        assert (identity.consumer.name, identity.consumer.plan) == (who["consumer"], who.get("plan", ""))
        assert (identity.roles, identity.scopes) == (frozenset(who.get("roles", ())), frozenset(who.get("scopes", ())))
    else:
        verdict = exchange.facts.verdicts[-1]
        wanted = case.get("refused") or case["would_refuse"]
        assert (verdict.policy, verdict.code) == (POLICY.name, wanted["code"])
        assert verdict.outcome == ("refuse" if "refused" in case else "would_refuse")
        assert verdict.finding is not None
        for name in ("pointer", "found", "source"):
            assert getattr(verdict.finding, name) == wanted.get(name, getattr(verdict.finding, name))
        if wanted["code"] != "authenticate.wrong_digest":
            assert exchange.facts.identity is ANONYMOUS
    if "upstream" in case:
        assert sorted(exchange.removed_fields) == [name.encode() for name in case["upstream"]]
    if "again" in case:
        assert ran(site, case).facts.verdicts[-1].code == case["again"]


def test_all_refusals_look_the_same_to_a_caller() -> None:
    refusals = [ran(made(), case).refusal for case in CASES["cases"] if case["accept"] == ["robots"]]
    told = {(r.code.visible, r.status, r.detail, r.fields) for r in refusals if r is not None}
    assert told == {(FAILED, 401, "", ((b"www-authenticate", b'Signature realm="robots"'),))}


def test_every_code_of_the_policy_is_in_a_case() -> None:
    named = {(case.get("refused") or case.get("would_refuse") or {}).get("code") for case in CASES["cases"]} - {None}
    named |= {case["again"] for case in CASES["cases"] if "again" in case} - {""}
    assert {code.name for code in POLICY.codes} - named == {"authenticate.unavailable"}  # tested below


def test_where_uses_can_not_be_counted_nobody_is_let_through() -> None:
    site = made()
    site.counters.broken = True
    refusal = ran(site, {"accept": ["robots"]}).refusal
    assert refusal is not None
    assert (refusal.code.name, refusal.status) == ("authenticate.unavailable", 503)


def mutations() -> list[tuple[str, Fields]]:
    """What a good call becomes when something happens to one of the two fields."""
    fields, _ = call({})
    found: list[tuple[str, Fields]] = []
    for field in ("signature-input", "signature"):
        [good] = [value for name, value in fields if name == field]
        others = [pair for pair in fields if pair[0] != field]
        changed = [(f"cut at {at}", good[:at]) for at in range(len(good))]
        for at in range(len(good)):
            for new in (b"!", b"\xff", b"", b"A" if good[at : at + 1] != b"A" else b"B"):
                changed.append((f"{at} {new!r}", good[:at] + new + good[at + 1 :]))
        changed += [
            ("twice", good + b", " + good),
            ("huge", good + b";x=" + b"1" * 20_000),
            ("nested", b"sig1=" + b"(" * 5_000),
            ("many members", b", ".join(b"s%d=()" % number for number in range(2_000))),
            ("not UTF-8", b'sig1=("\xff\xfe")'),
            ("empty", b""),
            ("a list", b'("@method")'),
            ("NUL", good + b"\0"),
        ]
        if field == "signature":  # the last bits and the padding are no part of it (RFC 8941 4.2.7)
            octets = good.rstrip(b":=")[:-1]
            padded = re.compile(re.escape(octets) + rb"[A-Za-z0-9+/]=*:")
            changed = [each for each in changed if padded.fullmatch(each[1]) is None]
        found += [(f"{field} {name}", [*others, (field, value)]) for name, value in changed if value != good]
    return found


def test_every_mutation_is_refused() -> None:
    site = made()
    table = mutations()
    assert len(table) > 500
    passed = []
    for name, fields in table:
        refusal = site.run(fields, "/orders?a=1", method="POST", body=BODY.encode(), authenticate=["robots"]).refusal
        if refusal is None or refusal.status != 401 or refusal.code.visible is not FAILED:
            passed.append((name, refusal))
    assert passed == []


@pytest.mark.slow
def test_the_algorithms_are_those_of_the_standard() -> None:
    for name, jose in ALGORITHMS.items():
        if name in ("hmac-sha256", "ed25519", "ecdsa-p256-sha256"):
            continue
        signer = Signer(jose, name)
        pem = signer.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        site = Site(
            {"robots": {"http_signature": {"keys": {"k": {"algorithm": name, "key": "k.pem"}}}}}, {"k.pem": pem}
        )
        values = {"@method": "GET", "@authority": "api.shop.example", "@path": "/orders", "@query": "?"}
        components = [(f'"{each}"', value) for each, value in values.items()]
        parameters: dict[str, int | str] = {"created": NOW, "keyid": "k", "nonce": "1", "alg": name}
        said, signature = message_signature(signer.signature, components, parameters)
        fields = [("host", b"api.shop.example"), ("signature-input", said.encode()), ("signature", signature.encode())]
        assert site.run(fields, authenticate=["robots"]).facts.identity.subject == "k", name


KEY = {"algorithm": "ed25519", "key": "robot.pem"}


@rows(
    ("said", "reason"),
    [
        ({"keys": {}}, "at least 1 item"),
        ({"keys": {"é": KEY}}, "printable ASCII"),
        ({"keys": {"a": {"algorithm": "ed25519"}}}, "all others have a key"),
        ({"keys": {"a": {**KEY, "secret": "env:A"}}}, "all others have a key"),
        ({"keys": {"a": {"algorithm": "hmac-sha256", "key": "a.pem"}}}, "hmac-sha256 has a secret"),
        ({"keys": {"a": {**KEY, "algorithm": "none"}}}, "Input should be 'ed25519'"),
        ({"required": ["@status"]}, "@method, @authority"),
        ({"required": ["Content-Type"]}, "a field in lower case"),
        ({"max_age": "1d"}, "less than or equal to 43200"),
        ({"nonce": "never"}, "Input should be 'required'"),
    ],
)
def test_a_mistake_in_the_file_is_told(said: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        HttpSignatureConfig.model_validate({"keys": {"a": KEY}, **said})


@rows(
    ("key", "where"),
    [
        ({"algorithm": "ed25519", "key": "gone.pem"}, "key"),
        ({"algorithm": "ed25519", "key": "curve.pem"}, "key"),
        ({"algorithm": "hmac-sha256", "secret": "env:GONE"}, "secret"),
    ],
)
def test_keys_that_can_not_be_used_stop_the_start(key: dict[str, Any], where: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        made({"robots": {"http_signature": {"keys": {"a": key}}}}).run([], authenticate=["robots"])
    assert [each.pointer for each in caught.value.diagnostics] == [f"identities.robots.http_signature.keys.a.{where}"]
