"""Tokens that must be refused: one that is fine, changed in every way that somebody may think of.

A mutation is a name and the header fields of a call. What is signed by the issuer and wrong nevertheless is signed with
its own key, so that it is refused for what it says; all else is signed with another key, or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from portcullis.testing.tokens import Signer, encoded, part

Fields = list[tuple[str, bytes]]


class Mutation(NamedTuple):
    """``fields``: header fields of the call, as they stand on the wire."""

    name: str
    fields: Fields


class Mutations:
    """``signer``: the key (ES256) of the issuer; ``now``: Unix seconds."""

    def __init__(self, signer: Signer, issuer: str, audience: str, now: float) -> None:
        self.signer = signer
        self.stranger = Signer("ES256", signer.kid)
        self.claims: dict[str, Any] = {
            "iss": issuer,
            "aud": audience,
            "sub": "alice",
            "iat": int(now),
            "exp": int(now) + 3600,
            "jti": "7d0c",
        }
        self.now = int(now)
        self.good = signer.token(self.claims)

    def all(self) -> list[Mutation]:
        made = [Mutation(f"{name}: {detail}", fields) for name, detail, fields in self._made()]
        names = [mutation.name for mutation in made]
        assert len(set(names)) == len(names), "two mutations have one name"
        assert all(fields != [("authorization", b"Bearer " + self.good.encode())] for _, fields in made)
        return made

    def _made(self) -> Iterator[tuple[str, object, Fields]]:
        for name, tokens in (
            ("algorithm", self.algorithms()),
            ("key as a secret", self.confusions()),
            ("key id", self.key_ids()),
            ("key of the caller's own", self.own_keys()),
            ("header", self.headers()),
            ("claim", self.wrong_claims()),
            ("signature", self.signatures()),
            ("parts", self.swaps()),
            ("repeated name", self.repetitions()),
            ("cut", self.cuts()),
            ("character", self.characters()),
            ("shape", self.shapes()),
        ):
            for detail, token in tokens:
                yield name, detail, bearer(token)
        for detail, fields in self.fields():
            yield "fields", detail, fields

    # Each gives what was changed, and the token.

    def algorithms(self) -> Iterator[tuple[str, str]]:
        payload, signature = part(self.claims), self.good.rpartition(".")[2]
        for name in ("none", "None", "NONE", "nOnE", "none ", " none", "", "null", "NULL", "plain", "HS256", "HS512"):
            head = part({"alg": name, "kid": self.signer.kid})
            for kind, end in (("no signature", ""), ("old signature", signature), ("a byte", "AA")):
                yield f"{name!r}, {kind}", f"{head}.{payload}.{end}"
            yield f"{name!r}, two parts", f"{head}.{payload}"
        for name in ("RS256", "PS256", "ES384", "ES512", "EdDSA", "Ed25519", "ES256K", "es256", "ES256 ", "HS1", "dir"):
            yield f"signed by ES256, called {name}", self.signer.token(self.claims, {"alg": name})
        for value in (None, 0, True, [], ["ES256"], {}, {"alg": "ES256"}, 1e308):
            yield f"{value!r}", self._signed({"alg": value, "kid": self.signer.kid}, self.claims)
        yield "missing", self._signed({"kid": self.signer.kid}, self.claims)

    def confusions(self) -> Iterator[tuple[str, str]]:
        """The public key, which everybody has, taken for the secret of an HMAC."""
        public = self.signer.key.public_key()
        jwk = self.signer.jwk
        forms = {
            "PEM": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            "DER": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
            "point": public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
            "JWK": json.dumps(jwk).encode(),
            "compact JWK": json.dumps(jwk, separators=(",", ":")).encode(),
            "x": jwk["x"].encode(),
            "nothing": b"",
            "a zero": b"\0" * 32,
        }
        for name, secret in forms.items():
            for algorithm in ("HS256", "HS384", "HS512"):
                for kid in (self.signer.kid, None):
                    yield f"{name}, {algorithm}, kid {kid}", Signer(algorithm, kid, secret).token(self.claims)

    def key_ids(self) -> Iterator[tuple[str, str]]:
        for kid in (
            *("", " ", "FIRST", "first ", "first\n", "../../../../dev/null", "/dev/null", "file:///dev/null"),
            *("' OR '1'='1", "first' UNION SELECT 'a", "$(id)", "|id", "http://127.0.0.1/key", "*", "%00", "first\0"),
            *("x" * 1025, "é", "0", "null", "undefined", "__proto__", "constructor"),
        ):
            yield f"{kid[:30]!r}, another's signature", self.stranger.token(self.claims, {"kid": kid})
            yield f"{kid[:30]!r}, unsigned", f"{part({'alg': 'ES256', 'kid': kid})}.{part(self.claims)}."
        for value in (0, True, [], ["first"], {}, {"kid": "first"}):
            yield f"{value!r}", self._signed({"alg": "ES256", "kid": value}, self.claims)
        yield "none, another's signature", self.stranger.token(self.claims, {"kid": None})

    def own_keys(self) -> Iterator[tuple[str, str]]:
        """A key that comes with the token, or a place from where it may be had."""
        jwk = self.stranger.jwk
        for name, said in {
            "jwk": {"jwk": jwk},
            "jwk without kid": {"jwk": jwk, "kid": None},
            "jwk of the issuer": {"jwk": self.signer.jwk},
            "jwk with secret": {"jwk": {"kty": "oct", "k": encoded(b"a" * 32)}},
            "jku": {"jku": "https://attacker.example/keys"},
            "jku without kid": {"jku": "https://attacker.example/keys", "kid": None},
            "jku of the issuer": {"jku": f"{self.claims['iss']}/keys"},
            "jku on loopback": {"jku": "http://127.0.0.1:1/"},
            "jku in the files": {"jku": "file:///etc/passwd"},
            "x5u": {"x5u": "https://attacker.example/cert.pem"},
            "x5c": {"x5c": [encoded(b"certificate")]},
            "x5c empty": {"x5c": []},
            "x5t": {"x5t": encoded(b"0" * 20), "kid": None},
            "x5t#S256": {"x5t#S256": encoded(b"0" * 32), "kid": None},
            "all": {"jwk": jwk, "jku": "https://attacker.example", "x5u": "https://attacker.example", "x5c": ["a"]},
        }.items():
            yield name, self.stranger.token(self.claims, said)

    def headers(self) -> Iterator[tuple[str, str]]:
        for name, said in {
            "crit": {"crit": ["exp"], "exp": self.now},
            "crit empty": {"crit": []},
            "crit null": {"crit": {}},
            "crit of something": {"crit": ["urn:example:thing"], "urn:example:thing": True},
            "b64": {"b64": False, "crit": ["b64"]},
            "b64 without crit": {"b64": False},
            "b64 true": {"b64": True, "crit": ["b64"]},
            "typ of a proof": {"typ": "dpop+jwt"},
            "typ of a log-out": {"typ": "logout+jwt"},
            "typ of an event": {"typ": "secevent+jwt"},
            "typ unheard of": {"typ": "x"},
            "typ no text": {"typ": 7},
            "typ a list": {"typ": ["JWT"]},
        }.items():
            yield name, self.signer.token(self.claims, said)

    def wrong_claims(self) -> Iterator[tuple[str, str]]:
        issuer, audience, now = self.claims["iss"], self.claims["aud"], self.now
        wrong: dict[str, list[Any]] = {
            "iss": [
                *(issuer + "/", issuer + " ", issuer.upper(), issuer + ".attacker.example", "https://attacker.example"),
                *("", None, 0, True, [issuer], {"iss": issuer}, issuer + "\0", issuer.replace("http", "xttp")),
            ],
            "aud": [
                *(audience + " ", audience.upper(), audience + "s", "", "*", None, 0, True, {}, {audience: 1}, []),
                *(["other"], [[audience]], [audience, 7], [None], ["other"] * 65, f"{audience} other", "other"),
            ],
            "exp": [
                *(now - 31, now - 3600, 0, -1, -(2**60), 2**60, 1e300, None, True, False, "", str(now + 3600), []),
                *({}, [now + 3600], f"{now + 3600}.0", 253402300800, 1e-300),
            ],
            "nbf": [now + 60, now + 10**6, 2**60, None, True, "0", [], {}, -5],
            "iat": [now + 60, now + 10**6, 2**60, None, True, "0", [], {}, -5],
            "sub": [None, "", 0, True, [], {}, ["alice"], "x" * 256, "a\nb", "a\0b", "\u202e", "a\r\nX-Admin: 1"],
            "jti": [None, "", 0, True, [], {}, "x" * 256, "a\0b"],
            "cnf": [{}, {"jkt": "x"}, {"x5t#S256": "x"}, None, "x"],
            "act": [7, [], "a", {}, {"sub": 1}, {"sub": "a", "act": 7}, {"sub": ""}],
            "scope": [7, True, {}, [1], [None], [["a"]]],
        }
        for name, values in wrong.items():
            for value in values:
                yield (
                    f"{name} {str(value)[:40]!r} {type(value).__name__}",
                    self.signer.token({**self.claims, name: value}),
                )
        for name in ("iss", "aud", "exp", "sub"):
            claims = {each: value for each, value in self.claims.items() if each != name}
            yield f"no {name}", self.signer.token(claims)

    def signatures(self) -> Iterator[tuple[str, str]]:
        signed, _, text = self.good.rpartition(".")
        octets = self.signer.signature(signed.encode())
        for position in range(len(octets)):
            turned = bytearray(octets)
            turned[position] ^= 1 << position % 8
            yield f"a bit of octet {position}", f"{signed}.{encoded(bytes(turned))}"
        for length in (0, 1, 16, 31, 32, 33, 48, 62, 63):
            yield f"{length} octets", f"{signed}.{encoded(octets[:length])}"
        r, s = octets[:32], octets[32:]
        der = encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
        for name, wrong in {
            "one octet more": octets + b"\0",
            "one octet before": b"\0" + octets,
            "zero": bytes(64),
            "r zero": bytes(32) + s,
            "s zero": r + bytes(32),
            "ones": b"\xff" * 64,
            "exchanged": s + r,
            "DER": der,
            "another's": self.stranger.signature(signed.encode()),
            "of the payload alone": self.signer.signature(signed.partition(".")[2].encode()),
            "of the header alone": self.signer.signature(signed.partition(".")[0].encode()),
            "of nothing": self.signer.signature(b""),
            "twice": octets + octets,
        }.items():
            yield name, f"{signed}.{encoded(wrong)}"
        for name, spelt in {
            "padding": text + "==",
            "more padding": text + "=",
            "a dot more": text + ".",
            "a blank": f"{text[:-1]} {text[-1]}",
            "a character": text + "A",
            "the other alphabet": text.replace("-", "+").replace("_", "/") + ("" if set("-_") & set(text) else "+"),
            "percent code": text[:-1] + f"%{ord(text[-1]):02X}",
            "a quote": f'"{text}"',
        }.items():
            yield name, f"{signed}.{spelt}"

    def swaps(self) -> Iterator[tuple[str, str]]:
        mine, other = self.good.split("."), self.signer.token({**self.claims, "sub": "admin"}).split(".")
        strangers = self.stranger.token({**self.claims, "sub": "admin"}).split(".")
        for name, pieces in {
            "another's payload": (mine[0], other[1], mine[2]),
            "another's signature": (mine[0], mine[1], other[2]),
            "a stranger's header and payload": (strangers[0], strangers[1], mine[2]),
            "a stranger's signature": (mine[0], mine[1], strangers[2]),
            "payload first": (mine[1], mine[0], mine[2]),
            "signature first": (mine[2], mine[0], mine[1]),
            "header twice": (mine[0], mine[0], mine[2]),
            "payload twice": (mine[1], mine[1], mine[2]),
            "no header": ("", mine[1], mine[2]),
            "no payload": (mine[0], "", mine[2]),
            "nothing": ("", "", ""),
            "two parts": (mine[0], mine[1]),
            "one part": (mine[0],),
            "four parts": (*mine, mine[2]),
            "five parts": (*mine, mine[1], mine[2]),
            "six parts": (*mine, *mine),
            "a thousand parts": ("a",) * 1000,
            "encrypted": (part({"alg": "dir", "enc": "A128GCM"}), "", "AA", "AA", "AA"),
            "encrypted by a password": (
                part({"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2c": 10**9}),
                *("AA",) * 4,
            ),
            "a token in a token": (mine[0], part(self.good), mine[2]),
        }.items():
            yield name, ".".join(pieces)
        outer = {"alg": "ES256", "kid": self.signer.kid, "cty": "JWT"}
        yield "a signed token in a signed token", self._signed(outer, self.good)

    def repetitions(self) -> Iterator[tuple[str, str]]:
        """Names that stand there twice: one reader takes the first, another the last."""
        text = json.dumps(self.claims)[1:-1]
        for name, value in (
            ("sub", '"admin"'),
            ("iss", '"x"'),
            ("aud", '"x"'),
            ("exp", "1"),
            ("other", '1, "other": 2'),
        ):
            yield f"{name} before", self._signed(self._header(), f'{{"{name}": {value}, {text}}}')
            yield f"{name} after", self._signed(self._header(), f'{{{text}, "{name}": {value}}}')
        yield "sub, spelt otherwise", self._signed(self._header(), f'{{{text}, "s\\u0075b": "admin"}}')
        yield "in an object", self._signed(self._header(), f'{{{text}, "x": {{"a": 1, "a": 2}}}}')
        for header in (
            '{"alg": "none", "alg": "ES256"',
            '{"alg": "ES256", "alg": "none"',
            '{"alg": "ES256", "kid": "x"',
        ):
            yield header[:40], self._signed(header + f', "kid": "{self.signer.kid}", "kid": "x"}}', self.claims)

    def cuts(self) -> Iterator[tuple[str, str]]:
        length = len(self.good)
        for position in sorted({*range(0, length, 7), length - 3, length - 2, length - 1}):
            yield f"at {position}", self.good[:position]
        for position in range(1, length, 29):
            yield f"before {position}", self.good[position:]

    def characters(self) -> Iterator[tuple[str, str]]:
        for position in range(0, len(self.good), 5):
            before = self.good[position]
            after = "." if before != "." else "A"
            other = "B" if before == "A" else "A"
            yield f"{position} a dot", self.good[:position] + after + self.good[position + 1 :]
            if before != ".":
                yield f"{position} another", self.good[:position] + other + self.good[position + 1 :]
            yield f"{position} gone", self.good[:position] + self.good[position + 1 :]

    def shapes(self) -> Iterator[tuple[str, str]]:
        header = self._header()
        for name, payload in {
            "text": '"alice"',
            "number": "7",
            "null": "null",
            "list": json.dumps([self.claims]),
            "nothing": "",
            "NaN": '{"exp": NaN}',
            "infinite": '{"exp": Infinity}',
            "large number": '{"exp": 1' + "0" * 400 + "}",
            "nested": '{"a":' * 3000 + "1" + "}" * 3000,
            "nested lists": "[" * 5000 + "]" * 5000,
            "cut": json.dumps(self.claims)[:-1],
            "something behind": json.dumps(self.claims) + "{}",
            "a comma": json.dumps(self.claims)[:-1] + ",}",
            "a comment": json.dumps(self.claims)[:-1] + "/**/}",
            "single quotes": str(self.claims),
        }.items():
            yield f"payload {name}", self._signed(header, payload)
        for name, octets in {
            "not UTF-8": b'{"iss": "\xff\xfe"}',
            "UTF-16": json.dumps(self.claims).encode("utf-16"),
            "a byte order mark": b"\xef\xbb\xbf" + json.dumps(self.claims).encode(),
            "overlong": b'{"sub": "\xc0\xae"}',
            "half a pair": b'{"sub": "\\ud800"}',
            "zeros": bytes(100),
        }.items():
            yield f"payload {name}", self._signed(header, octets)
            yield f"header {name}", self._signed(octets, self.claims)
        for name, text in {
            "list": '[{"alg": "ES256"}]',
            "text": '"ES256"',
            "nested": '{"alg":"ES256","x":' + '{"a":' * 500 + "1" + "}" * 501,
            "many names": json.dumps({"alg": "ES256", **{f"k{number}": 1 for number in range(500)}}),
            "empty": "{}",
        }.items():
            yield f"header {name}", self._signed(text, self.claims)
        yield "JSON form", json.dumps({"payload": part(self.claims), "protected": part(header), "signature": "AA"})
        yield "very long", self.signer.token({**self.claims, "x": "a" * 13_000})
        yield "opaque", "2YotnFZFEjr1zCsicMWpAA"
        yield "empty", ""
        yield "dots", ".."
        yield "more dots", "." * 500

    def fields(self) -> Iterator[tuple[str, Fields]]:
        good = self.good.encode()
        yield "none", []
        for name, values in {
            "twice": (b"Bearer " + good, b"Bearer " + good),
            "two, the good one first": (b"Bearer " + good, b"Bearer x"),
            "two, the good one last": (b"Bearer x", b"Bearer " + good),
            "with Basic": (b"Basic YTpi", b"Bearer " + good),
            "two in one": (b"Bearer " + good + b", Bearer " + good,),
            "list": (b"Bearer " + good + b"," + good,),
            "no scheme": (good,),
            "Basic": (b"Basic " + good,),
            "Token": (b"Token " + good,),
            "DPoP": (b"DPoP " + good,),
            "JWT": (b"JWT " + good,),
            "Bearer twice": (b"Bearer Bearer " + good,),
            "a tab": (b"Bearer\t" + good,),
            "no blank": (b"Bearer" + good,),
            "a colon": (b"Bearer: " + good,),
            "an equals sign": (b"Bearer=" + good,),
            "quotes": (b'Bearer "' + good + b'"',),
            "something behind": (b"Bearer " + good + b" x",),
            "a parameter": (b"Bearer token=" + good,),
            "empty": (b"",),
            "scheme alone": (b"Bearer",),
            "not UTF-8": (b"Bearer \xff\xfe\xfd",),
            "good one, not UTF-8": (b"Bearer " + good + b"\xe9",),
        }.items():
            yield name, [("authorization", value) for value in values]
        yield "other field", [("x-authorization", b"Bearer " + good)]
        yield "other spelling", [("authorization_", b"Bearer " + good)]
        yield "proxy", [("proxy-authorization", b"Bearer " + good)]
        yield "cookie", [("cookie", b"authorization=" + good + b"; token=" + good)]

    def _header(self) -> dict[str, Any]:
        return {"alg": "ES256", "kid": self.signer.kid}

    def _signed(self, header: object, payload: object) -> str:
        """A token with any header and payload, signed by the issuer."""
        signed = f"{part(header)}.{part(payload)}"
        return f"{signed}.{encoded(self.signer.signature(signed.encode()))}"


def bearer(token: str) -> Fields:
    return [("authorization", b"Bearer " + token.encode())]
