"""What scanners that everybody uses say of a listener. Their reports are kept in ``build/``."""

from __future__ import annotations

import ipaddress
import json
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from debian import debian_program
from gateway import Gateway, serving
from items_shop import SPEC
from upstream import Upstream

from portcullis.testing.certificates import Authority, Builder

REPORTS = Path(__file__).resolve().parents[3] / "build" / "tls"
CONFIGURATION = """\
listeners:
  public: {bind: "127.0.0.1:0", tls: {certificate: chain.pem, key: key.pem, profile: PROFILE}}
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["UPSTREAM"]}
    versions: {v1: {spec: shop.yaml}}
    public: true
"""
# What the two profiles differ in; attacks on TLS and its ciphers are tried on the older one.
ONLY = {"intermediate": [], "modern": ["--protocols", "--server-defaults", "--headers"]}
GROUPS_OF_FULL_STRENGTH = 112
"""Bits: what NIST SP 800-57 asks of keys until 2030. ffdhe2048 (RFC 7919), the smallest group of TLS 1.3, has them."""


def with_list(builder: Builder) -> Builder:
    url = x509.UniformResourceIdentifier("http://127.0.0.1:1/root.crl")
    return builder.add_extension(
        x509.CRLDistributionPoints([x509.DistributionPoint([url], None, None, None)]), critical=False
    )


@pytest.fixture(scope="module", params=["intermediate", "modern"])
def scanned(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, str]]:
    folder = tmp_path_factory.mktemp("gateway")
    root = Authority("root")
    (folder / "ca.pem").write_bytes(root.certificate.public_bytes(Encoding.PEM))
    issued = root.issue(
        "CN=localhost",
        dns=["localhost"],
        addresses=[ipaddress.ip_address("127.0.0.1")],
        ends=timedelta(days=90),
        change=with_list,
    )
    issued.write(folder / "chain.pem", folder / "key.pem")
    upstream = Upstream()
    with serving(folder, SPEC, CONFIGURATION.replace("PROFILE", request.param), upstream.url) as running:
        yield running, request.param
    upstream.stop()


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_testssl_finds_nothing_above_low(scanned: tuple[Gateway, str]) -> None:
    testssl = debian_program("testssl", "testssl.sh", "bind9-dnsutils", "bsdextrautils")
    gateway, profile = scanned
    REPORTS.mkdir(parents=True, exist_ok=True)
    report = REPORTS / f"testssl-{profile}.json"
    report.unlink(missing_ok=True)
    options = ["--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", "--ip", "127.0.0.1"]
    files = ["--add-ca", str(gateway.directory / "ca.pem"), "--jsonfile", str(report)]
    done = subprocess.run(
        [testssl, *options, *ONLY[profile], *files, f"https://localhost:{gateway.address[1]}"],
        capture_output=True,
        text=True,
        timeout=380,
        check=False,
    )
    findings = {each["id"]: (each["severity"], each["finding"]) for each in json.loads(report.read_text())}
    assert "scanProblem" not in findings, done.stdout
    assert findings["TLS1_3"][1].startswith("offered")
    assert findings["TLS1_2"][1].startswith("not offered" if profile == "modern" else "offered")
    assert profile == "modern" or findings["heartbleed"][0] == "OK"
    assert "HSTS_time" in findings  # so it has looked at answers, too
    serious = {
        name: found
        for name, found in findings.items()
        if found[0] not in ("OK", "INFO", "LOW", "DEBUG") and name not in ("engine_problem", "scanTime")
    }
    assert serious == {}


def test_sslscan_finds_what_the_profile_says_and_nothing_weak(scanned: tuple[Gateway, str]) -> None:
    sslscan = debian_program("sslscan", "sslscan")
    gateway, profile = scanned
    REPORTS.mkdir(parents=True, exist_ok=True)
    report = REPORTS / f"sslscan-{profile}.xml"
    subprocess.run(
        [sslscan, f"--xml={report}", f"localhost:{gateway.address[1]}"], capture_output=True, timeout=110, check=True
    )
    found = ElementTree.parse(report).getroot().find("ssltest")
    assert found is not None
    versions = {
        f"{each.get('type')} {each.get('version')}" for each in found.iter("protocol") if each.get("enabled") == "1"
    }
    assert versions == ({"tls 1.3"} if profile == "modern" else {"tls 1.2", "tls 1.3"})
    ciphers = {str(each.get("cipher")) for each in found.iter("cipher")}
    assert {"TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"} <= ciphers
    older = {each for each in ciphers if not each.startswith("TLS_")}
    assert all(each.startswith("ECDHE-") and ("GCM" in each or "CHACHA20" in each) for each in older)
    assert bool(older) == (profile == "intermediate")
    assert all(int(str(each.get("bits"))) >= GROUPS_OF_FULL_STRENGTH for each in found.iter("group"))
    assert all(each.get("vulnerable") == "0" for each in found.iter("heartbleed"))
    assert all(each.get("supported") == "0" for each in found.iter("renegotiation"))
    assert all(each.get("supported") == "0" for each in found.iter("compression"))
