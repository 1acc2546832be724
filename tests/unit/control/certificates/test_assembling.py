from __future__ import annotations

from pathlib import Path

import pytest

from portcullis.control.certificates.assembling import assemble
from portcullis.control.parts.managed_certificates import (
    AuthoritySettings,
    CertificateSettings,
    ManagedCertificatesSettings,
)
from portcullis.stores.files import ConfigurationFiles

BOUND = AuthoritySettings("bound", "https://b/dir", key_id="kid", key="env:EAB", ca="ca.pem")
OPEN = AuthoritySettings("open", "https://o/dir")
SHOP = CertificateSettings("shop", ("a.example",), ("bound", "open"), "http-01")
ONLY = CertificateSettings("only", ("b.example",), ("bound",), "http-01")
SETTINGS = ManagedCertificatesSettings((BOUND, OPEN), (SHOP, ONLY))


def test_paths_and_secrets_are_filled_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EAB", "c2VjcmV0")
    shop, only = assemble(SETTINGS, ConfigurationFiles(tmp_path / "p.yaml"), tmp_path / "state")
    bound, other = shop.authorities
    assert (bound.key, bound.ca) == ("c2VjcmV0", str(tmp_path / "ca.pem"))
    assert bound.account == str(tmp_path / "state" / "certificates" / "accounts" / "bound.json")
    assert (other.key, other.ca) == ("", None)
    assert [each.name for each in only.authorities] == ["bound"]


@pytest.mark.parametrize("secret", [None, "ü"])
def test_an_authority_without_its_secret_is_told_and_left_out(
    secret: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if secret is not None:
        monkeypatch.setenv("EAB", secret)
    (shop,) = assemble(SETTINGS, ConfigurationFiles(tmp_path / "p.yaml"), tmp_path)
    assert [each.name for each in shop.authorities] == ["open"]
    assert "certificate authority bound: the key of the external account" in caplog.text
    assert "ü" not in caplog.text
