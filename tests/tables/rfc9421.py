"""The keys and the signed requests of RFC 9421, appendix B. The keys are public, and for tests alone."""

from __future__ import annotations

import base64
from typing import Final, NamedTuple

RSA_PSS: Final = """\
-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAr4tmm3r20Wd/PbqvP1s2
+QEtvpuRaV8Yq40gjUR8y2Rjxa6dpG2GXHbPfvMs8ct+Lh1GH45x28Rw3Ry53mm+
oAXjyQ86OnDkZ5N8lYbggD4O3w6M6pAvLkhk95AndTrifbIFPNU8PPMO7OyrFAHq
gDsznjPFmTOtCEcN2Z1FpWgchwuYLPL+Wokqltd11nqqzi+bJ9cvSKADYdUAAN5W
Utzdpiy6LbTgSxP7ociU4Tn0g5I6aDZJ7A8Lzo0KSyZYoA485mqcO0GVAdVw9lq4
aOT9v6d+nb4bnNkQVklLQ3fVAvJm+xdDOp9LCNCN48V2pnDOkFV6+U9nV5oyc6XI
2wIDAQAB
-----END PUBLIC KEY-----
"""
P256: Final = """\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lf
w0EkjqF7xB4FivAxzic30tMM4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ==
-----END PUBLIC KEY-----
"""
ED25519: Final = """\
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=
-----END PUBLIC KEY-----
"""
SHARED_SECRET: Final = base64.b64decode(
    "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ=="
)
CREATED: Final = 1618884473


class Signed(NamedTuple):
    """One signed request; ``host`` and ``fields`` are as they were sent, ``passes`` is what the standard says."""

    name: str
    key: str
    method: str
    target: str
    host: str
    fields: tuple[tuple[str, str], ...]
    body: bytes
    passes: bool = True


_BODY = b'{"hello": "world"}'
_FIELDS = (
    ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
    ("content-type", "application/json"),
    (
        "content-digest",
        "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:",
    ),
    ("content-length", "18"),
)
_CLIENT_CERT = (
    ":MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6MRswGQYDVQQKDBJMZXQncyBBdXRoZW50aWNhdGUxGzAZBgNVBAMMEkxBIEludGVybWVkaWF0"
    "ZSBDQTAeFw0yMDAxMTQyMjU1MzNaFw0yMTAxMjMyMjU1MzNaMA0xCzAJBgNVBAMMAkJDMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8YnXXfaU"
    "gmnMtOXU/IncWalRhebrXmckC8vdgJ1p5Be5F/3YC8OthxM4+k1M6aEAEFcGzkJiNy6J84y7uzo9M6NyMHAwCQYDVR0TBAIwADAfBgNVHSMEGDAW"
    "gBRm3WjLa38lbEYCuiCPct0ZaSED2DAOBgNVHQ8BAf8EBAMCBsAwEwYDVR0lBAwwCgYIKwYBBQUHAwIwHQYDVR0RAQH/BBMwEYEPYmRjQGV4YW1w"
    "bGUuY29tMAoGCCqGSM49BAMCA0gAMEUCIBHda/r1vaL6G3VliL4/Di6YK0Q6bMjeSkC3dFCOOB8TAiEAx/kHSB4urmiZ0NX5r5XarmPk0wmuydBV"
    "oU4hBVZ1yhk=:"
)
_PROXY = '"@path" "@query" "@method" "@authority" "client-cert"'
_TRANSFORM = (
    (
        "signature-input",
        'transform=("@method" "@path" "@authority" "accept");created=1618884473;keyid="test-key-ed25519"',
    ),
    (
        "signature",
        "transform=:ZT1kooQsEHpZ0I1IjCqtQppOmIqlJPeo7DHR3SoMn0s5JZ1eRGS0A+vyYP9t/LXlh5QMFFQ6cpLt2m0pmj3NDA==:",
    ),
)


def _request(name: str, key: str, components: str, signature: str, parameters: str = "") -> Signed:
    signed = f'({components});created={CREATED};keyid="{key}"{parameters}'
    fields = (*_FIELDS, ("signature-input", f"{name}={signed}"), ("signature", f"{name}=:{signature}:"))
    return Signed(name, key, "POST", "/foo?param=Value&Pet=dog", "example.com", fields, _BODY)


def _transformed(name: str, *accept: str, passes: bool, **said: str) -> Signed:
    fields = tuple(("accept", value) for value in accept)
    target = said.get("target", "/demo?name1=Value1&Name2=value2")
    method, host = said.get("method", "GET"), said.get("host", "example.org")
    return Signed(name, "test-key-ed25519", method, target, host, (*fields, *_TRANSFORM), b"", passes)


