from __future__ import annotations

from typing import Any

import pytest
from rfc9421 import CREATED, ED25519, P256, REQUESTS, RSA_PSS, SHARED_SECRET, Signed
from rows import rows

from portcullis.engine.authentication.jose.keys import read_pem, shared_secret
from portcullis.engine.authentication.proof import UNAVAILABLE, NotMine
from portcullis.engine.authentication.replay import SingleUse
from portcullis.engine.authentication.request_signing import (
    MALFORMED_SIGNATURE,
    STALE_SIGNATURE,
    UNKNOWN_SIGNING_KEY,
    UNSIGNED_PART,
    WRONG_SIGNATURE,
    Freshness,
    SignatureError,
)
from portcullis.engine.authentication.signature_judge import (
    MAX_INPUT,
    KnownKey,
    SignatureJudge,
    SignatureRules,
    read_signatures,
)
from portcullis.engine.decision import Refuse
from portcullis.engine.identity import Identity
from portcullis.engine.request import RequestView
from portcullis.testing import FakeClock, FakeCounters, make_request

KEYS = {
    "test-key-rsa-pss": ("rsa-pss-sha512", read_pem(RSA_PSS.encode(), ["PS512"]).verifiers["PS512"]),
    "test-key-ecc-p256": ("ecdsa-p256-sha256", read_pem(P256.encode()).verifiers["ES256"]),
    "test-key-ed25519": ("ed25519", read_pem(ED25519.encode()).verifiers["EdDSA"]),
    "test-shared-secret": ("hmac-sha256", shared_secret(SHARED_SECRET, ["HS256"]).verifiers["HS256"]),
}
BY_NAME = {signed.name: signed for signed in REQUESTS}


def judge(known: tuple[str, ...] = tuple(KEYS), at: float = CREATED, **said: Any) -> SignatureJudge:
    clock, counters = FakeClock(wall_s=at), said.pop("counters", FakeCounters())
    keys = {name: KnownKey(KEYS[name][0], (KEYS[name][1],), Identity("http_signature", name)) for name in known}
    rules = {"required": frozenset(), "freshness": Freshness(300, 10), "nonce": "optional", "tag": "", **said}
    return SignatureJudge("#/p", keys, SignatureRules(**rules), SingleUse("p", counters, clock), clock)


def sent(signed: Signed, body: bytes | None = None) -> RequestView:
    fields = [("host", signed.host), *signed.fields]
    return make_request(signed.method, signed.target, fields, body=body)


def code(outcome: Any) -> Any:
    refusal = outcome.refusal if isinstance(outcome, NotMine) else outcome
    assert isinstance(refusal, Refuse)
    return refusal.code


@rows("signed", REQUESTS, ids=lambda signed: signed.name)
def test_the_examples_of_the_standard(signed: Signed) -> None:
    outcome = judge().judge(sent(signed))
    if signed.passes:
        assert outcome == Identity("http_signature", signed.key)
    else:
        assert code(outcome) is WRONG_SIGNATURE


def test_a_signature_that_leaves_something_out_is_refused() -> None:
    for name in ("sig-b21", "sig-b22", "sig-b26"):
        outcome = judge(required=frozenset({"@method", "@path", "@query"})).judge(sent(BY_NAME[name]))
        assert code(outcome) is UNSIGNED_PART
    full = judge(required=frozenset({"@method", "@authority", "@path", "@query", "content-type"}))
    assert isinstance(full.judge(sent(BY_NAME["sig-b23"], body=b"x")), Identity)


def test_a_body_must_be_covered_by_its_digest() -> None:
    assert code(judge().judge(sent(BY_NAME["sig-b26"], body=b"x"))) is UNSIGNED_PART


def test_how_old_a_signature_may_be() -> None:
    signed = sent(BY_NAME["sig-b26"])
    assert isinstance(judge(at=CREATED + 309).judge(signed), Identity)
    assert isinstance(judge(at=CREATED - 10).judge(signed), Identity)
    assert code(judge(at=CREATED + 310).judge(signed)) is STALE_SIGNATURE
    assert code(judge(at=CREATED - 11).judge(signed)) is STALE_SIGNATURE


def test_a_nonce_is_good_once() -> None:
    judging = judge(nonce="required")
    assert isinstance(judging.judge(sent(BY_NAME["sig-b21"])), Identity)
    assert code(judging.judge(sent(BY_NAME["sig-b21"]))).name == "authenticate.replayed_request"
    assert code(judging.judge(sent(BY_NAME["sig-b26"]))) is UNSIGNED_PART  # it has none


def test_only_signatures_with_the_tag_count() -> None:
    assert isinstance(judge(tag="header-example").judge(sent(BY_NAME["sig-b22"])), Identity)
    outcome = judge(tag="header-example").judge(sent(BY_NAME["sig-b26"]))
    assert isinstance(outcome, NotMine)
    assert code(outcome) is UNKNOWN_SIGNING_KEY


def test_a_signature_by_keys_of_others_is_left_to_others() -> None:
    assert isinstance(judge(("test-key-ed25519",)).judge(sent(BY_NAME["sig-b23"])), NotMine)


def together(*names: str) -> RequestView:
    """One request with the signatures of several."""
    first = BY_NAME[names[0]]
    both = [dict(BY_NAME[name].fields) for name in names]
    joined = {name: ", ".join(fields[name] for fields in both) for name in ("signature-input", "signature")}
    return sent(first._replace(fields=tuple({**dict(first.fields), **joined}.items())))


