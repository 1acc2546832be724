from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests
from acme import errors, messages
from acme.client import _renewal_info_path_component
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from portcullis.control.acme import obtaining
from portcullis.control.acme.messages import AcmeOrder, Authority, Done, Failed
from portcullis.control.acme.obtaining import _look_at, ari_id, carry_out, in_words
from portcullis.control.acme.proving import ProofError
from portcullis.testing.certificates import Authority as Signer

ROOT = Signer("root")


def with_key_id(builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(ROOT.key.public_key())
    return builder.add_extension(identifier, critical=False)


def order(path: Path, what: Any = "obtain") -> AcmeOrder:
    return AcmeOrder(what, Authority("first", "https://a/dir", ""), str(path), ("shop.example",))


def test_a_certificate_is_named_as_the_library_names_it() -> None:
    for _ in range(3):
        certificate = ROOT.issue(dns=["a"], change=with_key_id).certificate
        assert ari_id(certificate) == _renewal_info_path_component(certificate)


def test_the_example_of_the_rfc() -> None:
    """RFC 9773 4.1: the serial begins with a zero, since its first bit is set."""
    certificate = ROOT.issue(
        change=lambda builder: with_key_id(_numbered(builder, 0x87654321)),
    ).certificate
    assert ari_id(certificate).rpartition(".")[2] == "AIdlQyE"


def _numbered(builder: Any, number: int) -> Any:
    builder._serial_number = number
    return builder


def test_one_that_does_not_name_its_authority_has_no_name() -> None:
    with pytest.raises(ValueError, match="does not name the key"):
        ari_id(ROOT.issue(dns=["a"]).certificate)


def test_what_was_signed_is_looked_at() -> None:
    issued, other = ROOT.issue(dns=["shop.example"]), ROOT.issue(dns=["shop.example"])
    key, wrong = (each.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) for each in (issued, other))
    _look_at([issued.certificate], key, ["shop.example"])
    with pytest.raises(ProofError, match="key is that of another"):
        _look_at([issued.certificate], wrong, ["shop.example"])
    with pytest.raises(ProofError, match=r"it is not for www\.shop\.example"):
        _look_at([issued.certificate], key, ["shop.example", "www.shop.example"])


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (requests.exceptions.SSLError("x"), "first: its certificate is not trusted"),
        (requests.exceptions.ConnectionError("x"), "first: can't be reached"),
        (requests.exceptions.ReadTimeout("x"), "first: did not answer in time"),
        (errors.TimeoutError(), "first: did not answer in time"),
        (messages.Error.with_code("rateLimited", detail="slow\n\x1bly"), "first: rateLimited: slow  ly"),
        (OSError("the disk is full"), "first: the disk is full"),
        (ProofError("no hook"), "first: no hook"),
        (errors.ClientError("odd"), "first: odd"),
    ],
)
def test_whatever_goes_wrong_is_told(
    raised: Exception, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Authority) -> Any:
        raise raised

    monkeypatch.setattr(obtaining, "open_client", fail)
    result = carry_out(order(tmp_path / "a"), pytest.fail)
    assert isinstance(result, Failed)
    assert result.error == told


def test_an_account_that_the_authority_has_forgotten_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten: list[Authority] = []
    outcomes = iter([messages.Error.with_code("accountDoesNotExist", detail="who?"), Done()])

    def once_more(*_: Any) -> Any:
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(obtaining, "open_client", lambda _: type("Client", (), {"net": None}))
    monkeypatch.setattr(obtaining, "forget_uri", forgotten.append)
    monkeypatch.setattr(obtaining, "_carry_out", once_more)
    assert carry_out(order(tmp_path / "a"), pytest.fail) == Done()
    assert len(forgotten) == 1


def test_the_reasons_of_an_authority_are_told_name_by_name() -> None:
    body = messages.Authorization.from_json(
        {
            "identifier": {"type": "dns", "value": "shop.example"},
            "status": "invalid",
            "challenges": [
                {
                    "type": "dns-01",
                    "url": "https://a",
                    "token": "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA",
                    "status": "invalid",
                    "error": {"type": "urn:ietf:params:acme:error:dns", "detail": "no record"},
                }
            ],
        }
    )
    failed = errors.ValidationError([messages.AuthorizationResource(body=body, uri="https://a")])
    assert in_words(failed) == "shop.example: no record"
