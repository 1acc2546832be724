"""``portcullis certs``: what it prints, and how it ends."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from portcullis.cli.main import app
from portcullis.control.certificates import client
from portcullis.control.certificates.orders import CertificateServiceError, InvalidCertificateOrder, Renewed
from portcullis.control.certificates.revocation_findings import KeptFindings
from portcullis.engine.certificates.reading import facts_of, read_chain
from portcullis.engine.certificates.revocation import Finding
from portcullis.testing.certificates import Authority

ROOT = Authority("root")
FILE = """\
listeners:
  public: {bind: "127.0.0.1:1", tls: {certificate: a.pem, key: a.key}}
apis:
  shop: {hosts: ["*"], upstream: {targets: ["https://s:1"]}, versions: {v1: {spec: a.yaml}}, public: true}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "portcullis.yaml").write_text(FILE)
    below = Authority("below", ROOT)
    below.issue(dns=["shop.example"], ends=timedelta(days=90)).write(tmp_path / "a.pem", tmp_path / "a.key")
    (tmp_path / "a.key").chmod(0o600)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str, ends: int = 0) -> str:
    done = CliRunner().invoke(app, ["certs", *arguments])
    assert done.exit_code == ends, done.output
    return done.output


def test_status_tells_all_there_is_to_know() -> None:
    text = run("status")
    assert text.startswith("a.pem  listener public\n")
    for part in ("names   shop.example", "in 89 days", "key     EC 256, signed over sha256", "chain   CN=below"):
        assert part in text


def test_status_ends_with_1_where_something_is_wrong(folder: Path) -> None:
    (folder / "a.key").chmod(0o644)
    assert "file permissions: others can read or write the private key (mode 0644) (chmod 600)" in run("status", ends=1)
    (folder / "a.pem").unlink()
    assert "can't be read: No such file or directory" in run("status", ends=1)


def test_status_is_data_too() -> None:
    (found,) = json.loads(run("status", "--format", "json"))
    assert found["certificate"] == "a.pem"
    assert found["used_by"] == ["listener public"]
    assert 89 < found["days_left"] <= 90
    assert found["problems"] == []
    assert found["revocation"] is None


def known(folder: Path, finding: Finding) -> None:
    (certificate, *_) = read_chain((folder / "a.pem").read_bytes())
    KeptFindings(folder / ".portcullis").keep({facts_of(certificate).fingerprint: finding})


def test_status_tells_what_is_known_of_a_revocation(folder: Path) -> None:
    assert "revoked not asked yet" in run("status")
    known(folder, Finding("unknown", 60.0, why="http://a/: no answer in 5 s"))
    assert "revoked not known: http://a/: no answer in 5 s (asked 1970-01-01 00:01)" in run("status")
    known(folder, Finding("good", 60.0, 60.0, "http://a/"))
    assert "revoked no, said http://a/ at 1970-01-01 00:01" in run("status")
    known(folder, Finding("revoked", 120.0, 60.0, "http://a/", 0.0, "superseded"))
    text = run("status", ends=1)
    assert "revoked yes, said http://a/ at 1970-01-01 00:01" in text
    assert "revoked: revoked since 1970-01-01 00:00 UTC (superseded), says http://a/ (get another one" in text
    (found,) = json.loads(run("status", "--format", "json", ends=1))
    assert found["problems"][0]["kind"] == "revoked"
    assert (found["revocation"]["since"], found["revocation"]["reason"]) == (0.0, "superseded")


def test_status_of_a_file_without_certificates(folder: Path) -> None:
    (folder / "portcullis.yaml").write_text(FILE.replace(", tls: {certificate: a.pem, key: a.key}", ""))
    assert run("status") == "the file names no certificate\n"
    (folder / "portcullis.yaml").write_text("nonsense: 1")
    run("status", ends=2)


def test_status_of_an_authority_and_of_what_it_has_delivered(folder: Path) -> None:
    Authority("mesh", ROOT).issue(starts=timedelta(days=-300), ends=timedelta(days=5)).write(
        folder / "mesh.pem", folder / "mesh.key"
    )
    (folder / "mesh.key").chmod(0o600)
    (folder / "portcullis.yaml").write_text(f"""\
{FILE}
certificate_authorities: {{mesh: {{private: {{certificate: mesh.pem, key: mesh.key, bundle: [r.pem]}}}}}}
certificates: {{orders: {{names: [orders.internal], authorities: [mesh], folder: certs}}}}
""")
    text = run("status", ends=1)
    assert "orders  folder certs\n  not issued: there is none yet" in text
    assert "mesh.pem  authority mesh\n" in text
    assert "expires soon: expires in 4 days" in text


def test_pins_of_a_chain(folder: Path) -> None:
    lines = run("pin", "a.pem").splitlines()
    assert [line.partition("  ")[2] for line in lines] == ["CN=workload", "CN=below"]
    assert all(line.startswith("sha256/") for line in lines)
    assert json.loads(run("pin", "a.pem", "--format", "json"))[0]["pin"] == lines[0].split()[0]


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("./none.pem", "none.pem: No such file or directory"),
        ("portcullis.yaml", "portcullis.yaml: no PEM certificate that can be read"),
        ("a:x", "a host, with a port if it is not 443"),
        ("127.0.0.1:1", "127.0.0.1:1 can't be reached"),
    ],
)
def test_what_has_no_pins_is_told(source: str, told: str) -> None:
    assert told in run("pin", source, ends=2)


def test_a_host_that_can_not_be_asked_is_told() -> None:
    assert "can't be reached: Connection refused" in run("check", "127.0.0.1:1", ends=2)


def test_only_a_running_gateway_renews_and_revokes() -> None:
    for command in ("renew", "revoke"):
        assert "the gateway does not run" in run(command, "shop", ends=2)
    assert "there is no reason 'x'; it is one of unspecified" in run("revoke", "shop", "--reason", "x", ends=2)


@pytest.mark.parametrize(("code", "ends"), [("certificates.failed", 1), ("certificates.invalid", 2)])
def test_what_the_gateway_says_is_told(code: str, ends: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(*_: object) -> Renewed:
        raise InvalidCertificateOrder("no") if ends == 2 else CertificateServiceError("no", code)

    monkeypatch.setattr(client, "ask_gateway", ask)
    assert "no" in run("renew", "shop", ends=ends)
    monkeypatch.setattr(client, "ask_gateway", lambda *_: Renewed("shop", "ab12", 0.0))
    assert run("renew", "shop") == "certificate shop: ab12, ends 1970-01-01 00:00\n"
    assert json.loads(run("revoke", "shop", "--format", "json"))["serial"] == "ab12"