REQUESTS: Final = (
    _request(
        "sig-b21",
        "test-key-rsa-pss",
        "",
        "d2pmTvmbncD3xQm8E9ZV2828BjQWGgiwAaw5bAkgibUopemLJcWDy/lkbbHAve4cRAtx31Iq786U7it++wgGxbtRxf8Udx7zFZsckzXaJMkA7ChG52"
        "eSkFxykJeNqsrWH5S+oxNFlD4dzVuwe8DhTSja8xxbR/Z2cOGdCbzR72rgFWhzx2VjBqJzsPLMIQKhO4DGezXehhWwE56YCE+O6c0mKZsfxVrogUv"
        "A4HELjVKWmAvtl6UnCh8jYzuVG5WSb/QEVPnP5TmcAnLH1g+s++v6d4s8m0gCw1fV5/SITLq9mhho8K3+7EPYTU8IU1bLhdxO5Nyt8C8ssinQ98Xw"
        "9Q==",
        ';nonce="b3k2pp5k7z-50gnwp.yemd"',
    ),
    _request(
        "sig-b22",
        "test-key-rsa-pss",
        '"@authority" "content-digest" "@query-param";name="Pet"',
        "LjbtqUbfmvjj5C5kr1Ugj4PmLYvx9wVjZvD9GsTT4F7GrcQEdJzgI9qHxICagShLRiLMlAJjtq6N4CDfKtjvuJyE5qH7KT8UCMkSowOB4+ECxCmT8r"
        "tAmj/0PIXxi0A0nxKyB09RNrCQibbUjsLS/2YyFYXEu4TRJQzRw1rLEuEfY17SARYhpTlaqwZVtR8NV7+4UKkjqpcAoFqWFQh62s7Cl+H2fjBSpqf"
        "ZUJcsIk4N6wiKYd4je2U/lankenQ99PZfB4jY3I5rSV2DSBVkSFsURIjYErOs0tFTQosMTAoxk//0RoKUqiYY8Bh0aaUEb0rQl3/XaVe4bXTugEjH"
        "Sw==",
        ';tag="header-example"',
    ),
    _request(
        "sig-b23",
        "test-key-rsa-pss",
        '"date" "@method" "@path" "@query" "@authority" "content-type" "content-digest" "content-length"',
        "bbN8oArOxYoyylQQUU6QYwrTuaxLwjAC9fbY2F6SVWvh0yBiMIRGOnMYwZ/5MR6fb0Kh1rIRASVxFkeGt683+qRpRRU5p2voTp768ZrCUb38K0fUxN"
        "0O0iC59DzYx8DFll5GmydPxSmme9v6ULbMFkl+V5B1TP/yPViV7KsLNmvKiLJH1pFkh/aYA2HXXZzNBXmIkoQoLd7YfW91kE9o/CCoC1xMy7JA1ip"
        "wvKvfrs65ldmlu9bpG6A9BmzhuzF8Eim5f8ui9eH8LZH896+QIF61ka39VBrohr9iyMUJpvRX2Zbhl5ZJzSRxpJyoEZAFL2FUo5fTIztsDZKEgM4c"
        "UA==",
    ),
    _request(
        "sig-b25",
        "test-shared-secret",
        '"date" "@authority" "content-type"',
        "pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=",
    ),
    _request(
        "sig-b26",
        "test-key-ed25519",
        '"date" "@method" "@path" "@authority" "content-type" "content-length"',
        "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==",
    ),
    Signed(
        "B.3",
        "test-key-ecc-p256",
        "POST",
        "/foo?param=Value&Pet=dog",
        "service.internal.example",
        (
            ("client-cert", _CLIENT_CERT),
            (
                "signature-input",
                f'ttrp=({_PROXY});created={CREATED};keyid="test-key-ecc-p256"',
            ),
            (
                "signature",
                "ttrp=:xVMHVpawaAC/0SbHrKRs9i8I3eOs5RtTMGCWXm/9nvZzoHsIg6Mce9315T6xoklyy0yzhD9ah4JHRwMLOgmizw==:",
            ),
        ),
        _BODY,
    ),
    _transformed("B.4", "application/json", "*/*", passes=True),
    _transformed("B.4 a query added", "application/json", "*/*", passes=True, target="/demo?name1=Value1&param=added"),
    _transformed("B.4 fields joined", "application/json, */*", passes=True),
    _transformed(
        "B.4 another method and host", "application/json", "*/*", passes=False, method="POST", host="example.com"
    ),
    _transformed("B.4 fields in another order", "*/*", "application/json", passes=False),
)
