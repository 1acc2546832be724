from __future__ import annotations

import hashlib
from typing import Any

import pytest
from rows import rows

from portcullis.engine.authentication.dpop import INVALID_PROOF
from portcullis.engine.authentication.dpop_proof import (
    MAX_PROOF,
    ProofVerifier,
    origin_and_path,
    thumbprint_of,
)
from portcullis.engine.authentication.request_signing import STALE_SIGNATURE, Freshness, SignatureError
from portcullis.testing import make_request
from portcullis.testing.tokens import Signer, dpop_proof, encoded, part, thumbprint

NOW = 1_800_000_000
TOKEN = "an.access.token"
URL = "https://shop.example/orders"
KEY = Signer("ES256", None)
OTHER = Signer("ES256", None)
ALGORITHMS = ("ES256", "EdDSA", "PS256", "RS256")


def verify(proof: bytes | str, signer: Signer = KEY, verifier: ProofVerifier | None = None, **said: Any) -> Any:
    headers = [("host", said.get("host", "shop.example"))]
    request = make_request(said.get("method", "GET"), said.get("target", "/orders?a=1"), headers)
    octets = proof.encode() if isinstance(proof, str) else proof
    verifier = verifier or ProofVerifier(ALGORITHMS, said.get("origins", ()), Freshness(60, 5))
    return verifier.verify(octets, said.get("thumbprint", thumbprint(signer)), TOKEN.encode(), request, NOW)


def proof(signer: Signer = KEY, header: Any = None, **claims: Any) -> str:
    said = {"method": "GET", "url": URL, "iat": NOW, "jti": "j-1", **claims}
    return dpop_proof(signer, TOKEN, header=header, **said)


@rows("algorithm", ALGORITHMS)
def test_a_proof_by_the_key_of_the_token_passes(algorithm: str) -> None:
    signer = Signer(algorithm, None)
    proven = verify(proof(signer, nonce="n"), signer)
    assert (proven.jti, proven.nonce, proven.lasts) == ("j-1", "n", 65)


def test_the_key_of_a_proof_is_read_once() -> None:
    verifier = ProofVerifier(ALGORITHMS, (), Freshness(60, 5))
    for number in range(3):
        assert verify(proof(jti=f"j-{number}"), verifier=verifier).jti == f"j-{number}"
    assert len(verifier._remembered) == 1
    with pytest.raises(SignatureError):
        verify(proof(OTHER), verifier=verifier)
    with pytest.raises(SignatureError):
        verify(proof()[:-4] + "AAAA", verifier=verifier)
    assert len(verifier._remembered) == 1


@rows(
    "url",
    [URL, URL + "?b=2", URL + "#x", "HTTPS://Shop.Example:443/orders", "https://shop.example/%6Frders", URL + "?"],
)
def test_a_url_is_compared_normalised_and_without_its_query(url: str) -> None:
    assert verify(proof(url=url)).jti == "j-1"


def test_behind_a_balancer_the_url_is_the_public_one() -> None:
    origins = ["https://api.shop.example", "https://shop.example:8443"]
    for origin in origins:
        assert verify(proof(url=f"{origin}/orders"), origins=origins, host="10.0.0.1:8080").jti == "j-1"
    for url in (URL, "http://api.shop.example/orders", "https://api.shop.example:8443/orders"):
        with pytest.raises(SignatureError):
            verify(proof(url=url), origins=origins, host="shop.example")


PUBLIC = {name: value for name, value in KEY.jwk.items() if name in ("kty", "crv", "x", "y")}
WRONG_HEADERS: list[dict[str, Any]] = [
    *({"typ": kind} for kind in (None, "JWT", "at+jwt", "dpop", "", 7, ["dpop+jwt"])),
    *({"alg": algorithm} for algorithm in ("none", "None", "HS256", "ES384", "", 7, ["ES256"], {})),
    *({"jwk": jwk} for jwk in (None, {}, [], "x", 7, {"kty": "EC"}, {**PUBLIC, "crv": "P-384"}, OTHER.jwk)),
    *({"jwk": {**PUBLIC, name: "AAAA"}} for name in ("d", "k", "p", "x", "y")),
    *({"jwk": {**PUBLIC, "kty": kind}} for kind in ("oct", "RSA", "OKP", "ec", None, [])),
    *({"jwk": {**PUBLIC, "use": "enc"}}, {"jwk": {**PUBLIC, "key_ops": ["sign"]}}, {"jwk": {**PUBLIC, "alg": "ES512"}}),
    *({"crit": ["exp"]}, {"crit": []}, {"b64": False}, {"jwk": {"kty": "oct", "k": encoded(b"a" * 32)}}),
]
WRONG_CLAIMS: list[dict[str, Any]] = [
    *({"jti": value} for value in (None, "", 7, [], "x" * 256, "a\0b")),
    *({"htm": value} for value in (None, "POST", "get", "", 7, ["GET"])),
    *(
        {"htu": value}
        for value in (
            *(None, "", 7, [URL], "/orders", "shop.example/orders", "https://shop.example/", "https://shop.example"),
            *("http://shop.example/orders", "https://shop.example:8443/orders", "https://shop.example.evil/orders"),
            *("https://user@shop.example/orders", "https://shop.example/orders/", "https://shop.example/Orders"),
            *("https://evil/https://shop.example/orders", "https:///orders", "https://shop.example:99999/orders"),
            *(
                "https://[::1/orders",
                "https://shop.example/ord\u00e9rs",
                "https://shop.example/a\nb",
                "javascript:alert(1)",
            ),
            "https://shop.example/" + "a" * MAX_PROOF,
        )
    ),
    *({"ath": value} for value in (None, "", 7, encoded(b"0" * 32), "x", "\u00e9")),
    *({"iat": value} for value in (None, "", str(NOW), True, [], -1, 2**60, 1e300)),
    *({"nonce": value} for value in (7, [], {}, True)),
]


