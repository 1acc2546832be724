from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from rows import rows
from token_services import SETTINGS, Service

from portcullis.control.token_service.assertions import ClientAssertions
from portcullis.control.token_service.errors import OAuthError
from portcullis.control.token_service.orders import SecretRotation, TokenConflict
from portcullis.engine.authentication.replay import SingleUse
from portcullis.engine.ports import CounterStoreError
from portcullis.engine.token_service.messages import Call
from portcullis.testing.tokens import Signer, key_set_of

ISSUER, ENDPOINT = "https://i", "https://i/oauth2/token"
NOW = 1_800_000_000
KEY, OTHER = Signer("ES256", "k"), Signer("ES256", "k")
RSA = Signer("PS256", "rsa")
SETTINGS_HERE = msgspec.structs.replace(SETTINGS, assertion_audiences=(ISSUER,))


def keys_of(*signers: Signer) -> str:
    return json.dumps(key_set_of(*signers))


def assertion(signer: Signer = KEY, header: dict[str, Any] | None = None, **claims: Any) -> str:
    usual = {"iss": "signer", "sub": "signer", "aud": ISSUER, "jti": "j-1", "iat": NOW, "exp": NOW + 60}
    said = {name: value for name, value in {**usual, **claims}.items() if value is not None}
    return signer.token(said, header)


class Proving:
    """Clients ``signer``, which has a key, and ``checkout``, which has a secret."""

    def __init__(self, service: Service) -> None:
        self.service = service
        service.use(SETTINGS_HERE)
        service.add()
        service.add("signer", keys=keys_of(KEY, RSA))
        uses = SingleUse("client assertion", service.counters, service.clock)
        self.assertions = ClientAssertions(service.parts.clients, uses)
        self.assertions.take_over(SETTINGS_HERE)

    def client(self, text: str, named: str = "", now: float = NOW) -> str:
        return self.assertions.authenticate(Call("token", {}, named, text, "private_key_jwt"), now).id

    def why_not(self, text: str, named: str = "", now: float = NOW) -> str:
        with pytest.raises(OAuthError) as caught:
            self.client(text, named, now)
        assert (caught.value.error, caught.value.status) == ("invalid_client", 401)
        assert str(caught.value) == "the client could not be authenticated"
        return caught.value.reason


@pytest.fixture
def proving(service: Service) -> Proving:
    return Proving(service)


def test_a_client_is_known_by_what_its_key_signs(proving: Proving) -> None:
    assert proving.client(assertion()) == "signer"
    assert proving.client(assertion(jti="j-2", aud=[ISSUER]), "signer") == "signer"
    assert proving.client(assertion(RSA, jti="j-3", iat=None)) == "signer"
    assert proving.client(assertion(header={"typ": "client-authentication+jwt"}, jti="j-4")) == "signer"
    assert proving.client(assertion(header={"typ": None, "kid": None}, jti="j-5")) == "signer"


@rows(
    ("text", "why"),
    [
        (assertion(OTHER), "signature is wrong"),
        (assertion(Signer("ES256", "unknown")), "unknown key"),
        (KEY.token({}), "another client"),
        (assertion(header={"alg": "none"}), "not accepted"),
        (assertion(Signer("HS256", "k", b"x" * 32)), "not accepted"),
        (assertion(header={"typ": "at+jwt"}), "another type"),
        (assertion(header={"typ": "dpop+jwt"}), "another type"),
        (assertion(header={"crit": ["b64"]}), "no readable token"),
        (assertion(iss="checkout"), "another issuer"),
        (assertion(iss=None), "another issuer"),
        (assertion(sub=None), "another client"),
        (assertion(sub=["signer"]), "another client"),
        (assertion(sub="nobody", iss="nobody"), "no such client"),
        (assertion(sub="checkout", iss="checkout"), "no key"),
        (assertion(aud="https://other"), "another audience"),
        (assertion(aud=ENDPOINT), "another audience"),
        (assertion(aud=None), "another audience"),
        (assertion(aud=ISSUER + "/"), "another audience"),
        (assertion(aud=[ISSUER, "https://other"]), "others, too"),
        (assertion(jti=None), "lacks a claim"),
        (assertion(jti=""), "lacks a claim"),
        (assertion(jti=7), "lacks a claim"),
        (assertion(jti="x" * 256), "lacks a claim"),
        (assertion(exp=None), "lacks a claim"),
        (assertion(exp="soon"), "lacks a claim"),
        (assertion(exp=True), "lacks a claim"),
        (assertion(exp=NOW - 10), "expired"),
        (assertion(exp=NOW + 301), "at most 300"),
        (assertion(nbf=NOW + 11), "not hold yet"),
        (assertion(iat=NOW + 11), "not hold yet"),
        ("", "no readable token"),
        ("a.b", "no readable token"),
        ("a.b.c.d.e", "no readable token"),
        ("a.b.c", "no readable token"),
        (assertion() + "x", ""),
        (assertion()[:-4], ""),
        ("x" * 20_000, "no readable token"),
    ],
)
def test_whoever_is_not_the_client_is_refused(proving: Proving, text: str, why: str) -> None:
    assert why in proving.why_not(text)


