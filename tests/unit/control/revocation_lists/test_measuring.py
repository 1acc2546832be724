from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest

from portcullis.control.revocation_lists.measuring import RevocationListCollector
from portcullis.testing.certificates import pem_of


async def test_how_long_lists_hold_and_how_often_they_could_not_be_used(world: Any) -> None:
    (world.folder / "mesh.crl").write_bytes(pem_of(world.mesh.revoked()))
    fine, missing = world.keeper("mesh.crl"), world.keeper("mesh.crl", "http://pki.example.com/a.crl")
    for keeper in (fine, missing):
        await keeper.refresh()
    asked: Any = SimpleNamespace(results={"good": 2, "failed": 1})
    registry = CollectorRegistry(auto_describe=False)
    registry.register(RevocationListCollector({"mesh": fine, "public": missing}, {"mesh": asked}, lambda: world.now))
    text = generate_latest(registry).decode()
    assert 'portcullis_revocation_lists_left_seconds{listener="mesh"} 3' in text  # some 3,600
    assert 'portcullis_revocation_lists_left_seconds{listener="public"} 0.0' in text
    assert 'portcullis_revocation_list_failures_total{listener="mesh"} 0.0' in text
    assert 'portcullis_revocation_list_failures_total{listener="public"} 1.0' in text
    assert 'portcullis_certificates_asked_about_total{listener="mesh",result="good"} 2.0' in text
    assert 'portcullis_certificates_asked_about_total{listener="mesh",result="failed"} 1.0' in text