def test_of_several_signatures_one_good_one_is_enough() -> None:
    required = frozenset({"@method", "@query"})
    for names in (("sig-b23", "sig-b26"), ("sig-b26", "sig-b23"), ("sig-b21", "sig-b22", "sig-b23")):
        assert judge(required=required).judge(together(*names)) == Identity("http_signature", "test-key-rsa-pss")
    assert code(judge(required=required).judge(together("sig-b26", "sig-b21"))) is UNSIGNED_PART


def test_signatures_are_not_exchanged() -> None:
    fields = dict(BY_NAME["sig-b23"].fields)
    fields["signature"] = fields["signature"].replace("sig-b23", "other")
    outcome = judge().judge(sent(BY_NAME["sig-b23"]._replace(fields=tuple(fields.items()))))
    assert code(outcome) is MALFORMED_SIGNATURE


def test_many_signatures_are_refused_before_any_is_verified() -> None:
    fields = dict(BY_NAME["sig-b26"].fields)
    inputs, signature = fields["signature-input"].partition("=")[2], fields["signature"].partition("=")[2]
    fields["signature-input"] = ", ".join(f"s{number}={inputs}" for number in range(5))
    fields["signature"] = ", ".join(f"s{number}={signature}" for number in range(5))
    outcome = judge().judge(sent(BY_NAME["sig-b26"]._replace(fields=tuple(fields.items()))))
    assert code(outcome) is MALFORMED_SIGNATURE


def test_nobody_passes_whose_nonce_can_not_be_counted() -> None:
    counters = FakeCounters()
    counters.broken = True
    assert code(judge(counters=counters).judge(sent(BY_NAME["sig-b21"]))) is UNAVAILABLE


@rows(
    ("before", "after", "wanted"),
    [
        (";created=1618884473", "", UNSIGNED_PART),
        ("1618884473", '"1618884473"', UNSIGNED_PART),
        ("1618884473", "1618884473.5", UNSIGNED_PART),
        ("1618884473", "-5", UNSIGNED_PART),
        ("1618884473", "999999999999999", UNSIGNED_PART),
        (";keyid=", ';nonce="";keyid=', UNSIGNED_PART),
        (";keyid=", ";nonce=7;keyid=", UNSIGNED_PART),
        (";keyid=", ';expires="a";keyid=', UNSIGNED_PART),
        (";keyid=", ";expires=1;keyid=", STALE_SIGNATURE),
        (";keyid=", ';alg="hmac-sha256";keyid=', WRONG_SIGNATURE),
        (";keyid=", ";alg=ed25519;keyid=", WRONG_SIGNATURE),
        (";keyid=", ';alg="ed25519";keyid=', WRONG_SIGNATURE),
        (';keyid="test-key-ed25519"', ";keyid=test-key-ed25519", UNKNOWN_SIGNING_KEY),
        (';keyid="test-key-ed25519"', "", UNKNOWN_SIGNING_KEY),
        (';keyid="test-key-ed25519"', ';keyid="TEST-key-ed25519"', UNKNOWN_SIGNING_KEY),
        (';keyid="test-key-ed25519"', ';keyid="test-key-ecc-p256"', WRONG_SIGNATURE),
        ('"@path"', '"@request-target"', WRONG_SIGNATURE),
        ('"@path" "@authority"', '"@authority" "@path"', WRONG_SIGNATURE),
        ('"@path"', '"@path" "@path"', MALFORMED_SIGNATURE),
        ('"@path"', '"@status"', MALFORMED_SIGNATURE),
        ('"@path"', '"@path";req', MALFORMED_SIGNATURE),
        ('"@path"', "@path", MALFORMED_SIGNATURE),
        ('"@path"', "path", MALFORMED_SIGNATURE),
        ('"date"', '"Date"', MALFORMED_SIGNATURE),
        ('"date"', '"dates"', MALFORMED_SIGNATURE),
        ("sig-b26=(", "sig-b26=7;x=(", MALFORMED_SIGNATURE),
        ("sig-b26=", "sig-b26", MALFORMED_SIGNATURE),
        ("sig-b26=", "SIG=", MALFORMED_SIGNATURE),
    ],
)
def test_a_changed_input_is_refused(before: str, after: str, wanted: Any) -> None:
    fields = dict(BY_NAME["sig-b26"].fields)
    assert before in fields["signature-input"]
    fields["signature-input"] = fields["signature-input"].replace(before, after, 1)
    outcome = judge().judge(sent(BY_NAME["sig-b26"]._replace(fields=tuple(fields.items()))))
    assert code(outcome) is wanted


@rows(
    ("inputs", "signatures"),
    [
        *((b"", b""), (b"a", b"a=:AA==:"), (b"a=1", b"a=:AA==:"), (b"(", b""), (b"a=()", b"\xff"), (b"\xff=()", b"")),
        *((b"a=(), a=()", b"a=:AA==:"), (b"a=()", b"a=:AA==:, a=:AA==:"), (b"a" * (MAX_INPUT + 1), b"a=:AA==:")),
        *((b"a=()", b"a=:" + b"A" * MAX_INPUT + b":"), (b"a=()" + b"," * 10, b""), (b'a=("', b""), (b"[]", b"{}")),
    ],
)
def test_fields_that_are_no_signatures(inputs: bytes, signatures: bytes) -> None:
    with pytest.raises(SignatureError) as caught:
        read_signatures(inputs, signatures)
    assert caught.value.code is MALFORMED_SIGNATURE


def test_a_signature_may_be_missing_or_something_else() -> None:
    for signature in (b"", b"b=:AA==:", b"a=AA", b"a", b"a=(:AA==:)"):
        [signed] = read_signatures(b'a=("@path")', signature)
        assert signed.signature is None
