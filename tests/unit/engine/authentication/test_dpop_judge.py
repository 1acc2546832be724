from __future__ import annotations

import json
from typing import Any

from phase_site import NOW, Fields, Site
from rows import rows

from portcullis.engine.authentication.dpop_judge import Nonces
from portcullis.engine.authentication.introspection_messages import IntrospectionAnswer, encode
from portcullis.engine.exchange import Exchange
from portcullis.engine.identity import ANONYMOUS
from portcullis.testing.fakes import FakeClock
from portcullis.testing.tokens import Signer, dpop_proof, key_set_of, thumbprint

ISSUER = "https://id.example.com"
FIRST, KEY, OTHER = Signer("ES256", "first"), Signer("ES256", None), Signer("ES256", None)
JWT = {"issuer": ISSUER, "audience": "shop", "jwks": {"file": "keys.json"}}
ASKED = {"endpoint": f"{ISSUER}/introspect", "client": {"id": "g", "secret": "env:S"}}
IDENTITIES = {
    "bound": {"jwt": {**JWT, "dpop": "required"}},
    "either": {"jwt": {**JWT, "dpop": "allowed"}},
    "fresh": {"jwt": {**JWT, "dpop": {"nonce": "1m"}, "forward": True}},
    "plain": {"jwt": JWT},
    "asked": {"introspection": {**ASKED, "dpop": "required"}},
}
URL = "https://api.shop.example/orders"


def made() -> Site:
    site = Site(IDENTITIES, {"keys.json": json.dumps(key_set_of(FIRST))}, {"S": "s"})
    claims = json.dumps({"active": True, "sub": "alice", "token_type": "DPoP", "cnf": {"jkt": thumbprint(KEY)}})
    site.answer = lambda _topic, _question: encode(IntrospectionAnswer("active", claims.encode()))
    return site


def token(cnf: Any = None, **claims: Any) -> str:
    usual = {"iss": ISSUER, "aud": "shop", "sub": "alice", "exp": NOW + 600}
    return FIRST.token({**usual, **({} if cnf is None else {"cnf": cnf}), **claims})


BOUND = token({"jkt": thumbprint(KEY)})


def proof(of: str = BOUND, jti: str = "j-1", **claims: Any) -> bytes:
    return dpop_proof(claims.pop("signer", KEY), of, "GET", URL, claims.pop("iat", NOW), jti, **claims).encode()


def call(site: Site, identity: str, scheme: str, said: str, *proofs: bytes, mode: str = "enforce") -> Exchange:
    fields: Fields = [("host", b"api.shop.example"), ("authorization", f"{scheme} {said}".encode())]
    fields = [*fields, *(("dpop", each) for each in proofs)]
    return site.run(fields, authenticate={"any_of": [identity], "mode": mode})


def code(exchange: Exchange) -> str:
    assert exchange.facts.identity is ANONYMOUS
    return exchange.facts.verdicts[-1].code.partition(".")[2]


def test_a_bound_token_with_its_proof_proves_whom_it_names() -> None:
    for identity in ("bound", "either"):
        exchange = call(made(), identity, "DPoP", BOUND, proof())
        assert exchange.facts.identity.subject == "alice"
        assert exchange.removed_fields == {b"authorization", b"dpop"}
    assert call(made(), "asked", "dpop", "opaque", proof("opaque")).facts.identity.subject == "alice"


@rows(
    ("identity", "scheme", "said", "proofs", "wanted"),
    [
        ("bound", "Bearer", BOUND, (proof(),), "bound_token"),
        ("bound", "Bearer", token(), (), "bound_token"),
        ("either", "Bearer", BOUND, (proof(),), "bound_token"),
        ("plain", "Bearer", BOUND, (), "bound_token"),
        ("plain", "DPoP", BOUND, (proof(),), "missing"),
        ("asked", "Bearer", "opaque", (proof("opaque"),), "bound_token"),
        ("bound", "DPoP", BOUND, (), "invalid_proof"),
        ("bound", "DPoP", BOUND, (b"",), "invalid_proof"),
        ("bound", "DPoP", BOUND, (proof(signer=OTHER),), "invalid_proof"),
        ("bound", "DPoP", BOUND, (proof("another"),), "invalid_proof"),
        ("bound", "DPoP", BOUND, (proof(iat=NOW - 100),), "stale_signature"),
        ("bound", "DPoP", BOUND, (proof(), proof()), "duplicate_credential"),
        ("bound", "DPoP", f"{BOUND}, DPoP {BOUND}", (proof(),), "duplicate_credential"),
        ("bound", "DPoP", "", (proof(),), "malformed_token"),
        ("either", "DPoP", token(), (proof(token()),), "invalid_proof"),
        ("either", "Bearer", token({"jkt": ""}), (), "bound_token"),
        ("either", "Bearer", token({"unknown": "x"}), (), "bound_token"),
        ("either", "Bearer", token({"x5t#S256": "x"}), (), "bound_token"),
        ("either", "Bearer", token({"jkt": "x", "x5t#S256": "x"}), (), "bound_token"),
        ("bound", "DPoP", token({"jkt": thumbprint(KEY), "x": 1}), (), "bound_token"),
    ],
)
def test_whatever_else_is_refused(
    identity: str, scheme: str, said: str, proofs: tuple[bytes, ...], wanted: str
) -> None:
    assert code(call(made(), identity, scheme, said, *proofs)) == wanted


