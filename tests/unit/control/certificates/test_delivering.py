from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from portcullis.control.certificates.delivering import deliver
from portcullis.testing.certificates import Authority

MESH = Authority("mesh")


def pair() -> bytes:
    issued = MESH.issue()
    return issued.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + issued.pem


def test_certificate_key_and_bundle_are_there_together(tmp_path: Path) -> None:
    given = pair()
    assert deliver(given, MESH.pem, tmp_path / "orders")
    current = tmp_path / "orders" / "current"
    assert (current / "key.pem").read_bytes() + (current / "certificate.pem").read_bytes() == given
    assert (current / "bundle.pem").read_bytes() == MESH.pem
    assert (current / "key.pem").stat().st_mode & 0o777 == 0o600
    assert not deliver(given, MESH.pem, tmp_path / "orders")


def test_the_one_before_is_still_there_for_who_reads_it_and_no_older_one(tmp_path: Path) -> None:
    folders = []
    for _ in range(4):
        deliver(pair(), MESH.pem, tmp_path)
        folders.append((tmp_path / "current").resolve())
    assert [each.exists() for each in folders] == [False, False, True, True]


def test_what_is_not_ours_in_the_folder_stays(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "ssl-certificates").mkdir()
    (tmp_path / "a.txt").write_text("mine")
    for _ in range(3):
        deliver(pair(), MESH.pem, tmp_path)
    assert (tmp_path / "notes").is_dir()
    assert (tmp_path / "ssl-certificates").is_dir()
    assert (tmp_path / "a.txt").read_text() == "mine"


def test_what_is_no_pair_is_not_delivered(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no private key"):
        deliver(MESH.pem, MESH.pem, tmp_path)
    with pytest.raises(ValueError, match="no PEM certificate"):
        deliver(b"garbage", MESH.pem, tmp_path)
    assert not (tmp_path / "current").exists()


def test_a_new_bundle_is_delivered_with_the_same_certificate(tmp_path: Path) -> None:
    given = pair()
    deliver(given, MESH.pem, tmp_path)
    assert deliver(given, MESH.pem + Authority("next").pem, tmp_path)
    assert (tmp_path / "current" / "bundle.pem").read_bytes().count(b"BEGIN") == 2
