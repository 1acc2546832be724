"""Users with passwords, over sockets: who comes through, who is locked out, and what it costs."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from commands import portcullis
from gateway import Gateway, children, end, kill, start, wait_for
from upstream import Upstream

SPEC = """\
openapi: 3.1.0
info: {title: Shop, version: "1"}
servers: [{url: /shop}]
paths:
  /orders:
    get: {responses: {default: {description: Whatever the service says.}}}
    delete: {responses: {default: {description: Whatever the service says.}}}
"""
# Callers say themselves from where they come: 127.0.0.1 is a trusted proxy.
CONFIGURATION = """\
listeners:
  public: {bind: "127.0.0.1:0", trusted_proxies: [127.0.0.1]}
  admin: {bind: "127.0.0.1:0"}
identities:
  staff:
    basic:
      lockout:
        per_user: {failures: 5, within: 15m, for: 3s, up_to: 1h}
        per_address: {failures: 10, within: 15m, for: 3s, up_to: 1h}
roles:
  clerk: ["orders:read"]
  manager: {permissions: ["orders:delete"], inherits: [clerk]}
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["UPSTREAM"]}
    versions: {v1: {spec: shop.yaml}}
    authenticate: [staff]
    validate: {response: {mode: "off"}}
    operations:
      "DELETE /orders": {authorize: {permissions: ["orders:delete"]}}
