"""Keys and limits as every worker sees them: a change is live within a second, a limit exact over all of them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from collections import Counter

from gateway import Gateway, client_of, create_key, kill, wait_for
from upstream import Upstream


def keys(gateway: Gateway, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "portcullis", "keys", *arguments, "-c", "portcullis.yaml"],
        cwd=gateway.directory,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def statuses(gateway: Gateway, key: str, count: int) -> set[int]:
    """What ``count`` calls on connections of their own get: they reach all workers."""
    found = set()
    for _ in range(count):
        with client_of(gateway, headers={"X-API-Key": key}) as client:
            found.add(client.get("/shop/items").status_code)
    return found


def test_a_new_key_works_and_a_revoked_one_is_refused_in_every_worker_within_a_second(start_gateway) -> None:
    gateway = start_gateway(workers=2)
    key = create_key(gateway.directory, "alice", "--plan", "gold")
    time.sleep(1)
    assert statuses(gateway, key, 12) == {200}
    done = keys(gateway, "revoke", re.sub(r"pcl_(.{8})_.*", r"\1", key))
    assert done.returncode == 0, done.stderr
    time.sleep(1)
    assert statuses(gateway, key, 12) == {401}


def test_during_a_rotation_both_keys_work(start_gateway) -> None:
    gateway = start_gateway()
    old = create_key(gateway.directory, "alice", "--plan", "gold")
    done = keys(gateway, "rotate", re.sub(r"pcl_(.{8})_.*", r"\1", old), "--overlap", "3s", "--format", "json")
    new = json.loads(done.stdout)["key"]
    wait_for(lambda: statuses(gateway, new, 1) == {200}, "the new key", 2)
    assert statuses(gateway, old, 1) == {200}
    wait_for(lambda: statuses(gateway, old, 1) == {401}, "the end of the overlap", 6)
    assert statuses(gateway, new, 1) == {200}


def test_an_expired_key_is_refused_without_anyone_doing_anything(start_gateway) -> None:
    gateway = start_gateway()
    key = create_key(gateway.directory, "alice", "--plan", "gold", "--expires", "3s")
    assert statuses(gateway, key, 1) == {200}
    wait_for(lambda: statuses(gateway, key, 1) == {401}, "the expiry", 6)


def test_keys_live_on_over_a_restart(start_gateway) -> None:
    gateway = start_gateway()
    key = create_key(gateway.directory, "alice", "--plan", "gold")
    assert gateway.stop() == 0
    again = start_gateway()
    assert statuses(again, key, 1) == {200}


def test_the_key_itself_is_nowhere_on_the_disk(start_gateway) -> None:
    gateway = start_gateway()
    key = create_key(gateway.directory, "alice", "--plan", "gold")
    assert statuses(gateway, key, 1) == {200}
    gateway.stop()
    secret = key.rpartition("_")[2].encode()
    for path in gateway.directory.rglob("*"):
        if path.is_file():
            assert secret not in path.read_bytes(), path


def test_a_limit_is_exact_over_all_workers_and_tells_when_to_come_back(start_gateway, upstream: Upstream) -> None:
    gateway = start_gateway(workers=2)
    key = create_key(gateway.directory, "bob", "--plan", "free")
    results: Counter[int] = Counter()

    def call() -> None:
        for _ in range(10):
            with client_of(gateway, headers={"X-API-Key": key}) as client:
                results[client.get("/shop/items").status_code] += 1

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {200: 10, 429: 70}
    assert len(upstream.seen) == 10
    with client_of(gateway, headers={"X-API-Key": key}) as client:
        answer = client.get("/shop/items")
    assert answer.json()["code"] == "limit.exceeded"
    assert 0 < int(answer.headers["retry-after"]) <= 360
    assert answer.headers["ratelimit-policy"] == '"free";q=10;w=3600'
    assert answer.headers["ratelimit"].startswith('"free";r=0;t=')


def test_a_limit_survives_a_killed_worker_a_reload_and_a_restart(start_gateway) -> None:
    gateway = start_gateway()
    key = create_key(gateway.directory, "bob", "--plan", "free")
    results = [_status(gateway, key) for _ in range(4)]
    [worker] = gateway.workers()
    kill(worker)
    wait_for(lambda: gateway.workers() not in ([], [worker]), "a new worker")
    results += [_status(gateway, key) for _ in range(3)]
    gateway.reload()
    wait_for(lambda: "reloaded: generation" in gateway.errors(), "the reload")
    results += [_status(gateway, key) for _ in range(2)]
    gateway.stop()
    again = start_gateway()
    results += [_status(again, key) for _ in range(3)]
    assert results == [200] * 10 + [429] * 2


def _status(gateway: Gateway, key: str) -> int:
    with client_of(gateway, headers={"X-API-Key": key}) as client:
        return client.get("/shop/items").status_code
