from __future__ import annotations

import pytest
from rows import rows

from portcullis.engine.authentication.hmac_judge import (
    MAX_CREDENTIAL,
    Credential,
    HmacJudge,
    KnownKey,
    read_credential,
    signed_lines,
)
from portcullis.engine.authentication.proof import UNAVAILABLE
from portcullis.engine.authentication.replay import SingleUse
from portcullis.engine.authentication.request_signing import (
    MALFORMED_SIGNATURE,
    UNKNOWN_SIGNING_KEY,
    Freshness,
    SignatureError,
)
from portcullis.engine.decision import Refuse
from portcullis.engine.identity import Identity
from portcullis.testing import FakeClock, FakeCounters, make_request
from portcullis.testing.signing import hmac_credential

SECRET = b"s" * 32
GOOD = b'key="acme", time="1800000000", nonce="0123456789abcdef", signature="AQID"'
NOW = 1_800_000_000


def test_a_credential_is_read_in_any_order() -> None:
    wanted = Credential("acme", "1800000000", "0123456789abcdef", b"\1\2\3")
    assert read_credential(GOOD) == wanted
    assert read_credential(b",\t".join(reversed(GOOD.split(b", ")))) == wanted


@rows(
    "text",
    [
        *(b"", b",", b"acme", GOOD + b",", b"," + GOOD, GOOD.replace(b", ", b" "), GOOD.replace(b'"', b"")),
        *(GOOD + b', key="b"', GOOD + b', other="b"', GOOD.replace(b"key", b"KEY"), GOOD.replace(b"acme", b"")),
        *(GOOD.replace(b"acme", b'a"b'), GOOD.replace(b"acme", b"a\\b"), GOOD.replace(b"acme", b"a\nb")),
        *(GOOD.replace(b"1800", b" 1800"), GOOD.replace(b"1800", b"01800"), GOOD.replace(b"1800", b"1e9")),
        *(GOOD.replace(b"abcdef", b"abcde"), GOOD.replace(b"abcdef", b"abcde."), GOOD.replace(b"AQID", b"AQI")),
        *(GOOD.replace(b"AQID", b"AQI*"), GOOD.replace(b"AQID", b"A-_="), GOOD + b" " * MAX_CREDENTIAL),
        GOOD.replace(b"acme", "é".encode()),
    ],
)
def test_anything_else_is_malformed(text: bytes) -> None:
    with pytest.raises(SignatureError) as caught:
        read_credential(text)
    assert caught.value.code is MALFORMED_SIGNATURE


def test_the_lines_that_are_signed() -> None:
    headers = [("Host", "shop.example:8443"), ("X-A", " a\t"), ("Content-Digest", "d"), ("X-B", "1"), ("X-B", "2")]
    request = make_request("PUT", "/a%20b?c=d&c", headers)
    credential = Credential("acme", "1800000000", "0123456789abcdef", b"")
    assert signed_lines(request, credential, (b"x-a", b"x-b", b"x-c")) == (
        b"portcullis-hmac-1\nacme\n1800000000\n0123456789abcdef\nPUT\nshop.example\n/a%20b?c=d&c\n"
        b"x-a:a\nx-b:1, 2\nx-c:\ncontent-digest:d"
    )


def judge(counters: FakeCounters) -> HmacJudge:
    clock = FakeClock(wall_s=float(NOW))
    keys = {"acme": KnownKey((b"o" * 32, SECRET), Identity("hmac", "acme"))}
    return HmacJudge("#/p", keys, "sha256", (), Freshness(0, 60), SingleUse("p", counters, clock), clock)


def text_of(key: str = "acme") -> bytes:
    credential = hmac_credential(
        SECRET,
        key=key,
        time=NOW,
        nonce="0123456789abcdef",
        method="GET",
        host="shop.example",
        target="/orders",
        fields=(),
    )
    return credential.partition(" ")[2].encode()


def test_any_secret_of_a_key_will_do() -> None:
    request = make_request("GET", "/orders", [("host", "shop.example")])
    assert judge(FakeCounters()).judge(text_of(), request) == Identity("hmac", "acme")


def test_a_key_that_is_not_known_is_nobodys() -> None:
    request = make_request("GET", "/orders", [("host", "shop.example")])
    refusal = judge(FakeCounters()).judge(text_of("other"), request)
    assert isinstance(refusal, Refuse)
    assert refusal.code is UNKNOWN_SIGNING_KEY


def test_nobody_passes_whose_nonce_can_not_be_counted() -> None:
    counters = FakeCounters()
    counters.broken = True
    refusal = judge(counters).judge(text_of(), make_request("GET", "/orders", [("host", "shop.example")]))
    assert isinstance(refusal, Refuse)
    assert refusal.code is UNAVAILABLE