@rows("header", WRONG_HEADERS)
def test_a_wrong_header_is_refused(header: dict[str, Any]) -> None:
    with pytest.raises(SignatureError) as caught:
        verify(proof(header=header))
    assert caught.value.code is INVALID_PROOF


@rows("claims", WRONG_CLAIMS)
def test_a_wrong_claim_is_refused(claims: dict[str, Any]) -> None:
    said = {"jti": "j-1", "htm": "GET", "htu": URL, "iat": NOW, "ath": encoded(_hash()), **claims}
    made = KEY.token(
        {name: value for name, value in said.items() if value is not None},
        {"typ": "dpop+jwt", "kid": None, "jwk": PUBLIC},
    )
    with pytest.raises(SignatureError) as caught:
        verify(made)
    assert caught.value.code is INVALID_PROOF


def _hash() -> bytes:
    return hashlib.sha256(TOKEN.encode()).digest()


@rows("iat", [NOW - 65, NOW + 6, NOW - 10**6, 0, NOW + 10**6])
def test_a_proof_of_another_time_is_refused(iat: int) -> None:
    with pytest.raises(SignatureError) as caught:
        verify(proof(iat=iat))
    assert caught.value.code is STALE_SIGNATURE


def test_another_key_proves_nothing() -> None:
    with pytest.raises(SignatureError, match="invalid_proof"):
        verify(proof(OTHER))
    with pytest.raises(SignatureError, match="invalid_proof"):
        verify(proof(OTHER, {"jwk": PUBLIC}))  # it says the key of the token, and is signed with another one


def test_every_cut_and_change_of_a_proof_is_refused() -> None:
    good = proof()
    verifier = ProofVerifier(ALGORITHMS, (), Freshness(60, 5))
    verify(good, verifier=verifier)  # so that its header is known
    changed = [good[:at] for at in range(0, len(good), 3)]
    changed += [good[:at] + ("B" if good[at] == "A" else "A") + good[at + 1 :] for at in range(0, len(good), 2)]
    changed += [good[:at] + good[at + 1 :] for at in range(0, len(good), 3)]
    changed += [good + ".", good + "=", good + "." + good, "." + good, "", "..", good.replace(".", ""), good.upper()]
    changed += [good + "A" * MAX_PROOF, part("{}") + ".e30.", f"{part([])}.e30.AA", good.replace("-", "+")]
    assert len(changed) > 500
    passed = []
    for each in changed:
        if each != good:
            try:
                passed.append(verify(each, verifier=verifier))
            except SignatureError:
                continue
    assert passed == []


@rows("octets", [b"\xff\xfe", b"a.b.c", b"\0", b"." * 500, b"e30.e30.e30", b"{}.{}.{}", "é.é.é".encode()])
def test_what_is_no_proof_is_refused(octets: bytes) -> None:
    with pytest.raises(SignatureError):
        verify(octets)


def test_origin_and_path() -> None:
    assert origin_and_path("https://a.example") == ("https://a.example", "/")
    assert origin_and_path("http://A.example:80/b/../c?d") == ("http://a.example", "/c")
    assert origin_and_path("https://[2001:DB8::1]:8443/x") == ("https://[2001:db8::1]:8443", "/x")


def test_the_thumbprint_of_the_standard() -> None:
    """RFC 7638 3.1."""
    jwk = {
        "kty": "RSA",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjB"
        "ZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8"
        "KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_"
        "xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
        "e": "AQAB",
        "alg": "RS256",
        "kid": "2011-04-29",
    }
    assert thumbprint_of(jwk) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
