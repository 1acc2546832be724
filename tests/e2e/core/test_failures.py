"""Starts that can't be, reloads that can't be, and processes that lack what they need: told clearly, and survived."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from gateway import Gateway, alive, children, client_of, create_key, end, kill, start, wait_for
from ports import free_port
from upstream import Upstream


def serve(directory: Path, **options: object) -> subprocess.CompletedProcess[str]:
    """Run a gateway that should end by itself."""
    return subprocess.run(
        [sys.executable, "-m", "portcullis", "serve", "-c", "portcullis.yaml", "--workers", "1"],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        **options,  # type: ignore[call-overload]
    )


def fails_to_start(directory: Path, status: int = 2, **options: object) -> str:
    """What it says on standard error; nothing may be left of it."""
    done = serve(directory, **options)
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    assert done.stderr.rstrip().endswith("nothing was started")
    return done.stderr


def change(directory: Path, edit: Callable[[str], str]) -> None:
    file = directory / "portcullis.yaml"
    file.write_text(edit(file.read_text()))


def serves(gateway: Gateway) -> bool:
    with client_of(gateway) as client:
        return client.get("/shop/open/x").status_code == 200


def slow_document(operations: int = 4000) -> str:
    """A document that takes seconds to compile."""
    paths = "".join(
        f"  /things/{number}:\n    get:\n      parameters:\n"
        f"        - {{name: limit, in: query, schema: {{type: integer, minimum: 1, maximum: {number + 1}}}}}\n"
        '      responses: {"200": {description: ok}}\n'
        for number in range(operations)
    )
    return f'openapi: 3.1.0\ninfo: {{title: Slow, version: "1"}}\nservers: [{{url: /shop}}]\npaths:\n{paths}'


# Starts.


def test_a_database_that_is_none_ends_the_start_and_is_told(directory: Path) -> None:
    (directory / ".portcullis").mkdir(mode=0o700)
    (directory / ".portcullis" / "portcullis.db").write_bytes(b"something else" * 1000)
    error = fails_to_start(directory)
    assert "portcullis.yaml: error: state.records: " in error
    assert "portcullis.db: file is not a database" in error


def test_a_document_that_can_not_be_compiled_ends_the_start_and_is_told(directory: Path) -> None:
    (directory / "shop.yaml").write_text("openapi: 3.1.0\npaths: 7\n")
    assert "shop.yaml:2:" in fails_to_start(directory)


def test_a_port_that_is_taken_ends_the_start_and_is_told(directory: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        change(directory, lambda text: text.replace("bind: 127.0.0.1:0", f"bind: 127.0.0.1:{port}"))
        error = fails_to_start(directory)
    assert f"portcullis.yaml:3:5: error: listeners.public.bind: can't listen on 127.0.0.1:{port}" in error


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ("shop.yaml/state", "can't be used: Not a directory"),
        ("/proc/portcullis", "can't be used: No such file or directory"),
        ("d" * 110, "the path of a socket in it would have"),
    ],
)
def test_a_state_directory_that_can_not_be_ends_the_start_and_is_told(
    directory: Path, state: str, message: str
) -> None:
    change(directory, lambda text: text + f"state: {{directory: {state}}}\n")
    error = fails_to_start(directory)
    assert "error: state.directory: " in error
    assert message in error


def test_a_full_disk_ends_the_start_and_is_told(directory: Path) -> None:
    def no_file_may_grow() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    error = fails_to_start(directory, preexec_fn=no_file_may_grow)
    assert "error: state.records: " in error


def test_a_stop_while_everything_is_being_compiled_takes_effect_at_once(directory: Path) -> None:
    (directory / "shop.yaml").write_text(slow_document())
    change(directory, lambda text: text[: text.index("    operations:")] + text[text.index("observe:") :])
    process = subprocess.Popen(
        [sys.executable, "-m", "portcullis", "serve", "-c", "portcullis.yaml", "--workers", "1"],
        cwd=directory,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for(lambda: len(children(process.pid)) == 2, "control and template")
        process.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        _, error = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert time.monotonic() - begun < 3
    assert error == ""


# Reloads.


def test_a_reload_of_a_file_that_was_deleted_changes_nothing(start_gateway) -> None:
    gateway = start_gateway()
    file = gateway.directory / "portcullis.yaml"
    text = file.read_text()
    file.unlink()
    gateway.reload()
    wait_for(lambda: "stays in force" in gateway.errors(), "the error")
    assert "portcullis.yaml: error: the file can't be read: No such file or directory" in gateway.errors()
    assert serves(gateway)
    file.write_text(text)
    gateway.reload()
    wait_for(lambda: "reloaded: generation" in gateway.errors(), "the reload")


def test_a_reload_can_not_move_the_state_away_from_under_the_workers(start_gateway) -> None:
    gateway = start_gateway()
    change(gateway.directory, lambda text: text + "state: {directory: elsewhere}\n")
    gateway.reload()
    wait_for(lambda: "stays in force" in gateway.errors(), "the error")
    assert "error: state: a reload can't change where the state is kept" in gateway.errors()
    assert create_key(gateway.directory, "alice", "--plan", "gold")
    assert serves(gateway)


def test_a_template_that_is_killed_while_it_compiles_changes_nothing(start_gateway) -> None:
    gateway = start_gateway()
    before = set(children(gateway.process.pid))
    make_slow(gateway)
    gateway.reload()
    [template] = wait_for(lambda: set(children(gateway.process.pid)) - before, "the new template")
    kill(template)
    wait_for(lambda: "nothing was changed: the template process ended (killed by SIGKILL)" in gateway.errors(), "it")
    assert serves(gateway)
    assert set(children(gateway.process.pid)) == before


def test_a_stop_during_a_reload_takes_effect_at_once(start_gateway) -> None:
    gateway = start_gateway()
    before = set(children(gateway.process.pid))
    make_slow(gateway)
    gateway.reload()
    wait_for(lambda: set(children(gateway.process.pid)) - before, "the new template")
    begun = time.monotonic()
    assert gateway.stop() == 0
    assert time.monotonic() - begun < 3


def make_slow(gateway: Gateway) -> None:
    """From now on a reload takes seconds to compile."""
    (gateway.directory / "slow.yaml").write_text(slow_document())

    def with_slow(text: str) -> str:
        slow = '  slow: {hosts: [slow], upstream: {targets: ["http://127.0.0.1:1"]}, public: true, '
        return text.replace("observe:", slow + "versions: {v1: {spec: slow.yaml}}}\nobserve:")

    change(gateway.directory, with_slow)


def test_a_storm_of_reloads_is_weathered(start_gateway) -> None:
    gateway = start_gateway()
    with client_of(gateway) as client:
        for _ in range(60):
            gateway.reload()
            assert client.get("/shop/open/x").status_code == 200
    wait_for(lambda: "reloaded: generation" in gateway.errors(), "the reload")
    wait_for(lambda: len(children(gateway.process.pid)) == 2, "earlier generations to end", 20)
    assert gateway.errors().count("reloaded") < 30
    assert serves(gateway)


def test_a_reload_moves_the_admin_listener(start_gateway) -> None:
    gateway = start_gateway()
    port = free_port()
    change(
        gateway.directory,
        lambda text: text.replace('admin: {bind: "127.0.0.1:0"}', f"admin: {{bind: '127.0.0.1:{port}'}}"),
    )
    gateway.reload()
    wait_for(lambda: _ready(f"http://127.0.0.1:{port}"), "the new admin listener")
    with pytest.raises(httpx.ConnectError):
        httpx.get(gateway.urls["admin"] + "/readyz")
    assert "control process ended" not in gateway.errors()


def _ready(url: str) -> bool:
    try:
        return httpx.get(url + "/readyz").status_code == 200
    except httpx.HTTPError:
        return False


# What they run on.


def test_a_worker_that_can_not_be_replaced_for_want_of_descriptors_is_replaced_later(start_gateway) -> None:
    gateway = start_gateway()
    [worker] = gateway.workers()
    [template] = [child for child in children(gateway.process.pid) if children(child)]
    soft, hard = resource.prlimit(template, resource.RLIMIT_NOFILE)
    resource.prlimit(template, resource.RLIMIT_NOFILE, (3, hard))
    kill(worker)
    wait_for(lambda: "it could not be started: Too many open files" in gateway.errors(), "the note")
    resource.prlimit(template, resource.RLIMIT_NOFILE, (soft, hard))
    wait_for(lambda: children(template) and _answers(gateway), "a new worker")


def _answers(gateway: Gateway) -> bool:
    try:
        return serves(gateway)
    except httpx.HTTPError:
        return False


def test_a_gateway_whose_supervisor_was_killed_can_be_started_again_at_once(start_gateway, upstream: Upstream) -> None:
    gateway = start_gateway()
    port = gateway.address[1]
    change(gateway.directory, lambda text: text.replace("    bind: 127.0.0.1:0", f"    bind: 127.0.0.1:{port}"))
    old = [gateway.process.pid, *children(gateway.process.pid), *gateway.workers()]
    with gateway.connect() as idle:  # which keeps the old worker for as long as it drains
        kill(gateway.process.pid)
        gateway.process.wait()
        again = wait_for(lambda: _started(gateway.directory), "a second start", 20)
        try:
            assert again.address[1] == port
            assert all(serves(again) for _ in range(20))
            idle.close()
            wait_for(lambda: not any(map(alive, old)), "the old processes to end", 15)
            key = create_key(again.directory, "alice", "--plan", "gold")
            with client_of(again, headers={"X-API-Key": key}) as client:
                wait_for(lambda: client.get("/shop/items").status_code == 200, "the key at the workers", 2)
        finally:
            end(again)


def _started(directory: Path) -> Gateway | None:
    try:
        return start(directory)
    except AssertionError:
        return None


def test_what_nobody_reads_does_not_end_the_gateway(directory: Path) -> None:
    read, write = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "portcullis", "serve", "-c", "portcullis.yaml", "--workers", "1"],
        cwd=directory,
        stdout=subprocess.PIPE,
        stderr=write,
    )
    os.close(write)
    os.close(read)
    try:
        assert process.stdout is not None
        ready = process.stdout.readline().decode()
        process.stdout.close()
        gateway = Gateway(directory, process, {"public": ready.split("public ")[1].split(",")[0]})
        change(directory, lambda text: text + "nonsense: true\n")
        gateway.reload()
        time.sleep(0.3)
        assert serves(gateway)
        assert gateway.stop() == 0
    finally:
        process.kill()
        process.wait()


def test_a_client_of_the_admin_listener_that_never_finishes_does_not_hold_up_the_stop(start_gateway) -> None:
    gateway = start_gateway()
    host, _, port = gateway.urls["admin"].rpartition("/")[2].rpartition(":")
    with socket.create_connection((host, int(port))) as client:
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ")
        time.sleep(0.2)
        begun = time.monotonic()
        assert gateway.stop() == 0
    assert time.monotonic() - begun < 6


def test_readiness_ends_with_the_stop_and_not_with_the_last_exchange(start_gateway, upstream: Upstream) -> None:
    gateway = start_gateway()
    admin = gateway.urls["admin"]
    assert _ready(admin)
    with gateway.connect() as client:
        client.sendall(b"GET /shop/open/hang HTTP/1.1\r\nHost: shop\r\n\r\n")
        upstream.behaviours["/shop/open/hang"] = lambda exchange: time.sleep(1)
        gateway.process.send_signal(signal.SIGTERM)
        wait_for(lambda: not _ready(admin), "it not to be ready any more", 1)


def test_errors_of_a_reload_are_told_even_where_there_are_very_many(start_gateway) -> None:
    gateway = start_gateway()
    bad = {"openapi": "3.1.0", "info": {"title": "x", "version": "1"}, "paths": {}}
    for number in range(150):
        fragment = "x" * 300  # which no request can have
        bad["paths"][f"/things/{number}#{fragment}"] = {"get": {"responses": {"204": {"description": "x"}}}}  # type: ignore[index]
    (gateway.directory / "shop.yaml").write_text(json.dumps(bad))
    gateway.reload()
    wait_for(lambda: "stays in force" in gateway.errors(), "the error")
    assert gateway.errors().count("shop.yaml:") >= 100
