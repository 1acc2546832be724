"""Relations over sockets: kept from what was created, changed by commands, asked for by rules in every worker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from commands import portcullis
from gateway import Gateway, children, create_key, end, kill, start, wait_for
from shop import SPEC, Shop

CONFIGURATION = """\
listeners:
  public: {bind: "127.0.0.1:0"}
identities:
  partners: {api_key: {}}
relations:
  user: [partners]
  group: {member: [user, "group#member"]}
  order: {owner: [user], viewer: [user, owner, "group#member"]}
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["UPSTREAM"]}
    versions: {v1: {spec: shop.yaml}}
    authenticate: [partners]
    operations:
      "POST /orders":
        objects: {creates: {object: "order:{response.id}", relation: owner}}
      "GET /orders":
        objects: {owner: 'related("order", response.id, "viewer")'}
      "GET /orders/{order_id}":
        objects: {owner: 'related("order", request.path.order_id, "viewer")'}
      "DELETE /orders/{order_id}":
        objects: {owner: 'related("order", request.path.order_id, "owner")'}
observe: {access_log: {path: access.jsonl}}
process: {drain: 5s}
"""


@pytest.fixture
def shop() -> Iterator[Shop]:
    running = Shop()
    yield running
    running.stop()


@pytest.fixture
def directory(tmp_path: Path, shop: Shop) -> Path:
    (tmp_path / "shop.yaml").write_text(SPEC)
    (tmp_path / "portcullis.yaml").write_text(CONFIGURATION.replace("UPSTREAM", shop.url))
    return tmp_path


@pytest.fixture
def gateway(directory: Path) -> Iterator[Gateway]:
    running = start(directory, workers=2)
    yield running
    end(running)


@pytest.fixture
def keys(gateway: Gateway) -> dict[str, str]:
    made = {name: create_key(gateway.directory, name) for name in ("alice", "bob")}
    for key in made.values():
        wait_for(lambda key=key: call(gateway, key, "GET", "/orders").status_code == 200, "the key")
    return made


def call(gateway: Gateway, key: str, method: str, path: str, **options: Any) -> httpx.Response:
    """One call, on a connection of its own: any worker may get it."""
    return httpx.request(method, f"{gateway.url}/shop{path}", headers={"X-API-Key": key}, timeout=30, **options)


def create(gateway: Gateway, key: str) -> httpx.Response:
    return call(gateway, key, "POST", "/orders", json={"qty": 1})


def relations(directory: Path, *arguments: str, code: int = 0) -> str:
    done = portcullis(directory, "relations", *arguments, "-c", "portcullis.yaml")
    assert done.returncode == code, done.stderr
    return done.stdout or done.stderr


def control_of(gateway: Gateway) -> int:
    """The process id of the control process: the child of the gateway that has no children, and is no worker."""
    return next(child for child in children(gateway.process.pid) if not children(child))


def test_who_created_it_owns_it_in_every_worker_from_the_next_request_on(
    gateway: Gateway, keys: dict[str, str], shop: Shop
) -> None:
    made = create(gateway, keys["alice"])
    assert made.status_code == 201
    number = made.json()["id"]
    for _ in range(8):
        assert call(gateway, keys["alice"], "GET", f"/orders/{number}").json() == made.json()
        refused = call(gateway, keys["bob"], "GET", f"/orders/{number}")
        assert (refused.status_code, refused.json()["code"]) == (404, "objects.not_found")
    assert call(gateway, keys["alice"], "GET", "/orders").json() == [made.json()]
    assert call(gateway, keys["bob"], "GET", "/orders").json() == []
    before = len(shop.calls)
    assert call(gateway, keys["bob"], "DELETE", f"/orders/{number}").status_code == 404
    assert len(shop.calls) == before
    assert call(gateway, keys["alice"], "DELETE", f"/orders/{number}").status_code == 204
    assert relations(gateway.directory, "list") == f"order:{number}#owner@user:alice\n"


def test_of_many_who_create_at_once_each_finds_his_own_and_nobody_elses(
    gateway: Gateway, keys: dict[str, str], shop: Shop
) -> None:
    def work(name: str) -> list[int]:
        own = []
        for _ in range(15):
            number = create(gateway, keys[name]).json()["id"]
            assert call(gateway, keys[name], "GET", f"/orders/{number}").status_code == 200
            own.append(number)
        return own

    with ThreadPoolExecutor(8) as pool:
        whose = {name: pool.submit(work, name) for name in keys}
        more = [pool.submit(work, "alice") for _ in range(4)]
    own = {name: set(future.result()) for name, future in whose.items()}
    own["alice"] |= {number for future in more for number in future.result()}
    for name, key in keys.items():
        assert {order["id"] for order in call(gateway, key, "GET", "/orders").json()} == own[name]
    assert own["alice"] | own["bob"] == set(shop.orders)


def test_a_command_changes_what_the_next_request_finds(gateway: Gateway, keys: dict[str, str], shop: Shop) -> None:
    shop.add(7)
    directory = gateway.directory
    assert call(gateway, keys["bob"], "GET", "/orders/7").status_code == 404
    relations(directory, "add", "order:7#viewer@group:staff#member", "group:staff#member@user:bob")
    assert relations(directory, "check", "order:7#viewer@user:bob") == "yes\n"
    assert [call(gateway, keys["bob"], "GET", "/orders/7").status_code for _ in range(6)] == [200] * 6
    assert call(gateway, keys["bob"], "DELETE", "/orders/7").status_code == 404
    relations(directory, "remove", "group:staff#member@user:bob")
    assert relations(directory, "check", "order:7#viewer@user:bob", code=1) == "no\n"
    assert [call(gateway, keys["bob"], "GET", "/orders/7").status_code for _ in range(6)] == [404] * 6
    assert "order has no relation ownr" in relations(directory, "add", "order:7#ownr@user:bob", code=2)


def test_relations_outlive_a_restart_and_can_be_changed_while_nothing_runs(directory: Path, shop: Shop) -> None:
    shop.add(1, 2)
    relations(directory, "add", "order:1#owner@user:alice")
    gateway = start(directory)
    try:
        key = create_key(directory, "alice")
        wait_for(lambda: call(gateway, key, "GET", "/orders/1").status_code == 200, "the key")
        relations(directory, "add", "order:2#owner@user:alice")
    finally:
        end(gateway)
    exported = relations(directory, "export")
    assert exported.splitlines() == ["order:1#owner@user:alice", "order:2#owner@user:alice"]
    relations(directory, "remove", "order:1#owner@user:alice")
    gateway = start(directory)
    try:
        assert [call(gateway, key, "GET", f"/orders/{number}").status_code for number in (1, 2)] == [404, 200]
    finally:
        end(gateway)


def test_a_reload_brings_new_relations(gateway: Gateway, keys: dict[str, str], shop: Shop) -> None:
    shop.add(7)
    directory = gateway.directory
    text = (directory / "portcullis.yaml").read_text()
    text = text.replace("order: {owner: [user]", "order: {owner: [user], helper: [user]").replace(
        'request.path.order_id, "viewer")', 'request.path.order_id, "helper")'
    )
    relations(directory, "add", "order:7#helper@user:bob", code=2)
    (directory / "portcullis.yaml").write_text(text)
    gateway.reload()
    wait_for(lambda: _succeeds(directory, "add", "order:7#helper@user:bob"), "the reload")
    wait_for(lambda: call(gateway, keys["bob"], "GET", "/orders/7").status_code == 200, "the new workers")
    text = text.replace("helper: [user]", "helper: [usr]")
    (directory / "portcullis.yaml").write_text(text)
    gateway.reload()
    wait_for(lambda: "there is no type usr" in gateway.errors(), "the reload to be refused")
    assert call(gateway, keys["bob"], "GET", "/orders/7").status_code == 200


def _succeeds(directory: Path, *arguments: str) -> bool:
    return portcullis(directory, "relations", *arguments, "-c", "portcullis.yaml").returncode == 0


def test_while_nobody_keeps_relations_nothing_is_created_and_what_is_known_holds(
    gateway: Gateway, keys: dict[str, str], shop: Shop
) -> None:
    number = create(gateway, keys["alice"]).json()["id"]
    control = control_of(gateway)
    os.kill(control, signal.SIGSTOP)
    try:
        before = len(shop.orders)
        answer = create(gateway, keys["alice"])
        assert (answer.status_code, answer.json()["code"]) == (503, "objects.unavailable")
        assert len(shop.orders) == before
        assert call(gateway, keys["alice"], "GET", f"/orders/{number}").status_code == 200
        assert call(gateway, keys["bob"], "GET", f"/orders/{number}").status_code == 404
    finally:
        os.kill(control, signal.SIGCONT)
    wait_for(lambda: create(gateway, keys["alice"]).status_code == 201, "the control process", 20)


@pytest.mark.slow
def test_a_control_process_that_is_killed_in_an_import_leaves_the_old_state_or_the_new_one(
    gateway: Gateway, keys: dict[str, str], shop: Shop
) -> None:
    directory, count = gateway.directory, 150_000
    shop.add(1, 2)
    relations(directory, "add", "order:1#owner@user:alice")
    with (directory / "many.txt").open("w") as file:
        file.writelines(f"order:{number}#owner@user:bob\n" for number in range(2, count + 2))
    failed: list[str] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            mine = call(gateway, keys["alice"], "GET", "/orders/1").status_code
            his = call(gateway, keys["bob"], "GET", "/orders/2").status_code
            if (mine, his) not in ((200, 404), (404, 200), (200, 200), (404, 404)):
                failed.append(f"{mine} {his}")

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for pause in (0.7, 1.5, 2.5, 4.0):
            command = [sys.executable, "-m", "portcullis", "relations", "import", "--replace", "many.txt"]
            importing = subprocess.Popen(command, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(pause)
            kill(control_of(gateway))
            importing.wait(timeout=120)
            wait_for(lambda: _succeeds(directory, "check", "order:1#owner@user:zoe") or True, "the command", 60)
            listed = json.loads(wait_for(lambda: _listed(directory), "the control process", 60))
            old = "order:1#owner@user:alice" in listed["tuples"]
            assert listed["more"] is not old
            assert not (directory / ".portcullis/relations.db.import").exists() or importing.returncode != 0
        text = relations(directory, "import", "--replace", "many.txt")
        assert text.startswith(f"{count} given: ")
        assert call(gateway, keys["bob"], "GET", "/orders/2").status_code == 200
        assert call(gateway, keys["alice"], "GET", "/orders/1").status_code == 404
    finally:
        stop.set()
        asking.join()
    assert failed == []


def _listed(directory: Path) -> str:
    done = portcullis(directory, "relations", "list", "--limit", "2", "--format", "json")
    return done.stdout if done.returncode == 0 else ""


def test_what_is_asked_is_in_the_record_and_never_told(gateway: Gateway, keys: dict[str, str], shop: Shop) -> None:
    shop.add(7)
    refused = call(gateway, keys["bob"], "GET", "/orders/7")
    assert refused.json().keys() == {"type", "title", "status", "code", "request_id"}
    verdict = gateway.record_of(refused.json()["request_id"])["verdicts"][-1]
    assert (verdict["policy"], verdict["code"]) == ("objects.owner", "objects.not_owner")
    assert verdict["finding"]["allowed"] == 'related("order", request.path.order_id, "viewer")'
    assert verdict["finding"]["found"] == "request.path.order_id is 7"
