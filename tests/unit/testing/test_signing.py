from __future__ import annotations

import base64
import hashlib
import hmac

from portcullis.testing.signing import content_digest, hmac_credential, message_signature


def test_a_digest_is_as_the_standard_has_it() -> None:
    assert content_digest(b'{"hello": "world"}') == "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"
    assert content_digest(b"", "sha-512").startswith("sha-512=:z4PhNX7v")


def test_a_credential_has_the_hmac_of_its_lines() -> None:
    said = hmac_credential(b"s", key="a", time=7, nonce="n", method="GET", host="h", target="/", digest="d")
    lines = b"portcullis-hmac-1\na\n7\nn\nGET\nh\n/\ncontent-type:\ncontent-encoding:\ncontent-digest:d"
    signature = base64.b64encode(hmac.digest(b"s", lines, "sha256")).decode()
    assert said == f'HMAC-SHA256 key="a", time="7", nonce="n", signature="{signature}"'


def test_a_message_signature_is_of_its_base() -> None:
    seen: list[bytes] = []

    def sign(base: bytes) -> bytes:
        seen.append(base)
        return hashlib.sha256(base).digest()

    said, signature = message_signature(sign, [('"@method"', "GET")], {"created": 7, "keyid": "a"}, "s")
    assert said == 's=("@method");created=7;keyid="a"'
    assert seen == [b'"@method": GET\n"@signature-params": ("@method");created=7;keyid="a"']
    assert signature == f"s=:{base64.b64encode(hashlib.sha256(seen[0]).digest()).decode()}:"
