from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest

from portcullis.control.certificates.inventory import ConfiguredCertificate, configured_certificates
from portcullis.control.certificates.looking import HINTS, certificate_warnings, look_at
from portcullis.control.certificates.revocation_findings import KeptFindings
from portcullis.engine.certificates.messages import CertificateId
from portcullis.engine.certificates.revocation import Finding
from portcullis.engine.config.load import load_configuration
from portcullis.stores.files import ConfigurationFiles
from portcullis.testing.certificates import Authority

ROOT = Authority("root")
ID = CertificateId("a.pem", "a.key")
SHOWN = ConfiguredCertificate(ID, "a.pem", "a.key", ("listeners", "public", "tls"), ("listener public",), ("*",))
FILE = """\
listeners:
  public: {bind: "127.0.0.1:1", tls: {certificate: a.pem, key: a.key}}
apis:
  shop: {hosts: [shop.example], upstream: {targets: ["https://s:1"]}, versions: {v1: {spec: a.yaml}}, public: true}
"""


@pytest.fixture
def files(tmp_path: Path) -> ConfigurationFiles:
    ROOT.issue(dns=["shop.example"], ends=timedelta(days=90)).write(tmp_path / "a.pem", tmp_path / "a.key")
    (tmp_path / "a.key").chmod(0o600)
    return ConfigurationFiles(tmp_path / "p.yaml")


def test_a_good_pair_is_usable_and_told_to_workers(files: ConfigurationFiles) -> None:
    status = look_at(SHOWN, files, time.time())
    assert status.usable
    assert status.problems == []
    assert status.name == "a.pem"
    assert 89 < status.days_left <= 90
    current = status.current()
    assert (current.certificate, current.key, current.names) == ("a.pem", "a.key", ["shop.example"])
    assert current.digest == status.digest != ""


def test_one_that_is_known_to_be_revoked_is_usable_and_a_problem(files: ConfigurationFiles) -> None:
    fingerprint = look_at(SHOWN, files, time.time()).facts.fingerprint  # type: ignore[union-attr]
    revoked, away = Finding("revoked", 7.0, 7.0, "http://a/"), Finding("unknown", 7.0, why="away")
    status = look_at(SHOWN, files, time.time(), {fingerprint: revoked})
    assert [(each.kind, each.grave) for each in status.problems] == [("revoked", True)]
    assert status.usable
    assert status.revocation == revoked
    status = look_at(SHOWN, files, time.time(), {fingerprint: away})
    assert (status.problems, status.revocation) == ([], away)
    assert look_at(SHOWN, files, time.time(), {"other": revoked}).revocation is None
    loaded = load_configuration(FILE, "p.yaml")
    KeptFindings(files.path(".portcullis")).keep({fingerprint: revoked})
    (told,) = certificate_warnings(loaded, configured_certificates(loaded.configuration), files, time.time())
    assert (told.pointer, told.message) == ("listeners.public.tls.certificate", "a.pem: revoked, says http://a/")


@pytest.mark.parametrize(("mode", "told"), [(0o600, False), (0o640, False), (0o644, True), (0o620, True)])
def test_keys_that_others_may_read_are_told(files: ConfigurationFiles, mode: int, told: bool) -> None:
    files.path("a.key").chmod(mode)
    status = look_at(SHOWN, files, time.time())
    assert [each.kind for each in status.problems] == ["file_permissions"] * told
    assert status.usable


def test_what_is_missing_or_no_certificate_is_told(files: ConfigurationFiles) -> None:
    files.path("a.pem").write_text("nonsense")
    status = look_at(SHOWN, files, time.time())
    assert not status.usable
    assert status.problems[0].text == "no PEM certificate that can be read"
    files.path("a.pem").unlink()
    assert "can't be read: No such file or directory" in look_at(SHOWN, files, time.time()).problems[0].text


def test_check_warns_where_the_file_names_it(files: ConfigurationFiles) -> None:
    loaded = load_configuration(FILE, "p.yaml")
    files.path("a.key").chmod(0o604)
    ROOT.issue(dns=["b.example"], ends=timedelta(days=90)).write(files.path("a.pem"), files.path("a.key"))
    found = list(certificate_warnings(loaded, configured_certificates(loaded.configuration), files, time.time()))
    assert [(each.pointer, each.line, each.severity) for each in found] == [
        ("listeners.public.tls.certificate", 2, "warning"),
        ("listeners.public.tls.key", 2, "warning"),
    ]
    assert found[0].message == "a.pem: it is for b.example, not for shop.example"
    assert found[0].hint == HINTS["wrong_name"]


def test_what_can_not_be_loaded_is_an_error_elsewhere_and_no_warning(files: ConfigurationFiles) -> None:
    loaded = load_configuration(FILE, "p.yaml")
    files.path("a.pem").write_text("nonsense")
    assert list(certificate_warnings(loaded, configured_certificates(loaded.configuration), files, time.time())) == []


def test_what_is_delivered_and_what_signs_is_warned_of_where_it_is_named(files: ConfigurationFiles) -> None:
    loaded = load_configuration(
        f"""\
{FILE}certificate_authorities: {{mesh: {{private: {{certificate: mesh.pem, key: mesh.key, bundle: [r.pem]}}}}}}
certificates:
  orders: {{names: [orders.internal], authorities: [mesh], folder: certs}}
  bought: {{names: [b.eu]}}
""",
        "p.yaml",
    )
    ended = ROOT.issue(starts=timedelta(days=-9), ends=timedelta(days=-1))
    files.path(".portcullis/certificates").mkdir(parents=True)
    for name in ("orders", "bought"):
        pair = files.path(f".portcullis/certificates/{name}.pem")
        ended.write(pair, key := files.path("k.pem"))
        pair.write_bytes(pair.read_bytes() + key.read_bytes())
        pair.chmod(0o600)
    found = list(certificate_warnings(loaded, configured_certificates(loaded.configuration), files, time.time()))
    assert [(each.pointer, each.line) for each in found] == [
        ("certificates.orders", 7),
        ("certificates.bought", 8),
        ("certificate_authorities.mesh.private.certificate", 5),
    ]
    assert "expired 24 hours ago" in found[0].message
    assert "mesh.pem can't be read: No such file or directory" in found[2].message


def test_a_managed_one_that_is_not_there_yet_is_no_grave_matter(files: ConfigurationFiles) -> None:
    shown = ConfiguredCertificate(CertificateId(managed="shop"), "none.pem", "none.pem", SHOWN.at, SHOWN.used_by)
    status = look_at(shown, files, time.time())
    assert [(each.kind, each.grave) for each in status.problems] == [("not_issued", False)]
    assert not status.usable
    assert status.name == "shop"
