"""Hours in minutes: mixed traffic, reloads, faults; nothing may grow, leak, or fail that should pass.

``make e2e NAME=soak`` runs ten minutes, with ``SECONDS=60`` one; among all other tests it runs twenty seconds. A fifth
of the time is for warming up (with two reloads), the last tenth for one reload after another; in between, the memory
of each worker is watched.

The bounds: from the first to the last quarter of that time the private memory of a worker grows by no more than 4 MiB
(the median of each, since bodies under way come and go), and the resident memory of the supervisor and the control
process by no more than 4 MiB over the whole run (what of it is private depends on who else has it just then). The
lasting processes, and workers without clients, have as many descriptors as when they began; those of the database are
bounded by its pool, which opens connections as threads ask for them. A run of less than five minutes is all warming up,
as far as memory goes: then the bound is 16 MiB.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest
from gateway import Gateway, alive, children, create_key, private_bytes, serving, wait_for
from service import Service
from traffic import Traffic

SECONDS = float(os.environ.get("PORTCULLIS_SOAK_SECONDS", "20"))
MIB = 1024 * 1024
DATABASE_DESCRIPTORS = 2 * 15 + 1
"""File and write-ahead log for each of as many connections as the pool may open, and the index that they share."""
GROWTH = (4 if SECONDS >= 300 else 16) * MIB

SPEC = """\
openapi: 3.1.0
info: {title: Shop, version: "1"}
paths:
  /items:
    get:
      parameters:
        - {name: limit, in: query, schema: {type: integer, minimum: 1, maximum: 100}}
      responses: {"200": {description: ok}}
    post:
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              required: [name, qty]
              properties:
                name: {type: string, minLength: 1, maxLength: 200}
                qty: {type: integer, minimum: 1}
                tags: {type: array, items: {type: string}}
      responses: {"200": {description: ok}}
  /items/{item_id}:
    parameters: [{name: item_id, in: path, required: true, schema: {type: integer}}]
    get: {responses: {"200": {description: ok}}}
  /open/{name}:
    parameters: [{name: name, in: path, required: true, schema: {type: string}}]
    get: {responses: {"200": {description: ok}}}
  /upload:
    post:
      requestBody: {content: {"*/*": {}}}
      responses: {"200": {description: ok}}
"""
CONFIGURATION = """\
listeners:
  public:
    bind: 127.0.0.1:0
    timeouts: {header: 1s, body: 2s, idle: 30s}
    max_connections_per_address: 2000
identities: {partners: {api_key: {}}}
plans: {gold: {rate: {requests: 1000000, per: second}}}
apis:
  shop: &shop
    hosts: [shop]
    base_path: /shop
    upstream: {targets: ["UPSTREAM"], timeouts: {connect: 2s, first_byte: 10s, idle: 10s, whole: 30s, keep: 3s}}
    versions: {v1: {spec: shop.yaml}}
    authenticate: [partners]
    limit: {plan: gold}
    operations:
      "GET /open/{name}": {public: true}
      "POST /upload": {public: true, max_body: 200MiB, validate: {request: {mode: "off"}}}
  faulty:
    <<: *shop
    base_path: /faulty
    upstream:
      targets: ["UPSTREAM"]
      timeouts: {connect: 1s, first_byte: 1s, idle: 1s, whole: 3s, keep: 1s}
observe: {access_log: {path: access.jsonl, rotate_at: 20MiB, keep: 1}}
process: {drain: 10s}
"""


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    service = Service()
    try:
        with serving(tmp_path, SPEC, CONFIGURATION, service.url, workers=2) as running:
            yield running
    finally:
        service.stop()


def resident_bytes(pid: int) -> int:
    """Memory of a process, whoever shares it."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


def descriptors(pid: int) -> int:
    """Open descriptors of a process, but for those of the database."""
    return sum(not is_database(each) for each in Path(f"/proc/{pid}/fd").iterdir())


def is_database(descriptor: Path) -> bool:
    try:
        return "portcullis.db" in str(descriptor.readlink())
    except FileNotFoundError:  # closed since it was listed
        return True


def lasting(gateway: Gateway) -> dict[str, int]:
    """The processes that a reload does not replace."""
    (control,) = [pid for pid in children(gateway.process.pid) if not children(pid)]
    return {"supervisor": gateway.process.pid, "control": control}


def reload(gateway: Gateway) -> None:
    """Reload, and wait until only the new workers are left."""
    before = gateway.workers()
    gateway.reload()
    wait_for(lambda: not any(map(alive, before)) and len(gateway.workers()) == 2, "new workers", 40)


@pytest.mark.slow
@pytest.mark.timeout(SECONDS * 2 + 120)
def test_nothing_grows_leaks_or_fails_that_should_pass(gateway: Gateway) -> None:
    processes = lasting(gateway)
    idle = {name: descriptors(pid) for name, pid in processes.items()}
    idle_worker = max(descriptors(pid) for pid in gateway.workers())
    traffic = Traffic(gateway.address, create_key(gateway.directory, "alice", "--plan", "gold"))
    begun = time.monotonic()
    traffic.start()
    for _ in range(2):
        time.sleep(SECONDS * 0.05)
        reload(gateway)
    while time.monotonic() < begun + SECONDS * 0.2:
        time.sleep(0.1)
    before = {name: resident_bytes(pid) for name, pid in processes.items()}
    workers = watch(gateway, begun + SECONDS * 0.9)
    while time.monotonic() < begun + SECONDS:
        reload(gateway)
    traffic.stop()
    print(f"\n{traffic.summary()}")

    assert traffic.wrong == []
    assert all(client.counts for client in traffic.clients)
    for pid, samples in workers.items():
        quarter = len(samples) // 4
        first, last = median(samples[:quarter]), median(samples[-quarter:])
        print(f"worker {pid}: {first / MIB:.1f} MiB, at the end {last / MIB:.1f} MiB")
        assert last - first <= GROWTH, f"worker {pid} grew from {first / MIB:.1f} to {last / MIB:.1f} MiB"
    for name, pid in processes.items():
        print(f"{name}: {before[name] / MIB:.1f} MiB, at the end {resident_bytes(pid) / MIB:.1f} MiB")
        assert resident_bytes(pid) - before[name] <= GROWTH, name
        wait_for(lambda pid=pid, name=name: descriptors(pid) <= idle[name] + 2, f"{name} to close descriptors", 10)
        assert sum(map(is_database, Path(f"/proc/{pid}/fd").iterdir())) <= DATABASE_DESCRIPTORS, name
    wait_for(lambda: max(map(descriptors, gateway.workers())) <= idle_worker + 2, "connections to be closed", 40)
    assert "Traceback" not in gateway.errors()


def watch(gateway: Gateway, until: float) -> dict[int, list[int]]:
    """The private memory of each worker, often; the workers must stay the same."""
    pids = gateway.workers()
    samples: dict[int, list[int]] = {pid: [] for pid in pids}
    while time.monotonic() < until:
        for pid in pids:
            samples[pid].append(private_bytes(pid))
        time.sleep(0.2)
    assert gateway.workers() == pids, "a worker died"
    return samples
