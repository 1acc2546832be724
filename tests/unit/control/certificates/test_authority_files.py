from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from portcullis.control.certificates.authority_files import domains_before, make_intermediate, make_root, sign_request
from portcullis.engine.certificates.private_authority import IssuingError, new_key
from portcullis.engine.certificates.reading import read_chain


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_root("mesh", tmp_path / "offline", 3650)
    make_intermediate("mesh", tmp_path / "offline", tmp_path / "ca", ["shop.internal"], 365)
    return tmp_path


def test_the_roots_key_is_where_it_can_be_taken_away(folder: Path) -> None:
    assert sorted(each.name for each in (folder / "offline").iterdir()) == ["root.key", "root.pem"]
    there = sorted(each.name for each in (folder / "ca").iterdir())
    assert there == [
        "mesh-clients.pem",
        "mesh.crl",
        "mesh.json",
        "mesh.key",
        "mesh.lock",
        "mesh.pem",
        "root.crl",
        "root.pem",
    ]
    for key in ("offline/root.key", "ca/mesh.key"):
        assert (folder / key).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["root", "../mesh", "/etc/mesh", "a/b", ".", "", "a\n"])
def test_the_name_of_an_authority_is_no_path_and_not_the_roots(folder: Path, name: str) -> None:
    root = (folder / "offline" / "root.key").read_bytes()
    with pytest.raises(IssuingError):
        make_intermediate(name, folder / "offline", folder / "offline", [], 365)
    with pytest.raises(IssuingError):
        make_root(name, folder / "other", 1)
    assert (folder / "offline" / "root.key").read_bytes() == root
    assert sorted(each.name for each in folder.iterdir()) == ["ca", "offline"]


def test_the_domains_of_the_one_before_are_known(folder: Path) -> None:
    assert domains_before("mesh", folder / "ca") == ["shop.internal"]
    make_intermediate("free", folder / "offline", folder / "ca", [], 365)
    assert domains_before("free", folder / "ca") == []


def test_a_root_is_made_once(folder: Path) -> None:
    with pytest.raises(IssuingError, match="is there already"):
        make_root("mesh", folder / "offline", 1)


def test_the_next_authority_has_another_key_and_the_one_before_is_trusted_on(folder: Path) -> None:
    (first,) = read_chain((folder / "ca" / "mesh.pem").read_bytes())
    make_intermediate("mesh", folder / "offline", folder / "ca", [], 365)
    (second,) = read_chain((folder / "ca" / "mesh.pem").read_bytes())
    assert first.public_key() != second.public_key()
    assert first.subject == second.subject
    trusted = read_chain((folder / "ca" / "mesh-clients.pem").read_bytes())
    assert trusted[0] == second
    assert first in trusted
    assert len(trusted) == 3


def test_a_request_is_signed_for_the_names_that_are_said(folder: Path) -> None:
    key = new_key()
    asked = x509.CertificateSigningRequestBuilder().subject_name(x509.Name.from_rfc4514_string("CN=evil.example"))
    (folder / "r.csr").write_bytes(asked.sign(key, SHA256()).public_bytes(Encoding.PEM))
    by = (folder / "r.csr", folder / "ca" / "mesh.pem", folder / "ca" / "mesh.key")
    chain = read_chain(sign_request(*by, ["a.shop.internal"], "", 2).encode())
    assert chain[0].public_key() == key.public_key()
    assert "evil" not in chain[0].subject.rfc4514_string()
    with pytest.raises(IssuingError, match="for whom"):
        sign_request(*by, [], "", 2)
    for names, workload in (
        (["a.shop.internal\n"], ""),
        (["evil\0.shop.internal"], ""),
        ([], "spiffe://shop.internal/../x"),
        ([], "https://shop.internal/x"),
    ):
        with pytest.raises(IssuingError, match="it can't be for"):
            sign_request(*by, names, workload, 2)
    (folder / "r.csr").write_text("garbage")
    with pytest.raises(IssuingError, match="no certificate signing request"):
        sign_request(*by, ["a.shop.internal"], "", 2)
