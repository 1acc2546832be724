from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from joserfc import jwe
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from rows import rows

from portcullis.engine.authentication.jose.compact import MAX_TOKEN
from portcullis.engine.authentication.jose.encryption import Decrypter, read_decryption_key
from portcullis.engine.authentication.jose.errors import (
    MALFORMED_TOKEN,
    UNDECRYPTABLE_TOKEN,
    ForeignTokenError,
    TokenError,
)
from portcullis.engine.authentication.jose.keys import UnusableKeyError
from portcullis.testing.tokens import encoded, part, rsa_key

INNER = b"a.signed.token"
EVERYTHING = [*jwe.JWERegistry.algorithms["alg"], *jwe.JWERegistry.algorithms["enc"], "DEF"]


def pem_of(key: Any, encryption: Any = None) -> bytes:
    return bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()))


def sealed(key: Any, algorithm: str, content: str = "A256GCM", **header: Any) -> bytes:
    registry = jwe.JWERegistry(algorithms=EVERYTHING, strict_check_header=False)
    protected = {"alg": algorithm, "enc": content, "cty": "JWT", **header}
    return jwe.encrypt_compact(protected, INNER, key, registry=registry).encode()


RSA_PEM = pem_of(rsa_key("enc"))
RSA_KEY = RSAKey.import_key(RSA_PEM)
EC_KEY = ECKey.generate_key("P-256")
X_KEY = OKPKey.generate_key("X25519")
SECRET = OctKey.import_key({"kty": "oct", "k": encoded(bytes(range(32)))})


def code_of(decrypter: Decrypter, token: bytes) -> Any:
    with pytest.raises(TokenError) as caught:
        decrypter.decrypt(token)
    return caught.value.code


@pytest.fixture(scope="module")
def rsa() -> Decrypter:
    """Opens with the RSA key; reading it takes longer than all the rest."""
    return Decrypter([read_decryption_key(RSA_PEM)])


@rows("content", ["A128GCM", "A192GCM", "A256GCM", "A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512"])
@rows("algorithm", ["RSA-OAEP", "RSA-OAEP-256"])
def test_what_was_encrypted_to_an_rsa_key_is_opened(algorithm: str, content: str, rsa: Decrypter) -> None:
    assert rsa.decrypt(sealed(RSA_KEY, algorithm, content)) == INNER


@rows("algorithm", ["ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW"])
@rows("key", [EC_KEY, X_KEY], ids=["P-256", "X25519"])
def test_what_was_agreed_on_with_a_curve_is_opened(key: Any, algorithm: str) -> None:
    for content in (pem_of(key.private_key), json.dumps(key.as_dict(private=True)).encode()):
        assert Decrypter([read_decryption_key(content)]).decrypt(sealed(key, algorithm)) == INNER


@rows(("own", "algorithm"), [(None, "A256KW"), (None, "A256GCMKW"), ("dir", "dir"), ("A256GCM", "dir")])
def test_what_was_encrypted_by_a_secret_is_opened(own: str | None, algorithm: str) -> None:
    jwk = {"kty": "oct", "k": encoded(bytes(range(32))), **({} if own is None else {"alg": own})}
    assert Decrypter([read_decryption_key(json.dumps(jwk).encode())]).decrypt(sealed(SECRET, algorithm)) == INNER


def test_a_key_is_for_what_it_says() -> None:
    jwk = {**RSA_KEY.as_dict(private=True), "alg": "RSA-OAEP-256", "kid": "one"}
    decrypter = Decrypter([read_decryption_key(json.dumps(jwk).encode())])
    assert decrypter.decrypt(sealed(RSA_KEY, "RSA-OAEP-256", kid="one")) == INNER
    assert decrypter.decrypt(sealed(RSA_KEY, "RSA-OAEP-256")) == INNER
    assert code_of(decrypter, sealed(RSA_KEY, "RSA-OAEP", kid="one")) is UNDECRYPTABLE_TOKEN
    assert code_of(decrypter, sealed(RSA_KEY, "RSA-OAEP-256", kid="two")) is UNDECRYPTABLE_TOKEN


@pytest.mark.slow
def test_while_a_key_is_replaced_both_open() -> None:
    old, new = rsa_key("enc"), rsa_key("enc-new")
    decrypter = Decrypter([read_decryption_key(pem_of(new)), read_decryption_key(pem_of(old))])
    for key in (old, new):
        assert decrypter.decrypt(sealed(RSAKey.import_key(pem_of(key)), "RSA-OAEP")) == INNER


def test_what_has_hurt_others_is_refused(rsa: Decrypter) -> None:
    with pytest.warns(UserWarning, match="deprecated"):
        token = sealed(RSA_KEY, "RSA1_5")
    assert code_of(rsa, token) is UNDECRYPTABLE_TOKEN
    assert code_of(rsa, sealed(RSA_KEY, "RSA-OAEP", zip="DEF")) is MALFORMED_TOKEN
    critical = header({"alg": "RSA-OAEP", "enc": "A256GCM", "crit": ["exp"], "exp": 1})
    assert code_of(rsa, critical + b".YQ.YQ.YQ.YQ") is MALFORMED_TOKEN
    password = OctKey.import_key(b"a password of some length to be sure")
    assert code_of(rsa, sealed(password, "PBES2-HS256+A128KW", p2c=1000)) is UNDECRYPTABLE_TOKEN


