"""Monitor, report, enforce: over sockets, and with the command as a user would call it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from gateway import Gateway, client_of, create_key, wait_for


def monitored(text: str) -> str:
    return text.replace(
        "    operations:\n",
        "    validate: {request: {mode: monitor}}\n    guard: {addresses: {deny: [192.0.2.0/24], mode: monitor}}\n"
        "    operations:\n",
    ).replace("    bind: 127.0.0.1:0\n", "    bind: 127.0.0.1:0\n    trusted_proxies: [127.0.0.1]\n", 1)


def report(gateway: Gateway, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "portcullis", "report", "monitor", "-c", "portcullis.yaml", *options]
    return subprocess.run(command, cwd=gateway.directory, capture_output=True, check=False, text=True)


def groups(gateway: Gateway) -> dict[tuple[str, str], dict[str, Any]]:
    done = report(gateway, "--format", "json")
    assert done.returncode in (0, 1), done.stderr
    return {(group["code"], group["operation"]): group for group in json.loads(done.stdout)["groups"]}


def test_what_monitor_would_have_refused_is_told_with_the_rule_to_change(start_gateway) -> None:
    gateway = start_gateway(monitored)
    key = create_key(gateway.directory, "acme")
    with client_of(gateway, headers={"x-api-key": key}) as client:
        assert client.get("/shop/items").status_code == 200
        assert client.get("/shop/items", params={"limit": "1000"}).status_code == 200
        assert client.get("/shop/items", params={"limit": "2000"}).status_code == 200
        assert client.post("/shop/items", json={"name": "x", "qty": 0}).status_code == 200
        assert client.get("/shop/open/x", headers={"x-forwarded-for": "192.0.2.7"}).status_code == 200
    gateway.records(5)
    found = groups(gateway)
    limit = found["validate.bad_parameter", "GET /items"]
    assert (limit["count"], limit["of_calls"], limit["consumers"], limit["pointer"]) == (2, 3, ["acme"], "/query/limit")
    assert limit["rule_at"].startswith("shop.yaml:")
    place = limit["mode_at"]
    assert limit["mode"] == "apis.shop.validate.request.mode"
    line = (gateway.directory / "portcullis.yaml").read_text().splitlines()[int(place.rpartition(":")[2]) - 1]
    assert line == "    validate: {request: {mode: monitor}}"
    assert gateway.record_of(limit["request_id"])["target"].endswith("limit=2000")
    assert "refused with 400 validate.bad_parameter at /query/limit" in limit["if_enforced"]
    guard = found["guard.address_denied", "GET /open/{name}"]
    assert (guard["found"], guard["consumers"]) == ("192.0.2.7", [])
    assert ("validate.schema", "POST /items") in found

    done = report(gateway)
    assert done.returncode == 1
    assert "calls   2 of 3, by acme" in done.stdout
    assert f"mode    apis.shop.validate.request.mode {place}" in done.stdout
    assert "4 calls would have been refused" in done.stdout


def test_what_would_be_refused_is_refused_once_enforced(start_gateway) -> None:
    gateway = start_gateway(monitored)
    key = create_key(gateway.directory, "acme")
    headers = {"x-api-key": key}
    with client_of(gateway, headers=headers) as client:
        assert client.get("/shop/items", params={"limit": "1000"}).status_code == 200
    gateway.records(1)
    assert report(gateway).returncode == 1
    config = gateway.directory / "portcullis.yaml"
    config.write_text(config.read_text().replace("{mode: monitor}", "{mode: enforce}"))
    gateway.reload()
    wait_for(lambda: "reloaded" in gateway.errors(), "the reload")
    with client_of(gateway, headers=headers) as client:
        refused = client.get("/shop/items", params={"limit": "1000"})
        assert (refused.status_code, refused.json()["code"]) == (400, "validate.bad_parameter")
    done = report(gateway)
    assert "nothing in the file monitors this any more" in done.stdout


def test_it_is_told_clearly_when_there_is_nothing_to_judge_by(start_gateway) -> None:
    gateway = start_gateway(monitored)
    nothing = report(gateway)
    assert nothing.returncode == 2
    assert "there is no access.jsonl yet" in nothing.stderr
    with client_of(gateway) as client:
        assert client.get("/shop/open/x").status_code == 200
    gateway.records(1)
    quiet = report(gateway)
    assert quiet.returncode == 0
    assert "apis.shop.validate.request.mode portcullis.yaml:" in quiet.stdout
    assert "had nothing against any of 1 call" in quiet.stdout
    assert "nothing would have been refused" in quiet.stdout
    none = report(gateway, "--since", "1ms")
    assert none.returncode == 2
    assert "nothing to report on" in none.stdout
    assert report(gateway, "--since", "yesterday").returncode == 2
