"""Processes that die, reloads under load, and stops: nothing is lost that need not be, and nothing is left behind."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from gateway import Gateway, alive, children, client_of, create_key, kill, wait_for
from upstream import Exchange, Upstream, hang


@contextmanager
def load(gateway: Gateway, clients: int = 4) -> Iterator[Counter[object]]:
    """Clients that call without pause on kept connections; counts of what they got."""
    results: Counter[object] = Counter()
    stop = threading.Event()

    def call() -> None:
        with client_of(gateway) as client:
            while not stop.is_set():
                try:
                    results[client.get("/shop/open/load").status_code] += 1
                except httpx.HTTPError as error:
                    results[repr(error)] += 1

    threads = [threading.Thread(target=call) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield results
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def descendants(pid: int) -> list[int]:
    return [each for child in children(pid) for each in (child, *descendants(child))]


def everything_ends(processes: list[int]) -> None:
    wait_for(lambda: not any(alive(process) for process in processes), "all processes to end", 15)


def test_reloads_under_load_fail_no_call(start_gateway, upstream: Upstream) -> None:
    gateway = start_gateway(workers=2)
    with load(gateway) as results:
        for number in range(1, 4):
            gateway.reload()
            wait_for(lambda n=number: gateway.errors().count("reloaded: generation") >= n, "the reload")
            time.sleep(0.3)
    assert set(results) == {200}, results
    assert results[200] > 200


def test_a_reload_takes_effect_as_a_whole(start_gateway, upstream: Upstream) -> None:
    gateway = start_gateway()
    config = gateway.directory / "portcullis.yaml"
    with client_of(gateway) as client:
        assert client.get("/shop/items").status_code == 401
        config.write_text(
            config.read_text().replace(
                "    operations:\n", '    operations:\n      "GET /items": {public: true, limit: {plan: gold}}\n'
            )
        )
        gateway.reload()
        wait_for(lambda: client.get("/shop/items").status_code == 200, "the reload")


def test_a_reload_of_a_broken_file_changes_nothing_and_says_why(start_gateway, upstream: Upstream) -> None:
    gateway = start_gateway()
    (gateway.directory / "portcullis.yaml").write_text("listeners: {public: {bnid: 127.0.0.1:0}}\n")
    gateway.reload()
    wait_for(lambda: "stays in force" in gateway.errors(), "the error")
    assert "portcullis.yaml:1:" in gateway.errors()
    assert "bind" in gateway.errors()
    with client_of(gateway) as client:
        assert client.get("/shop/open/x").status_code == 200


def test_a_reload_with_a_broken_document_changes_nothing(start_gateway, upstream: Upstream) -> None:
    gateway = start_gateway()
    (gateway.directory / "shop.yaml").write_text("openapi: 3.1.0\npaths: 7\n")
    gateway.reload()
    wait_for(lambda: "stays in force" in gateway.errors(), "the error")
    with client_of(gateway) as client:
        assert client.get("/shop/open/x").status_code == 200


def test_a_killed_worker_is_replaced_and_the_other_goes_on(start_gateway, upstream: Upstream) -> None:
    gateway = start_gateway(workers=2)
    before = gateway.workers()
    assert len(before) == 2
    with load(gateway) as results:
        for worker in before:
            kill(worker)
            wait_for(lambda w=worker: len(gateway.workers()) == 2 and w not in gateway.workers(), "a new worker")
            time.sleep(0.3)
    failed = sum(count for result, count in results.items() if result != 200)
    assert failed <= 8, results  # at most the calls that were in the killed workers' hands
    assert results[200] > 100
    assert gateway.errors().count("killed by SIGKILL") == 2


def test_a_killed_control_process_is_replaced_and_no_call_notices(start_gateway, upstream: Upstream) -> None:
    gateway = start_gateway()
    workers = gateway.workers()
    [control] = [child for child in children(gateway.process.pid) if not children(child)]
    with load(gateway, clients=2) as results:
        kill(control)
        wait_for(lambda: "control process ended" in gateway.errors(), "the note")
        key = wait_for(lambda: _try_create(gateway), "keys to work again")
        time.sleep(0.5)
    assert set(results) == {200}
    assert gateway.workers() == workers
    with client_of(gateway, headers={"X-API-Key": key}) as client:
        wait_for(lambda: client.get("/shop/items").status_code == 200, "the key at the workers", 2)
    assert len(gateway.records(results[200])) >= results[200]


def _try_create(gateway: Gateway) -> str | None:
    try:
        return create_key(gateway.directory, "late", "--plan", "gold")
    except AssertionError:
        return None


def test_a_killed_template_is_replaced_with_its_workers(start_gateway, upstream: Upstream) -> None:
    gateway = start_gateway()
    [template] = [child for child in children(gateway.process.pid) if children(child)]
    old = gateway.workers()
    kill(template)
    wait_for(lambda: gateway.workers() and gateway.workers() != old, "new workers")
    everything_ends(old)
    with client_of(gateway) as client:
        assert client.get("/shop/open/x").status_code == 200


def test_when_the_supervisor_is_killed_nothing_is_left(start_gateway, upstream: Upstream) -> None:
    gateway = start_gateway(workers=2)
    processes = descendants(gateway.process.pid)
    assert len(processes) == 4
    kill(gateway.process.pid)
    gateway.process.wait()
    everything_ends(processes)


def test_sigterm_lets_an_open_exchange_finish_and_refuses_new_connections(start_gateway, upstream: Upstream) -> None:
    gateway = start_gateway()
    go_on = threading.Event()

    def later(exchange: Exchange) -> None:
        go_on.wait(10)
        exchange.answer()

    upstream.behaviours["/shop/open/later"] = later
    answers = []
    with client_of(gateway) as client:
        thread = threading.Thread(target=lambda: answers.append(client.get("/shop/open/later")))
        thread.start()
        wait_for(lambda: upstream.seen, "the call at the service")
        gateway.process.send_signal(signal.SIGTERM)
        wait_for(lambda: _refuses(gateway), "new connections to be refused")
        go_on.set()
        thread.join()
    assert answers[0].status_code == 200
    assert answers[0].headers["connection"] == "close"
    assert gateway.process.wait(10) == 0


def _refuses(gateway: Gateway) -> bool:
    try:
        gateway.connect().close()
    except ConnectionRefusedError:
        return True
    return False


def test_sigterm_ends_within_the_drain_however_long_an_exchange_takes(start_gateway, upstream: Upstream) -> None:
    gateway = start_gateway(
        lambda text: text.replace("first_byte: 1s", "first_byte: 15s").replace("drain: 5s", "drain: 1s")
    )
    upstream.behaviours["/shop/open/hang"] = hang
    processes = descendants(gateway.process.pid)
    with gateway.connect() as client:
        client.sendall(b"GET /shop/open/hang HTTP/1.1\r\nHost: shop\r\n\r\n")
        wait_for(lambda: upstream.seen, "the call at the service")
        begun = time.monotonic()
        assert gateway.stop() == 0
    assert time.monotonic() - begun < 4
    everything_ends(processes)


def test_a_second_gateway_on_the_same_state_is_refused(start_gateway, upstream: Upstream) -> None:
    gateway = start_gateway()
    import subprocess
    import sys

    second = subprocess.run(
        [sys.executable, "-m", "portcullis", "serve", "-c", "portcullis.yaml"],
        cwd=gateway.directory,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert second.returncode == 2
    assert "another gateway uses" in second.stderr
    assert "Traceback" not in second.stderr
