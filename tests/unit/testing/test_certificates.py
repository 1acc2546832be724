from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from portcullis.testing.certificates import Authority, pem_of


def verify(folder: Path, *options: str) -> str:
    done = subprocess.run(
        ["openssl", "verify", "-CAfile", "ca.pem", *options, "leaf.pem"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def test_another_library_verifies_what_is_issued(folder: Path) -> None:
    root = Authority("root")
    below = Authority("below", root)
    issued = below.issue(uris=["spiffe://example.internal/a"])
    issued.write(folder / "leaf.pem", folder / "leaf.key")
    (folder / "ca.pem").write_bytes(root.pem)
    (folder / "chain.pem").write_bytes(issued.pem)
    assert verify(folder, "-untrusted", "chain.pem", "-purpose", "sslclient").startswith("leaf.pem: OK")
    assert "unable to get local issuer" in verify(folder)
    expired = below.issue(ends=timedelta(minutes=-1))
    expired.write(folder / "leaf.pem", folder / "leaf.key")
    assert "certificate has expired" in verify(folder, "-untrusted", "chain.pem")


def test_another_library_goes_by_what_is_revoked(folder: Path) -> None:
    root = Authority("root")
    issued = root.issue()
    issued.write(folder / "leaf.pem", folder / "leaf.key")
    for revoked, said in ((root.revoked(), "leaf.pem: OK"), (root.revoked(issued), "certificate revoked")):
        (folder / "ca.pem").write_bytes(root.pem + pem_of(revoked))
        assert said in verify(folder, "-crl_check")
