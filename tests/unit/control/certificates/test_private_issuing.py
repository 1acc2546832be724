from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from cryptography import x509

from portcullis.control.acme.messages import Done, Failed
from portcullis.control.certificates.authority_files import make_intermediate, make_root
from portcullis.control.certificates.private_issuing import (
    LIST_HOLDS,
    PrivateAuthority,
    PrivateOrder,
    authority_at,
    carry_out,
    list_is_due,
    publish_list,
)
from portcullis.engine.certificates.reading import key_belongs_to, read_chain
from portcullis.testing.certificates import Authority


@pytest.fixture
def authority(tmp_path: Path) -> PrivateAuthority:
    make_root("mesh", tmp_path / "offline", 3650)
    make_intermediate("mesh", tmp_path / "offline", tmp_path, ["shop.internal"], 365)
    return authority_at("mesh", str(tmp_path / "mesh.pem"), str(tmp_path / "mesh.key"), 3600.0)


def order(authority: PrivateAuthority, what: str, file: Path, *names: str) -> PrivateOrder:
    return PrivateOrder(what, authority, str(file), names)  # type: ignore[arg-type]


def listed(authority: PrivateAuthority) -> x509.CertificateRevocationList:
    return x509.load_pem_x509_crl(Path(authority.revoked).read_bytes())


def test_a_certificate_is_written_with_its_key_and_its_chain(authority: PrivateAuthority, tmp_path: Path) -> None:
    file = tmp_path / "state" / "orders.pem"
    assert carry_out(order(authority, "obtain", file, "orders.shop.internal")) == Done()
    pem = file.read_bytes()
    chain = read_chain(pem)
    assert len(chain) == 2
    assert key_belongs_to(chain[0], pem)
    assert file.stat().st_mode & 0o777 == 0o600
    assert carry_out(order(authority, "suggest", file)) == Done()


def test_what_several_revoke_at_a_time_is_all_on_the_list(authority: PrivateAuthority, tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.pem" for number in range(8)]
    for file in files:
        carry_out(order(authority, "obtain", file, "a.shop.internal"))
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda file: carry_out(order(authority, "revoke", file)), files))
    assert results == [Done()] * 8
    serials = [read_chain(file.read_bytes())[0].serial_number for file in files]
    assert all(listed(authority).get_revoked_certificate_by_serial_number(each) is not None for each in serials)


def test_what_is_revoked_stays_on_the_list(authority: PrivateAuthority, tmp_path: Path) -> None:
    serials = []
    for name in ("a", "b"):
        file = tmp_path / f"{name}.pem"
        carry_out(order(authority, "obtain", file, f"{name}.shop.internal"))
        assert carry_out(order(authority, "revoke", file)) == Done()
        serials.append(read_chain(file.read_bytes())[0].serial_number)
    now = listed(authority)
    assert all(now.get_revoked_certificate_by_serial_number(each) is not None for each in serials)
    assert now.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 3


def test_the_list_says_why_where_a_reason_was_given(authority: PrivateAuthority, tmp_path: Path) -> None:
    told = []
    for name, reason in (("a", 0), ("b", 1)):
        file = tmp_path / f"{name}.pem"
        carry_out(order(authority, "obtain", file, f"{name}.shop.internal"))
        carry_out(msgspec.structs.replace(order(authority, "revoke", file), reason=reason))
        serial = read_chain(file.read_bytes())[0].serial_number
        entry = listed(authority).get_revoked_certificate_by_serial_number(serial)
        assert entry is not None
        told.append([each.value.reason for each in entry.extensions if isinstance(each.value, x509.CRLReason)])
    assert told == [[], [x509.ReasonFlags.key_compromise]]


def test_a_list_is_made_anew_before_it_runs_out(authority: PrivateAuthority) -> None:
    assert not list_is_due(authority, time.time())
    old = time.time() - LIST_HOLDS.total_seconds() * 0.6
    os.utime(authority.revoked, (old, old))
    assert list_is_due(authority, time.time())
    publish_list(authority)
    assert not list_is_due(authority, time.time())
    Path(authority.revoked).unlink()
    assert list_is_due(authority, time.time())


def failure(authority: PrivateAuthority, file: Path, name: str = "a.shop.internal") -> str:
    result = carry_out(order(authority, "obtain", file, name))
    assert isinstance(result, Failed)
    return result.error


def test_what_is_in_the_way_is_told(authority: PrivateAuthority, tmp_path: Path) -> None:
    file = tmp_path / "a.pem"
    assert failure(authority, file, "shop.example") == (
        "mesh: the authority may not issue for shop.example, only below shop.internal"
    )
    missing = msgspec.structs.replace(authority, key=str(tmp_path / "no.key"))
    assert failure(missing, file) == f"mesh: {tmp_path}/no.key: No such file or directory"
    leaf = Authority("other").issue()
    leaf.write(tmp_path / "leaf.pem", tmp_path / "leaf.key")
    other = msgspec.structs.replace(authority, key=str(tmp_path / "leaf.key"))
    assert "is not the key of" in failure(other, file)
    no_authority = authority_at("mesh", str(tmp_path / "leaf.pem"), str(tmp_path / "leaf.key"))
    assert "is not the certificate of an authority" in failure(no_authority, file)
    Path(authority.key).write_text("garbage")
    assert "can't be read" in failure(authority, file)
    assert not file.exists()


def test_what_was_revoked_and_can_not_be_read_is_not_forgotten(authority: PrivateAuthority, tmp_path: Path) -> None:
    file = tmp_path / "a.pem"
    carry_out(order(authority, "obtain", file, "a.shop.internal"))
    Path(authority.revoked).with_suffix(".json").write_text("garbage")
    result = carry_out(order(authority, "revoke", file))
    assert isinstance(result, Failed)
    assert "what was revoked before can't be read" in result.error


def test_repr_shows_no_paths(authority: PrivateAuthority) -> None:
    assert repr(authority) == "PrivateAuthority(mesh)"
