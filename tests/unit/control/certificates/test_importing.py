from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest

from portcullis.control.certificates.importing import ImportRefused, import_certificate
from portcullis.engine.certificates.reading import CertificateFacts
from portcullis.engine.config.model import Configuration
from portcullis.stores.files import ConfigurationFiles
from portcullis.testing.certificates import Authority, Issued

PUBLIC = Authority("public")
SHOP = PUBLIC.issue("CN=shop", dns=["shop.example", "www.shop.example"])
CONFIGURATION = Configuration.model_validate(
    {
        "listeners": {"public": {"bind": "127.0.0.1:0"}},
        "certificate_authorities": {
            "mesh": {"private": {"certificate": "a.pem", "key": "a.key", "bundle": ["root.pem"]}},
        },
        "certificates": {
            "shop": {"names": ["shop.example"]},
            "own": {"names": ["a.internal"], "authorities": ["mesh"]},
        },
        "apis": {
            "shop": {"hosts": ["*"], "upstream": {"targets": ["http://127.0.0.1:1"]}, "versions": {"v1": {"spec": "s"}}}
        },
    }
)


def imported(folder: Path, issued: Issued = SHOP, name: str = "shop", key: Issued | None = None) -> CertificateFacts:
    (key or issued).write(folder / "x.pem", folder / "c.key")
    issued.write(folder / "c.pem", folder / "x.key")
    files = ConfigurationFiles(folder / "portcullis.yaml")
    return import_certificate(CONFIGURATION, files, name, folder / "c.pem", folder / "c.key", time.time())


def test_what_is_sound_is_taken(tmp_path: Path) -> None:
    assert imported(tmp_path).names == ["shop.example", "www.shop.example"]
    kept = tmp_path / ".portcullis" / "certificates" / "shop.pem"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert SHOP.pem in kept.read_bytes()
    assert b"PRIVATE KEY" in kept.read_bytes()


@pytest.mark.parametrize(
    ("issued", "name", "key", "told"),
    [
        (SHOP, "shop", PUBLIC.issue(), "is not its key"),
        (PUBLIC.issue(dns=["other.example"]), "shop", None, "it is not for shop.example"),
        (PUBLIC.issue(dns=["shop.example"], ends=timedelta(minutes=-1)), "shop", None, "expired"),
        (SHOP, "own", None, "it is got from mesh"),
        (SHOP, "nobody", None, "no such certificate; it has: shop, own"),
    ],
)
def test_what_is_not_is_refused(tmp_path: Path, issued: Issued, name: str, key: Issued | None, told: str) -> None:
    with pytest.raises(ImportRefused, match=told):
        imported(tmp_path, issued, name, key)
    assert not (tmp_path / ".portcullis").exists()
