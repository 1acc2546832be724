"""API keys that are good for some things only, over sockets; and what their owner is told of them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from commands import portcullis
from gateway import Gateway, end, start, wait_for
from upstream import Upstream

SPEC = """\
openapi: 3.1.0
info: {title: Shop, version: "1"}
servers: [{url: /v1}]
paths:
  /orders:
    get: {responses: {default: {description: Whatever the service says.}}}
    post: {responses: {default: {description: Whatever the service says.}}}
  /orders/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
    get: {responses: {default: {description: Whatever the service says.}}}
"""
CONFIGURATION = """\
listeners:
  public: {bind: "127.0.0.1:0", trusted_proxies: [127.0.0.1]}
  admin: {bind: "127.0.0.1:0"}
identities:
  partners: {api_key: {}}
  live: {api_key: {environment: live}}
  noisy: {api_key: {lockout: {per_address: {failures: 5, within: 15m, for: 1h, up_to: 1h}}}}
apis:
  shop: &api
    hosts: ["*"]
    base_path: /shop
    upstream: {targets: ["UPSTREAM"]}
    versions: {v1: {spec: shop.yaml}}
    authenticate: [partners]
    validate: {response: {mode: "off"}}
  mail: {<<: *api, base_path: /mail}
  bank: {<<: *api, base_path: /bank, authenticate: [live]}
  club: {<<: *api, base_path: /club, authenticate: [noisy]}
