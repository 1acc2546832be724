from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from acme import challenges, messages
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from josepy.b64 import b64decode
from josepy.jwk import JWKEC

from portcullis.control.acme import proving
from portcullis.control.acme.messages import AcmeOrder, Authority, Present
from portcullis.control.acme.proving import Proof, ProofError, challenge_certificate, proofs_of, shown

KEY = JWKEC(key=ec.generate_private_key(ec.SECP256R1()))
TOKEN = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"


def authorization(*kinds: str, status: str = "pending", token: str = TOKEN) -> messages.AuthorizationResource:
    listed = [{"type": kind, "url": f"https://a/{kind}", "token": token, "status": "pending"} for kind in kinds]
    body = messages.Authorization.from_json(
        {"identifier": {"type": "dns", "value": "shop.example"}, "status": status, "challenges": listed}
    )
    return messages.AuthorizationResource(body=body, uri="https://a/authz")


def order(challenge: str, *hook: str) -> AcmeOrder:
    return AcmeOrder("obtain", Authority("a", "", ""), "", (), challenge, hook)


@pytest.mark.parametrize("kind", ["http-01", "tls-alpn-01", "dns-01"])
def test_the_challenge_that_was_asked_for_is_taken(kind: str) -> None:
    (proof,) = proofs_of([authorization("dns-01", "tls-alpn-01", "http-01")], kind, KEY)
    assert (proof.name, proof.token, proof.body.uri) == ("shop.example", TOKEN, f"https://a/{kind}")
    assert proof.key_authorization == challenges.HTTP01(token=b64decode(TOKEN)).key_authorization(KEY)
    assert proof.response.json_dumps() == "{}"
    assert proof.response  # the library sends no body where it is false


def test_names_that_are_proven_already_are_passed_over() -> None:
    assert proofs_of([authorization("http-01", status="valid")], "http-01", KEY) == []


def test_an_authority_that_does_not_offer_it_is_told() -> None:
    with pytest.raises(ProofError, match=r"shop\.example: the authority offers dns-01, not http-01"):
        proofs_of([authorization("dns-01")], "http-01", KEY)


def test_a_token_that_could_be_a_path_is_refused() -> None:
    with pytest.raises(ProofError, match="token"):
        proofs_of([authorization("tls-alpn-01", token="../../etc")], "tls-alpn-01", KEY)


def test_the_record_of_the_dns_is_the_one_of_the_library() -> None:
    (proof,) = proofs_of([authorization("dns-01")], "dns-01", KEY)
    chall = challenges.DNS01(token=b64decode(TOKEN))
    assert proof.record == (chall.validation_domain_name("shop.example"), chall.validation(KEY))


def test_the_certificate_of_a_challenge_says_what_the_rfc_asks() -> None:
    (proof,) = proofs_of([authorization("tls-alpn-01")], "tls-alpn-01", KEY)
    certificate = x509.load_pem_x509_certificate(challenge_certificate(proof).encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["shop.example"]
    found: Any = certificate.extensions.get_extension_for_oid(x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31"))
    assert found.critical
    assert found.value.value == b"\x04\x20" + sha256(proof.key_authorization.encode()).digest()


def test_what_workers_show_is_handed_over() -> None:
    told: list[Present] = []
    (proof,) = proofs_of([authorization("http-01")], "http-01", KEY)
    with shown([proof], order("http-01"), told.append):
        assert told == [Present("http-01", TOKEN, proof.key_authorization)]
    told.clear()
    with shown([proof], order("tls-alpn-01"), told.append):
        assert (told[0].challenge, told[0].key) == ("tls-alpn-01", "shop.example")


class Command:
    def __init__(self, codes: dict[str, Any]) -> None:
        self.calls: list[list[str]] = []
        self.codes = codes

    def __call__(self, command: list[str], **options: Any) -> Any:
        assert "shell" not in options
        self.calls.append(command)
        outcome = self.codes.get(command[1], 0)
        if isinstance(outcome, Exception):
            raise outcome
        return type("Done", (), {"returncode": outcome})


@pytest.mark.parametrize(
    ("outcome", "told"),
    [(3, "it ended with 3"), (FileNotFoundError(2, "No such file"), "it can't be run: No such file")],
)
def test_a_hook_that_fails_is_told_and_cleaned_up_after(
    outcome: Any, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = Command({"present": outcome})
    monkeypatch.setattr(proving.subprocess, "run", command)
    (proof,) = proofs_of([authorization("dns-01")], "dns-01", KEY)
    with pytest.raises(ProofError, match=told), shown([proof], order("dns-01", "hook"), pytest.fail):
        pytest.fail("it must not go on")
    assert [call[1] for call in command.calls] == ["present", "cleanup"]


def test_a_hook_is_given_name_and_value(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    command = Command({"cleanup": 1})  # which hinders nothing
    monkeypatch.setattr(proving.subprocess, "run", command)
    (proof,) = proofs_of([authorization("dns-01")], "dns-01", KEY)
    with shown([proof], order("dns-01", "hook", "-x"), pytest.fail):
        assert command.calls == [["hook", "-x", "present", "_acme-challenge.shop.example", proof.record[1]]]


def test_a_proof_knows_its_thumbprint() -> None:
    (proof,) = proofs_of([authorization("http-01")], "http-01", KEY)
    assert isinstance(proof, Proof)
    assert proof.key_authorization.startswith(f"{TOKEN}.")