def test_nothing_tells_what_was_wrong(rsa: Decrypter) -> None:
    pieces = sealed(RSA_KEY, "RSA-OAEP").split(b".")
    told = set()
    for position in range(1, 5):
        wrong = list(pieces)
        wrong[position] = (b"B" if wrong[position][:1] == b"A" else b"A") + wrong[position][1:]
        with pytest.raises(TokenError) as caught:
            rsa.decrypt(b".".join(wrong))
        told.add((caught.value.code, caught.value.found, caught.value.allowed))
    assert len(told) == 1


def header(value: object) -> bytes:
    return part(value).encode()


@rows(
    "token",
    [
        header({"alg": "RSA-OAEP"}) + b"....",
        header({"alg": "RSA-OAEP", "enc": 7}) + b"....",
        header({"alg": None, "enc": "A128GCM"}) + b"....",
        header({"alg": "RSA-OAEP", "enc": "A128GCM", "kid": []}) + b"....",
        header({"alg": "RSA-OAEP", "enc": "A128GCM"}) + b".!...",
        header({"alg": "RSA-OAEP", "enc": "A128GCM"}) + b".YQ==...",
        b"x" * (MAX_TOKEN + 1),
    ],
)
def test_what_can_not_be_read_is_refused(token: bytes, rsa: Decrypter) -> None:
    assert code_of(rsa, token) is MALFORMED_TOKEN


@rows("token", [b"", b"a.b.c", b"....", header({"alg": "a", "enc": "b"}) + b"...", b"e30=...."])
def test_what_is_not_encrypted_is_something_else(token: bytes, rsa: Decrypter) -> None:
    with pytest.raises(ForeignTokenError):
        rsa.decrypt(token)


@rows(
    "epk",
    [
        None,
        {},
        7,
        {"kty": "RSA", "n": "AQ", "e": "AQ"},
        {"kty": "EC", "crv": "P-384", "x": "AQ", "y": "AQ"},
        {"kty": "EC", "crv": "P-256", "x": encoded(bytes(32)), "y": encoded(bytes(32))},
        {"kty": "OKP", "crv": "X25519", "x": encoded(bytes(32))},
    ],
)
def test_an_ephemeral_key_off_the_curve_is_refused(epk: object) -> None:
    decrypter = Decrypter([read_decryption_key(pem_of(EC_KEY.private_key))])
    said = {"alg": "ECDH-ES", "enc": "A128GCM", **({} if epk is None else {"epk": epk})}
    token = header(said) + b".." + b".".join([encoded(bytes(12)).encode(), b"YQ", encoded(bytes(16)).encode()])
    assert code_of(decrypter, token) is UNDECRYPTABLE_TOKEN


@pytest.mark.slow
@rows(
    ("content", "reason"),
    [
        (b"", "neither a private key in PEM nor a JSON web key"),
        (b"[]", "no JSON web key"),
        (b'{"kty": "RSA"}', "no private RSA, EC or X25519 key"),
        (json.dumps(RSA_KEY.as_dict(private=False)).encode(), "no private RSA"),
        (b'{"kty": "oct"}', "no private RSA"),
        (json.dumps({"kty": "oct", "k": encoded(bytes(40))}).encode(), "its alg  is not one of ours"),
        (b'{"kty": "oct", "k": "!"}', "it is malformed"),
        (b'{"kty": "oct", "k": 7}', "it is malformed"),
        (b'{"kty": "EC", "crv": "secp256k1", "d": "AQ"}', "its curve secp256k1 is not one of P-256"),
        (b'{"kty": "EC", "crv": "P-256", "d": "AQ"}', "it is malformed"),
        (b'{"kty": "OKP", "crv": "Ed25519", "d": "AQ"}', "its curve Ed25519 is not one of X25519"),
        (b'{"kty": "oct", "k": "AAAA", "kid": 7}', "its kid or alg is no text"),
        (b'{"kty": "oct", "k": "AAAA", "use": "sig"}', "not for encryption"),
        (
            json.dumps({**RSA_KEY.as_dict(private=True), "alg": "RSA1_5"}).encode(),
            "its alg RSA1_5 is not one of RSA",
        ),
        (pem_of(rsa_key("enc"), BestAvailableEncryption(b"x")), "one with a password"),
        (pem_of(rsa_key("small", 1024)), "it has 1024 bits"),
        (pem_of(ed25519.Ed25519PrivateKey.generate()), "no RSA, EC or X25519 key"),
    ],
)
def test_a_key_that_opens_nothing_is_told(content: bytes, reason: str) -> None:
    with pytest.raises(UnusableKeyError, match=reason):
        read_decryption_key(content)


@pytest.mark.slow
def test_keys_in_pem() -> None:
    for key in (
        rsa_key("enc"),
        ec.generate_private_key(ec.SECP521R1()),
        x25519.X25519PrivateKey.generate(),
    ):
        assert read_decryption_key(pem_of(key)).kid is None