def test_what_is_refused_spends_nothing_of_the_clients(proving: Proving) -> None:
    for text in (assertion(OTHER), assertion(aud="https://other"), assertion(exp=NOW + 400)):
        proving.why_not(text)
    assert proving.client(assertion()) == "signer"


def test_a_key_signs_by_its_own_algorithm_only(proving: Proving) -> None:
    said = {"iss": "signer", "sub": "signer", "aud": ISSUER, "jti": "j", "exp": NOW + 60}
    assert "not accepted" in proving.why_not(RSA.token(said, algorithm="RS256"))
    assert proving.client(RSA.token(said)) == "signer"


def test_an_assertion_passes_once(proving: Proving) -> None:
    text = assertion()
    assert proving.client(text) == "signer"
    assert proving.why_not(text) == "the assertion was used before"
    assert "used before" in proving.why_not(assertion(RSA))  # of another key, with the same jti
    assert "used before" in proving.why_not(assertion(), now=NOW + 69)
    assert "expired" in proving.why_not(assertion(), now=NOW + 70)


def test_another_client_may_use_the_same_jti(proving: Proving) -> None:
    proving.service.add("second", keys=keys_of(OTHER))
    assert proving.client(assertion()) == "signer"
    assert proving.client(assertion(OTHER, iss="second", sub="second")) == "second"
    assert "signature is wrong" in proving.why_not(assertion(KEY, iss="second", sub="second", jti="j-2"))


def test_who_is_named_beside_it_is_whose_it_is(proving: Proving) -> None:
    assert "another client" in proving.why_not(assertion(), "checkout")


def test_where_uses_can_not_be_counted_nobody_is_let_in(proving: Proving) -> None:
    proving.service.counters.broken = True
    with pytest.raises(CounterStoreError):
        proving.client(assertion())


def test_the_token_endpoint_is_an_audience_where_the_file_says_so(proving: Proving) -> None:
    proving.assertions.take_over(msgspec.structs.replace(SETTINGS, assertion_audiences=(ISSUER, ENDPOINT)))
    assert proving.client(assertion(aud=ENDPOINT)) == "signer"
    assert proving.client(assertion(jti="j-2")) == "signer"
    assert "others, too" in proving.why_not(assertion(jti="j-3", aud=[ISSUER, ENDPOINT]))


def test_keys_change_with_an_overlap(proving: Proving) -> None:
    rotate = proving.service.parts.service.rotate_secret
    with pytest.raises(TokenConflict, match="--key"):
        proving.service.run(rotate("signer", SecretRotation(60.0)))
    made = proving.service.run(rotate("signer", SecretRotation(60.0, keys_of(OTHER))))
    assert (made.secret, made.client.proof) == ("", "key")
    assert proving.client(assertion(OTHER)) == "signer"
    assert proving.client(assertion(KEY, jti="j-2"), now=NOW + 59) == "signer"
    assert "signature is wrong" in proving.why_not(assertion(KEY, jti="j-3", exp=NOW + 120), now=NOW + 60)


def test_a_client_moves_from_its_secret_to_a_key(proving: Proving) -> None:
    name, secret = proving.service.add("mover")
    rotate = proving.service.parts.service.rotate_secret
    proving.service.run(rotate(name, SecretRotation(60.0, keys_of(KEY))))
    assert proving.client(assertion(iss=name, sub=name)) == name
    by_secret = Call("token", {}, name, secret, "client_secret_basic")
    clients = proving.service.parts.clients
    assert clients.authenticate(by_secret, NOW + 59).id == name
    with pytest.raises(OAuthError):
        clients.authenticate(by_secret, NOW + 60)
