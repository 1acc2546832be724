from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from portcullis.control.certificates.states import CertificateFolder
from portcullis.engine.certificates.renewal import RenewalState
from portcullis.testing.certificates import Authority

ROOT = Authority("root")


@pytest.fixture
def folder(tmp_path: Path) -> CertificateFolder:
    return CertificateFolder(tmp_path / "certificates")


def test_what_is_there_is_read(folder: CertificateFolder) -> None:
    assert folder.held("shop") is None
    folder.remember("shop", RenewalState())  # which makes the folder
    issued = ROOT.issue(dns=["shop.example"], ends=timedelta(days=90))
    folder.path("shop").write_bytes(issued.pem)
    held = folder.held("shop")
    assert held is not None
    assert held.serial == f"{issued.certificate.serial_number:x}"
    assert held.names == {"shop.example"}
    assert held.life.end == issued.certificate.not_valid_after_utc.timestamp()
    folder.path("shop").write_bytes(b"nonsense")
    assert folder.held("shop") is None


def test_what_is_remembered_is_kept(folder: CertificateFolder) -> None:
    assert folder.state("shop") == RenewalState()
    state = RenewalState("ab", 0.5, 3, 12.0, "no")
    folder.remember("shop", state)
    assert folder.state("shop") == state
    assert [each.name for each in folder.path("shop").parent.iterdir()] == ["shop.json"]
    (folder.path("shop").parent / "shop.json").write_text("nonsense")
    assert folder.state("shop") == RenewalState()


def test_what_can_not_be_kept_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    CertificateFolder(tmp_path / "file").remember("shop", RenewalState())
    assert "can't be written: " in caplog.text


def test_accounts_lie_beside(folder: CertificateFolder) -> None:
    assert folder.account("first").parts[-3:] == ("certificates", "accounts", "first.json")