observe: {access_log: {path: access.jsonl}}
process: {drain: 5s}
"""
PASSWORD = "correct horse battery"
ALICE = ("alice", PASSWORD)

Start = Callable[..., Gateway]


@pytest.fixture
def service() -> Iterator[Upstream]:
    running = Upstream()
    yield running
    running.stop()


@pytest.fixture
def start_gateway(tmp_path: Path, service: Upstream) -> Iterator[Start]:
    running: list[Gateway] = []

    def begin(change: Callable[[str], str] = lambda text: text, workers: int = 2) -> Gateway:
        (tmp_path / "shop.yaml").write_text(SPEC)
        (tmp_path / "portcullis.yaml").write_text(change(CONFIGURATION).replace("UPSTREAM", service.url))
        running.append(start(tmp_path, workers))
        return running[-1]

    yield begin
    for gateway in running:
        end(gateway)


def users(directory: Path, *arguments: str, say: str = PASSWORD) -> str:
    """What ``portcullis users`` prints, with a password on standard input."""
    done = portcullis(directory, "users", *arguments, "-c", "portcullis.yaml", say=say)
    assert done.returncode == 0, done.stderr
    return done.stdout


def add(gateway: Gateway, name: str = "alice", *options: str) -> None:
    users(gateway.directory, "add", name, "--password-stdin", *options)


def call(
    gateway: Gateway, credential: tuple[str, str] = ALICE, client: str = "192.0.2.7", method: str = "GET"
) -> httpx.Response:
    """One call on a connection of its own, so that it may reach any worker."""
    fields = {"x-forwarded-for": client}
    return httpx.request(method, f"{gateway.url}/shop/orders", headers=fields, auth=credential, timeout=20)


def shape(answer: httpx.Response) -> tuple[Any, ...]:
    """What a caller sees of a refusal, but for what tells one exchange from another."""
    body = {key: value for key, value in answer.json().items() if key != "request_id"}
    fields = {name: value for name, value in answer.headers.items() if name not in ("x-request-id", "date")}
    return answer.status_code, body, fields


def code(gateway: Gateway, answer: httpx.Response) -> str:
    """Why it was refused, as the record has it."""
    found: str = gateway.record_of(answer.headers["x-request-id"])["code"]
    return found.partition(".")[2]


def metric(gateway: Gateway, name: str) -> float:
    shown = httpx.get(f"{gateway.urls['admin']}/metrics").text
    found = re.search(rf"^{re.escape(name)} (\S+)$", shown, re.MULTILINE)
    return float(found[1]) if found else 0.0


def hashes(gateway: Gateway) -> float:
    return metric(gateway, "portcullis_password_hashes_total")


def test_a_user_comes_through_every_worker_and_his_password_goes_no_further(
    start_gateway: Start, service: Upstream
) -> None:
    gateway = start_gateway()
    add(gateway, "alice", "--role", "clerk")
    assert {call(gateway).status_code for _ in range(8)} == {200}
    assert all(exchange.field("authorization") is None for exchange in service.seen)
    assert hashes(gateway) == 1
    record = gateway.records(8)[-1]
    assert (record["consumer"], record["identity"]) == ("alice", "alice")
    assert call(gateway, method="DELETE").status_code == 403


def test_all_refusals_look_alike_and_the_record_tells_them_apart(start_gateway: Start) -> None:
    gateway = start_gateway()
    add(gateway)
    add(gateway, "bob")
    users(gateway.directory, "disable", "bob")
    wrong, unknown = call(gateway, ("alice", "wrong horse")), call(gateway, ("nobody", PASSWORD))
    disabled, malformed = call(gateway, ("bob", PASSWORD)), call(gateway, ("alice", "a\tb"))
    absent = httpx.get(f"{gateway.url}/shop/orders")
    assert {repr(shape(each)) for each in (wrong, unknown, disabled, malformed, absent)} == {repr(shape(wrong))}
    assert wrong.headers["www-authenticate"] == 'Basic realm="staff", charset="UTF-8"'
    assert [code(gateway, each) for each in (wrong, unknown, disabled, malformed, absent)] == [
        "wrong_password",
        "unknown_user",
        "disabled_user",
        "malformed_basic",
        "missing",
    ]


def test_a_thousand_wrong_passwords_from_one_address_cost_a_handful_of_hashes(start_gateway: Start) -> None:
    gateway = start_gateway()
    add(gateway)
    add(gateway, "bob")
    assert call(gateway, ("bob", PASSWORD), "198.51.100.1").status_code == 200
    before = hashes(gateway)
    results: Counter[int] = Counter()

    def attack(part: int) -> None:
        with httpx.Client(base_url=gateway.url, headers={"x-forwarded-for": "203.0.113.9"}, timeout=30) as client:
            for number in range(50):
                user = f"user{number % 7}" if number % 2 else "alice"
                results[client.get("/shop/orders", auth=(user, f"guess {part} {number}")).status_code] += 1

    threads = [threading.Thread(target=attack, args=(part,)) for part in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(results.values()) == 1000
    assert hashes(gateway) - before <= 20  # ten, and one for each lock that ended meanwhile
    assert results[429] > 900
    assert set(results) <= {401, 429, 503}
    # The right password does not help there, and is no news to others.
    locked = call(gateway, client="203.0.113.9")
    assert (locked.status_code, locked.json()["code"]) == (429, "authenticate.locked_out")
    assert int(locked.headers["retry-after"]) >= 1
    assert call(gateway, ("bob", PASSWORD), "198.51.100.1").status_code == 200
    assert "address 203.0.113.9 is locked out" in gateway.errors()
    assert "guess" not in gateway.errors()


def test_a_user_is_locked_for_strangers_wherever_they_are_and_not_where_he_is_known(start_gateway: Start) -> None:
    gateway = start_gateway(lambda text: text.replace("for: 3s", "for: 1h"))
    add(gateway)
    assert call(gateway).status_code == 200
    for number in range(5):
        answers = [
            call(gateway, (name, "wrong horse"), f"198.51.100.{number}") for name in ("alice", f"nobody{number // 5}")
        ]
        assert [answer.status_code for answer in answers] == [401, 401]
    before = hashes(gateway)
    locked, nobody = call(gateway, client="203.0.113.7"), call(gateway, ("nobody0", PASSWORD), "203.0.113.8")
    assert shape(locked) == shape(nobody) == shape(answers[0])
    assert hashes(gateway) == before
    assert [code(gateway, each) for each in (locked, nobody)] == ["locked_user"] * 2
    # He is known at his address even to workers that have never seen him.
    gateway.reload()
    wait_for(lambda: "reloaded: generation" in gateway.errors(), "the reload")
    assert {call(gateway).status_code for _ in range(6)} == {200}


def test_locks_outlive_the_control_process_and_workers(start_gateway: Start) -> None:
    gateway = start_gateway(lambda text: text.replace("for: 3s", "for: 1h"))
    add(gateway)
    for number in range(10):
        call(gateway, (f"user{number}", "wrong horse"))
    assert call(gateway).status_code == 429
    kill(_control(gateway))
    for worker in gateway.workers():
        kill(worker)
    wait_for(lambda: _answers(gateway) == 429, "the gateway", 20)
    assert call(gateway, client="198.51.100.7").status_code in (200, 503)


def test_a_lock_ends_when_it_said_and_the_next_one_is_longer(start_gateway: Start) -> None:
    gateway = start_gateway()
    add(gateway)
    for number in range(10):
        call(gateway, (f"user{number}", "wrong horse"))
    first = call(gateway)
    assert (first.status_code, first.headers["retry-after"]) in ((429, "3"), (429, "2"))
    wait_for(lambda: call(gateway).status_code == 200, "the end of the lock", 8)
    assert call(gateway, ("bob", "wrong horse")).status_code == 401
    assert int(call(gateway, ("bob", "wrong horse")).headers["retry-after"]) in (5, 6)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (["disable", "alice"], "disabled_user"),
        (["passwd", "alice", "--password-stdin"], "wrong_password"),
        (["remove", "alice"], "unknown_user"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_user_that_changes_is_refused_by_every_worker_within_a_second(
    start_gateway: Start, command: list[str], reason: str
) -> None:
    gateway = start_gateway()
    add(gateway)
    add(gateway, "bob")
    for credential in (ALICE, ("bob", PASSWORD)):
        assert {call(gateway, credential).status_code for _ in range(8)} == {200}
    users(gateway.directory, *command, say="another horse battery")
    time.sleep(1)
    answers = [call(gateway) for _ in range(4)]
    assert {answer.status_code for answer in answers} == {401}
    assert code(gateway, answers[0]) == reason
    before = hashes(gateway)
    assert {call(gateway, ("bob", PASSWORD)).status_code for _ in range(6)} == {200}
    assert hashes(gateway) == before  # others need not prove themselves again
    if command[0] == "passwd":
        assert call(gateway, ("alice", "another horse battery")).status_code == 200


def test_another_role_holds_within_a_second(start_gateway: Start) -> None:
    gateway = start_gateway()
    add(gateway, "alice", "--role", "clerk")
    assert call(gateway, method="DELETE").status_code == 403
    users(gateway.directory, "set-roles", "alice", "--role", "manager")
    time.sleep(1)
    assert {call(gateway, method="DELETE").status_code for _ in range(6)} == {200}
    users(gateway.directory, "set-roles", "alice")
    time.sleep(1)
    assert {call(gateway, method="DELETE").status_code for _ in range(6)} == {403}


def test_without_a_control_process_nobody_new_is_proven_and_then_it_is_as_before(start_gateway: Start) -> None:
    gateway = start_gateway(workers=1)
    add(gateway)
    add(gateway, "bob")
    assert call(gateway).status_code == 200
    kill(_control(gateway))
    answers = {call(gateway, ("bob", PASSWORD)).status_code for _ in range(3)} | {call(gateway).status_code}
    assert answers <= {200, 503}
    wait_for(lambda: call(gateway, ("bob", PASSWORD)).status_code == 200, "the next control process", 20)
    assert call(gateway, ("bob", "wrong horse")).status_code == 401


def test_while_the_control_process_is_stopped_the_answer_is_503_and_who_is_known_passes(start_gateway: Start) -> None:
    gateway = start_gateway(workers=1)
    add(gateway)
    add(gateway, "bob")
    assert call(gateway).status_code == 200
    control = _control(gateway)
    subprocess.run(["kill", "-STOP", str(control)], check=True)
    try:
        refused = call(gateway, ("bob", PASSWORD))
        assert (refused.status_code, refused.json()["code"]) == (503, "authenticate.unavailable")
        assert call(gateway).status_code == 200
    finally:
        subprocess.run(["kill", "-CONT", str(control)], check=True)
    wait_for(lambda: call(gateway, ("bob", PASSWORD)).status_code == 200, "its answer", 20)


def test_one_credential_that_comes_many_times_at_once_costs_one_hash_and_none_is_refused(
    start_gateway: Start,
) -> None:
    gateway = start_gateway()
    add(gateway)
    results: Counter[int] = Counter()

    def work() -> None:
        results[call(gateway).status_code] += 1

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {200: 16}
    assert hashes(gateway) == 1


def test_users_are_kept_in_files_as_hashes(start_gateway: Start, tmp_path_factory: pytest.TempPathFactory) -> None:
    gateway = start_gateway()
    add(gateway, "alice", "--role", "clerk")
    exported = users(gateway.directory, "export")
    [record] = json.loads(exported)
    assert record["password"].startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    users(gateway.directory, "remove", "alice")
    time.sleep(1)
    assert call(gateway).status_code == 401
    (gateway.directory / "users.json").write_text(exported)
    assert users(gateway.directory, "import", "users.json") == "1 added, 0 changed, 0 as they were.\n"
    assert call(gateway).status_code == 200
    assert users(gateway.directory, "import", "users.json") == "0 added, 0 changed, 1 as they were.\n"


def test_no_password_is_anywhere_on_the_disk(start_gateway: Start) -> None:
    gateway = start_gateway()
    add(gateway)
    assert call(gateway).status_code == 200
    assert call(gateway, ("a secret in the wrong field", PASSWORD)).status_code == 401
    gateway.records(2)
    gateway.stop()
    for path in gateway.directory.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            for secret in (PASSWORD, "YWxpY2U6Y29ycmVjdCBob3JzZSBiYXR0ZXJ5", "a secret in the wrong field"):
                assert secret.encode() not in content, path


def _control(gateway: Gateway) -> int:
    """The process id of the control process: the child of the supervisor that has no children."""
    [control] = [child for child in children(gateway.process.pid) if not children(child)]
    return control


def _answers(gateway: Gateway) -> int:
    try:
        return call(gateway).status_code
    except httpx.HTTPError:
        return 0
