from __future__ import annotations

import ssl
from pathlib import Path

from bench.certificates import make_certificate


def test_a_server_can_show_it(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    assert b"BEGIN CERTIFICATE" in certificate.read_bytes()