def test_a_token_that_is_bound_to_nothing_passes_where_it_may() -> None:
    assert call(made(), "either", "Bearer", token()).facts.identity.subject == "alice"


def test_a_proof_is_good_once() -> None:
    site = made()
    assert call(site, "bound", "DPoP", BOUND, proof()).refusal is None
    assert code(call(site, "bound", "DPoP", BOUND, proof())) == "replayed_proof"
    assert call(site, "bound", "DPoP", BOUND, proof(jti="j-2")).refusal is None
    site.clock.advance(64)
    assert code(call(site, "bound", "DPoP", BOUND, proof())) == "replayed_proof"
    site.clock.advance(2)
    assert code(call(site, "bound", "DPoP", BOUND, proof())) == "stale_signature"


def test_nobody_passes_whose_proof_can_not_be_counted() -> None:
    site = made()
    site.counters.broken = True
    assert code(call(site, "bound", "DPoP", BOUND, proof())) == "unavailable"


def test_the_challenges_say_what_is_accepted() -> None:
    for identity, challenge in (
        ("bound", b'DPoP realm="bound", algs="ES256 EdDSA Ed25519 PS256"'),
        ("either", b'Bearer realm="either", DPoP realm="either", algs="ES256 EdDSA Ed25519 PS256"'),
    ):
        for scheme, proofs in (("DPoP", ()), ("Bearer", ()), ("Basic", ())):
            refusal = call(made(), identity, scheme, BOUND, *proofs).refusal
            assert refusal is not None
            assert refusal.fields == ((b"www-authenticate", challenge),)


def test_a_nonce_is_asked_for_given_and_replaced() -> None:
    site = made()
    refusal = call(site, "fresh", "DPoP", BOUND, proof()).refusal
    assert refusal is not None
    fields = dict(refusal.fields)
    assert fields[b"www-authenticate"].startswith(b'DPoP realm="fresh", error="use_dpop_nonce", algs="')
    nonce = fields[b"dpop-nonce"].decode()
    good = call(site, "fresh", "DPoP", BOUND, proof(nonce=nonce))
    assert good.refusal is None
    assert good.facts.response_fields == []
    assert good.removed_fields == frozenset()
    site.clock.advance(60)
    later = call(site, "fresh", "DPoP", BOUND, proof(jti="j-2", nonce=nonce, iat=NOW + 60))
    assert later.refusal is None
    [(name, newer)] = later.facts.response_fields
    assert (name, newer == nonce.encode()) == (b"dpop-nonce", False)
    site.clock.advance(60)
    assert code(call(site, "fresh", "DPoP", BOUND, proof(jti="j-3", nonce=nonce, iat=NOW + 120))) == "nonce_wanted"
    for wrong in ("", "x", newer.decode()[:-1], newer.decode() + "A", "é"):
        assert code(call(site, "fresh", "DPoP", BOUND, proof(jti="j-4", nonce=wrong, iat=NOW + 120))) == "nonce_wanted"
    assert call(site, "fresh", "DPoP", BOUND, proof(jti="j-4", nonce=newer.decode(), iat=NOW + 120)).refusal is None


def test_a_nonce_is_told_to_who_has_the_key_only() -> None:
    refusal = call(made(), "fresh", "DPoP", BOUND, proof(signer=OTHER)).refusal
    assert refusal is not None
    assert b"dpop-nonce" not in dict(refusal.fields)


def test_nonces_of_one_generation_are_no_others() -> None:
    clock = FakeClock()
    one, other = Nonces(60, clock), Nonces(60, clock)
    assert one.is_good(one.newest().decode())
    assert not other.is_good(one.newest().decode())
    assert not one.is_good(None)