observe: {access_log: {path: access.jsonl}}
process: {drain: 5s}
"""
HOME, AWAY = "10.1.2.3", "203.0.113.9"


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    service = Upstream()
    (tmp_path / "shop.yaml").write_text(SPEC)
    (tmp_path / "portcullis.yaml").write_text(_merged(CONFIGURATION).replace("UPSTREAM", service.url))
    running = start(tmp_path, workers=2)
    yield running
    end(running)
    service.stop()


def _merged(text: str) -> str:
    """The file with its anchors written out: it has none of its own."""
    import yaml

    return yaml.safe_dump(yaml.safe_load(text), sort_keys=False)


def keys(gateway: Gateway, *arguments: str) -> Any:
    done = portcullis(gateway.directory, "keys", *arguments, "-c", "portcullis.yaml", "--format", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def create(gateway: Gateway, *options: str) -> str:
    """A key that is known to every worker."""
    made: str = keys(gateway, "create", "acme", *options)["key"]
    time.sleep(1)
    return made


def call(gateway: Gateway, key: str, what: str = "GET /shop/orders", client: str = HOME) -> httpx.Response:
    method, path = what.split(" ")
    return httpx.request(method, f"{gateway.url}{path}", headers={"x-api-key": key, "x-forwarded-for": client})


def refused(gateway: Gateway, answer: httpx.Response) -> str:
    """The code in the record of a refusal, whose answer is the one that everybody gets."""
    assert (answer.status_code, answer.json()["code"]) == (401, "authenticate.failed")
    code: str = gateway.record_of(answer.headers["x-request-id"])["code"]
    return code.partition(".")[2]


def test_a_key_works_at_its_apis_and_operations_only(gateway: Gateway) -> None:
    key = create(gateway, "--api", "shop", "--operation", "GET /orders", "--operation", "GET /orders/{id}")
    assert call(gateway, key).status_code == 200
    assert call(gateway, key, "GET /shop/orders/7").status_code == 200
    assert refused(gateway, call(gateway, key, "POST /shop/orders")) == "key_not_for_operation"
    assert refused(gateway, call(gateway, key, "GET /mail/orders")) == "key_not_for_operation"


def test_a_key_works_for_callers_from_its_networks_only(gateway: Gateway) -> None:
    key = create(gateway, "--from", "10.0.0.0/8", "--from", "2001:db8::/32")
    assert call(gateway, key).status_code == 200
    assert call(gateway, key, client="2001:db8::1").status_code == 200
    answer = call(gateway, key, client=AWAY)
    assert refused(gateway, answer) == "key_from_elsewhere"
    [verdict] = gateway.record_of(answer.headers["x-request-id"])["verdicts"]
    assert verdict["finding"]["found"].endswith(f"of acme, from {AWAY}")


def test_where_live_keys_are_wanted_others_open_nothing(gateway: Gateway) -> None:
    live, test, plain = (create(gateway, *each) for each in (["--environment", "live"], ["--environment", "test"], []))
    assert call(gateway, live, "GET /bank/orders").status_code == 200
    for key in (test, plain):
        assert refused(gateway, call(gateway, key, "GET /bank/orders")) == "key_wrong_environment"
        assert call(gateway, key).status_code == 200


def test_all_refusals_of_a_key_look_alike(gateway: Gateway) -> None:
    elsewhere = create(gateway, "--api", "mail")
    home = create(gateway, "--from", "10.0.0.0/8")
    shapes = set()
    for answer in (call(gateway, elsewhere), call(gateway, home, client=AWAY), call(gateway, "nonsense")):
        body = {name: value for name, value in answer.json().items() if name != "request_id"}
        shapes.add((answer.status_code, json.dumps(body), answer.headers["www-authenticate"], len(answer.headers)))
    assert len(shapes) == 1


def test_a_successor_works_where_the_first_one_did_and_both_do_for_a_while(gateway: Gateway) -> None:
    first = create(gateway, "--api", "shop", "--from", "10.0.0.0/8", "--environment", "live")
    second = keys(gateway, "rotate", first[4:12], "--overlap", "3s")
    assert (second["record"]["apis"], second["record"]["networks"]) == (["shop"], ["10.0.0.0/8"])
    assert second["record"]["environment"] == "live"
    wait_for(lambda: call(gateway, second["key"]).status_code == 200, "the new key", 2)
    assert call(gateway, first).status_code == 200
    assert refused(gateway, call(gateway, second["key"], "GET /mail/orders")) == "key_not_for_operation"
    wait_for(lambda: call(gateway, first).status_code == 401, "the end of the overlap", 6)


def test_where_keys_work_is_kept_in_files_and_changed_by_them(gateway: Gateway) -> None:
    key = create(gateway, "--from", "10.0.0.0/8")
    [record] = keys(gateway, "list")
    record["networks"] = ["203.0.113.0/24"]
    (gateway.directory / "keys.json").write_text(json.dumps([record]))
    assert keys(gateway, "import", "keys.json")["changed"] == 1
    time.sleep(1)
    assert {call(gateway, key, client=AWAY).status_code for _ in range(6)} == {200}
    assert {call(gateway, key).status_code for _ in range(6)} == {401}
    assert keys(gateway, "import", "keys.json")["unchanged"] == 1


def test_when_a_key_was_last_used_is_known_to_the_minute(gateway: Gateway) -> None:
    used, unused = create(gateway), create(gateway)
    assert call(gateway, used).status_code == 200
    assert call(gateway, used, "GET /shop/orders?undeclared=1").status_code == 400

    def seen() -> dict[str, Any]:
        return {record["id"]: record.get("last_used") for record in keys(gateway, "list")}

    wait_for(lambda: seen()[used[4:12]] is not None, "the use to be noted", 15)
    assert seen()[unused[4:12]] is None


def test_keys_that_soon_expire_are_listed_counted_and_told_of(gateway: Gateway) -> None:
    soon = create(gateway, "--expires", "10d")
    create(gateway, "--expires", "90d")
    assert [record["id"] for record in keys(gateway, "list", "--expiring", "30d")] == [soon[4:12]]
    assert gateway.stop() == 0
    again = start(gateway.directory, workers=1)
    try:
        wait_for(lambda: "will expire within 30d" in again.errors(), "the reminder")
        assert f"1 API key will expire within 30d, the first is {soon[4:12]} of acme" in again.errors()
        shown = httpx.get(f"{again.urls['admin']}/metrics").text
        assert re.findall(r'portcullis_api_keys\{state="(\w+)"\} (\d)', shown) == [
            ("live", "2"),
            ("expiring", "1"),
            ("rotation_due", "0"),
        ]
    finally:
        end(again)


def test_an_address_that_presents_what_were_never_keys_is_locked_out_where_that_is_wanted(gateway: Gateway) -> None:
    key = create(gateway)
    assert call(gateway, key, "GET /club/orders").status_code == 200
    answers = [call(gateway, f"guess{number}", "GET /club/orders", AWAY).status_code for number in range(40)]
    assert answers[:5] == [401] * 5
    assert set(answers[5:]) == {429}
    locked = call(gateway, key, "GET /club/orders", AWAY)
    assert (locked.status_code, locked.json()["code"]) == (429, "authenticate.locked_out")
    assert int(locked.headers["retry-after"]) > 3000
    assert call(gateway, key, "GET /club/orders").status_code == 200
    assert call(gateway, key, client=AWAY).status_code == 200  # another identity has a count of its own
