from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from rows import rows

from portcullis.engine.authentication.jose.errors import NoKeysError
from portcullis.engine.authentication.key_loading import decrypter, file_keys, secret_keys
from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.config.values import SecretReference
from portcullis.engine.ports import Ports, UnknownSecrets
from portcullis.stores.secrets import SourceSecrets
from portcullis.testing.fakes import FakeClock, FakeCounters, FakeFiles, FakeKeys
from portcullis.testing.tokens import Signer, key_set_of, rsa_key

WHERE = ("identities", "staff", "jwt", "secret")
PEM = rsa_key("enc").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
ENCRYPTION = {"keys": [{**Signer("RS256", "e", rsa_key("enc")).jwk, "use": "enc"}]}
WEAK = {"keys": [Signer("RS256", "weak", rsa_key("small", 1024)).jwk]}

FILES = FakeFiles(
    {
        "keys.json": json.dumps(key_set_of(Signer("ES256", "a"))),
        "none.json": '{"keys": []}',
        "weak.json": json.dumps(WEAK),
        "enc.json": json.dumps(ENCRYPTION),
        "page.html": "<html>",
        "short": "x" * 31,
        "long": "x" * 32,
        "key.pem": PEM,
    }
)
PORTS = Ports(FakeClock(), FakeCounters(), FakeKeys(), secrets=SourceSecrets(FILES), files=FILES)
NOT_LOOKED_UP = Ports(FakeClock(), FakeCounters(), FakeKeys(), secrets=UnknownSecrets(), files=FILES)


def reference(text: str) -> SecretReference:
    return SecretReference.parse(text)


def told(call: Any, *arguments: Any) -> tuple[str, str]:
    with pytest.raises(ConfigurationError) as caught:
        call(WHERE, *arguments)
    [diagnostic] = caught.value.diagnostics
    assert diagnostic.pointer == "identities.staff.jwt.secret"
    return diagnostic.message, diagnostic.hint


def test_secrets_are_keys() -> None:
    keys = secret_keys(WHERE, [reference("file:long")], ["HS256"], PORTS)
    assert keys.usable(0.0).is_secret


def test_a_secret_that_can_not_be_one_is_told_and_never_shown() -> None:
    message, hint = told(secret_keys, [reference("file:long"), reference("file:short")], ["HS256"], PORTS)
    assert message == "the secret can't be used: it has 31 bytes, and HS256 needs at least 32 (RFC 7518 3.2)"
    assert hint == "openssl rand -base64 48 makes a good one"
    message, _ = told(secret_keys, [reference("env:NOWHERE")], ["HS256"], PORTS)
    assert message == "the environment has no NOWHERE"


def test_a_secret_that_was_not_looked_up_proves_nobody() -> None:
    with pytest.raises(NoKeysError):
        secret_keys(WHERE, [reference("env:X")], ["HS256"], NOT_LOOKED_UP).usable(0.0)


def test_a_file_has_the_keys() -> None:
    assert file_keys(WHERE, "keys.json", None, PORTS).usable(9e99).size == 1


@rows(
    ("path", "message"),
    [
        ("gone.json", "gone.json can't be read: No such file or directory"),
        ("page.html", "page.html has no keys: it is no JSON that can be read one way only: not valid JSON at byte 0"),
        ("none.json", "none.json: no key for the accepted signatures is in it"),
        ("enc.json", "enc.json: no key for the accepted signatures is in it"),
        (
            "weak.json",
            'weak.json: key 1 ("weak") is not used: it has 1024 bits, and RSA keys have at least 2048 (RFC 7518 3.3)',
        ),
        ("key.pem", "key.pem has no keys: it is no public key in PEM"),
    ],
)
def test_a_file_without_good_keys_is_told(path: str, message: str) -> None:
    assert told(file_keys, path, None, PORTS)[0] == message


def test_private_keys_open_tokens() -> None:
    assert decrypter(WHERE, [reference("file:key.pem")], PORTS)
    message, hint = told(decrypter, [reference("file:long")], PORTS)
    assert message == "the key can't be used: it is neither a private key in PEM nor a JSON web key"
    assert hint == "a private key in PEM, or a JSON web key"
    assert decrypter(WHERE, [reference("file:gone")], NOT_LOOKED_UP)
