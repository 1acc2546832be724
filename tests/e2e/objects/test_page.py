"""The three attacks of the page on objects, by the very files that stand there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from gateway import Gateway, create_key, serving
from orders import Orders

PAGE = Path(__file__).resolve().parents[3] / "docs/objects.md"
FILE = re.compile(r'^```yaml title="([^"]+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)


@pytest.fixture
def service() -> Iterator[Orders]:
    orders = Orders()
    yield orders
    orders.stop()


@pytest.fixture
def gateway(tmp_path: Path, service: Orders) -> Iterator[Gateway]:
    files = dict(FILE.findall(PAGE.read_text(encoding="utf-8")))
    configuration = files["portcullis.yaml"].replace("127.0.0.1:8080", "127.0.0.1:0")
    configuration += "observe: {access_log: {path: access.jsonl}}\n"
    with serving(
        tmp_path, files["shop.yaml"], configuration.replace("http://127.0.0.1:9000", "UPSTREAM"), service.url
    ) as it:
        yield it


def test_the_attacks_of_the_page_succeed_without_the_gate_and_fail_through_it(
    gateway: Gateway, service: Orders
) -> None:
    with httpx.Client(base_url=service.url) as bare:
        assert bare.get("/orders/3").json()["customer_id"] == "bob"
        assert {order["customer_id"] for order in bare.get("/orders").json()["items"]} == {"alice", "bob"}
        assert bare.delete("/orders/3").status_code == 204
    assert service.changed == ["DELETE /orders/3"]
    key = create_key(gateway.directory, "alice")
    with httpx.Client(base_url=f"{gateway.url}/shop", headers={"X-API-Key": key}) as alice:
        theirs = alice.get("/orders/3")
        assert (theirs.status_code, theirs.json()["code"]) == (404, "objects.not_found")
        found = alice.get("/orders").json()
        assert {order["customer_id"] for order in found["items"]} == {"alice"}
        assert found["total"] == len(found["items"])
        assert alice.delete("/orders/3").status_code == 404
        assert service.changed == ["DELETE /orders/3"]
        assert alice.get("/orders/4").json()["customer_id"] == "alice"
        assert alice.delete("/orders/4").status_code == 204
    (verdict,) = [each for each in gateway.record_of(theirs.headers["x-request-id"])["verdicts"] if "code" in each]
    shown = PAGE.read_text(encoding="utf-8")
    for key_of_finding in ("found", "allowed"):
        assert verdict["finding"][key_of_finding].replace('"', r"\"") in shown
    assert verdict["finding"]["source"] == "#/apis/shop/operations/GET ~1orders~1{order_id}/objects/owner"
