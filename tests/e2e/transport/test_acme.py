"""Certificates by ACME, from a real authority: got, renewed, revoked, and what happens when it does not answer."""

from __future__ import annotations

import json
import os
import re
import signal
import ssl
import stat
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from commands import portcullis
from cryptography import x509
from gateway import Gateway, children, end, read_response, serving, start, wait_for
from items_shop import SPEC
from pebble import Pebble, RenewalInformation, running
from ports import free_port
from upstream import Upstream

CONFIGURATION = """\
listeners:
  public: {bind: "127.0.0.1:TLS", tls: {managed: shop}}
  plain: {bind: "127.0.0.1:HTTP", redirect: https}
  admin: {bind: "127.0.0.1:0"}
certificate_authorities:
  first: {acme: {directory: "DIRECTORY", terms_agreed: true, contact: [ops@shop.example], ca: "CA"}}
certificates:
  shop: {names: [shop.example, www.shop.example], authorities: [first], CHALLENGE}
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["UPSTREAM"]}
    versions: {v1: {spec: shop.yaml}}
    public: true
"""
REQUEST = b"GET /items HTTP/1.1\r\nHost: shop.example\r\n\r\n"


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    made = Upstream()
    yield made
    made.stop()


@pytest.fixture
def pebble(tmp_path: Path) -> Iterator[Pebble]:
    with running(tmp_path / "pebble") as made:
        yield made


def written(pebble: Pebble, challenge: str, directory: str = "", text: str = CONFIGURATION) -> str:
    for name, value in (
        ("TLS", pebble.tls_port),
        ("HTTP", pebble.http_port),
        ("DIRECTORY", directory or pebble.directory),
        ("CA", pebble.ca),
        ("CHALLENGE", challenge),
    ):
        text = text.replace(name, str(value))
    return text


@contextmanager
def gateway_of(
    folder: Path, pebble: Pebble, upstream: Upstream, challenge: str, directory: str = "", text: str = CONFIGURATION
) -> Iterator[Gateway]:
    with serving(folder, SPEC, written(pebble, challenge, directory, text), upstream.url, workers=2) as gateway:
        yield gateway


def shown(gateway: Gateway, name: str = "shop.example") -> x509.Certificate | None:
    """The certificate that a client gets; ``None`` while handshakes fail."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with context.wrap_socket(gateway.connect(), server_hostname=name) as client:
            return x509.load_der_x509_certificate(client.getpeercert(binary_form=True) or b"")
    except OSError:
        return None


def another(gateway: Gateway, before: x509.Certificate | None, seconds: float = 60) -> x509.Certificate:
    """One that every worker shows, and not the one ``before``."""

    def find() -> x509.Certificate | None:
        found = {shown(gateway) for _ in range(6)}
        return found.pop() if len(found) == 1 and found != {before} and None not in found else None

    found: x509.Certificate = wait_for(find, "another certificate", seconds)
    return found


def first_certificate(gateway: Gateway) -> x509.Certificate:
    return another(gateway, None)


def call(gateway: Gateway, pebble: Pebble) -> int:
    context = ssl.create_default_context(cadata=pebble.root())
    with context.wrap_socket(gateway.connect(), server_hostname="www.shop.example") as client:
        client.sendall(REQUEST)
        return read_response(client)[0]


@pytest.mark.parametrize("challenge", ["http-01", "tls-alpn-01"])
def test_a_certificate_is_got_and_served_without_a_restart(
    tmp_path: Path, pebble: Pebble, upstream: Upstream, challenge: str
) -> None:
    with gateway_of(tmp_path, pebble, upstream, f"challenge: {challenge}") as gateway:
        workers = workers_of(gateway)
        first_certificate(gateway)
        assert call(gateway, pebble) == 200
        assert workers_of(gateway) == workers
        assert "certificate shop: issued by first for" in gateway.errors()
        for path in ("certificates/shop.pem", "certificates/accounts/first.json"):
            assert stat.S_IMODE((tmp_path / ".portcullis" / path).stat().st_mode) == 0o600
        status = portcullis(tmp_path, "certs", "status")
        assert status.stdout.startswith("shop  listener public\n")
        metrics = httpx.get(f"{gateway.urls['admin']}/metrics").text
        assert 'portcullis_certificate_renewals_total{certificate="shop",result="renewed"} 1.0' in metrics
        # A token that nobody asked for is a path like any other of a redirector.
        answer = httpx.get(f"http://127.0.0.1:{pebble.http_port}/.well-known/acme-challenge/other")
        assert answer.status_code == 308
    # What was got is there at the next start, and nobody is asked again.
    again = start(tmp_path, 1)
    try:
        assert shown(again) is not None
        time.sleep(2.5)
        assert again.errors().count("issued by first") == 1
    finally:
        end(again)


HOOK = """\
import json, sys, urllib.request
what, name, value = sys.argv[2:]
data = {"host": name + ".", "value": value}
path = "set-txt" if what == "present" else "clear-txt"
urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/{path}", json.dumps(data).encode()).read()
open("hook.txt", "a").write(f"{what} {name}\\n")
"""


def test_names_are_proven_by_records_of_the_dns_too(tmp_path: Path, pebble: Pebble, upstream: Upstream) -> None:
    (tmp_path / "hook.py").write_text(HOOK)
    command = json.dumps([sys.executable, "hook.py", str(pebble.dns_management)])
    text = CONFIGURATION.replace("www.shop.example", '"*.shop.example"')
    challenge = f"challenge: dns-01, dns_hook: {command}, dns_wait: 0s"
    with gateway_of(tmp_path, pebble, upstream, challenge, text=text) as gateway:
        first_certificate(gateway)
        assert call(gateway, pebble) == 200
    told = (tmp_path / "hook.txt").read_text().splitlines()
    assert sorted(told) == ["cleanup _acme-challenge.shop.example"] * 2 + ["present _acme-challenge.shop.example"] * 2


def test_an_external_account_is_bound(tmp_path: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
    monkeypatch.setenv("SHOP_EAB", key)
    bound = "external_account: {key_id: kid-1, key: env:SHOP_EAB}"
    text = CONFIGURATION.replace("contact: [ops@shop.example]", bound)
    with (
        running(tmp_path / "pebble", bound_key=("kid-1", key)) as pebble,
        gateway_of(tmp_path, pebble, upstream, "challenge: http-01", text=text) as gateway,
    ):
        first_certificate(gateway)
        assert key not in gateway.errors()


def test_a_challenge_that_fails_is_told_and_tried_again(tmp_path: Path, pebble: Pebble, upstream: Upstream) -> None:
    # The authority looks at another port than that at which the gateway answers.
    text = CONFIGURATION.replace("127.0.0.1:HTTP", "127.0.0.1:0")
    with gateway_of(tmp_path, pebble, upstream, "challenge: http-01", text=text) as gateway:
        # Of several names the authority may tell of any first.
        reason = re.compile(r"certificate shop: first: .*\bshop\.example: ")
        wait_for(lambda: reason.search(gateway.errors()), "the reason in the log", 60)
        assert "there is none yet, the next attempt is in" in gateway.errors()
        assert shown(gateway) is None
        metrics = httpx.get(f"{gateway.urls['admin']}/metrics").text
        assert 'portcullis_certificate_renewal_failures{certificate="shop"} 1.0' in metrics
        (tmp_path / "portcullis.yaml").write_text(
            written(pebble, "challenge: http-01").replace("UPSTREAM", upstream.url)
        )
        gateway.reload()
        first_certificate(gateway)


def test_another_authority_is_asked_where_the_first_fails(tmp_path: Path, pebble: Pebble, upstream: Upstream) -> None:
    down = f'  down: {{acme: {{directory: "https://127.0.0.1:{free_port()}/dir", terms_agreed: true}}}}\n'
    text = CONFIGURATION.replace("certificate_authorities:\n", f"certificate_authorities:\n{down}")
    text = text.replace("authorities: [first]", "authorities: [down, first]")
    with gateway_of(tmp_path, pebble, upstream, "challenge: tls-alpn-01", text=text) as gateway:
        first_certificate(gateway)
        assert "issued by first" in gateway.errors()


def test_a_window_that_has_passed_renews_at_once_and_no_call_fails(
    tmp_path: Path, pebble: Pebble, upstream: Upstream
) -> None:
    """This is how an authority tells of a revocation (RFC 9773)."""
    before = RenewalInformation(pebble)
    before.window = (time.time() - 7200, time.time() - 3600)
    try:
        with gateway_of(tmp_path, pebble, upstream, "challenge: tls-alpn-01", before.directory) as gateway:
            first = first_certificate(gateway)
            results, stop = [], threading.Event()

            def calls() -> None:
                while not stop.is_set():
                    results.append(call(gateway, pebble))

            thread = threading.Thread(target=calls)
            thread.start()
            try:
                second = another(gateway, first)
                before.window = (time.time() + 86_400, time.time() + 2 * 86_400)
            finally:
                stop.set()
                thread.join()
            assert second.serial_number != first.serial_number
            assert results
            assert set(results) == {200}
            assert "its authority wants it replaced now (https://x.example/why)" in gateway.errors()
            assert before.asked
    finally:
        before.close()


@pytest.mark.slow
def test_a_gateway_that_is_killed_in_the_midst_of_a_renewal_renews_after_it(
    tmp_path: Path, pebble: Pebble, upstream: Upstream
) -> None:
    with gateway_of(tmp_path, pebble, upstream, "challenge: tls-alpn-01") as gateway:
        first = first_certificate(gateway)
    state = tmp_path / ".portcullis" / "certificates" / "shop.json"
    kept = json.loads(state.read_text())
    state.write_text(json.dumps({**kept, "revoked": True}))
    os.kill(pebble.process.pid, signal.SIGSTOP)  # type: ignore[union-attr] - it answers nothing
    killed = start(tmp_path, 1)
    program = wait_for(lambda: [*filter(is_program, tree(killed.process.pid))], "the program that asks", 20)
    for process in tree(killed.process.pid):
        if process not in program:  # which has to notice by itself
            os.kill(process, signal.SIGKILL)
    end(killed)
    wait_for(lambda: not any(map(is_program, program)), "the end of the program", 20)
    os.kill(pebble.process.pid, signal.SIGCONT)  # type: ignore[union-attr]
    again = start(tmp_path, 1)
    try:
        assert shown(again) == first
        another(again, first, 90)
    finally:
        end(again)


def is_program(process: int) -> bool:
    """Whether it is the program that speaks ACME."""
    try:
        return b"portcullis.control.acme.program" in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False


def tree(process: int) -> list[int]:
    """A process and all below it."""
    return [process, *(each for child in children(process) for each in tree(child))]


def workers_of(gateway: Gateway) -> set[int]:
    """Its two workers. A program that has just been forked looks like a third one."""

    def find() -> set[int] | None:
        found = {each for each in gateway.workers() if not is_program(each)}
        return found if len(found) == 2 else None

    workers: set[int] = wait_for(find, "two workers")
    return workers


@pytest.mark.slow
def test_a_certificate_that_is_there_serves_on_while_the_authority_is_away(
    tmp_path: Path, pebble: Pebble, upstream: Upstream
) -> None:
    with gateway_of(tmp_path, pebble, upstream, "challenge: http-01") as gateway:
        first = first_certificate(gateway)
    state = tmp_path / ".portcullis" / "certificates" / "shop.json"
    state.write_text(json.dumps({**json.loads(state.read_text()), "revoked": True}))
    pebble.stop()
    again = start(tmp_path, 1)
    try:
        wait_for(lambda: "certificate shop: first: can't be reached" in again.errors(), "the reason in the log", 30)
        assert shown(again) == first
        pebble.start()  # it has forgotten every account: one is made anew
        another(again, first, 90)
    finally:
        end(again)


def test_commands_renew_and_revoke(tmp_path: Path, pebble: Pebble, upstream: Upstream) -> None:
    with gateway_of(tmp_path, pebble, upstream, "challenge: http-01") as gateway:
        first = first_certificate(gateway)
        renewed = portcullis(tmp_path, "certs", "renew", "shop", "--format", "json")
        assert renewed.returncode == 0, renewed.stderr
        second = another(gateway, first)
        assert json.loads(renewed.stdout)["serial"] == f"{second.serial_number:x}"
        revoked = portcullis(tmp_path, "certs", "revoke", "shop", "--reason", "keyCompromise")
        assert revoked.returncode == 0, revoked.stderr
        third = another(gateway, second)
        assert third.public_key() != second.public_key()
        assert pebble.status(second) == "Revoked"
        assert pebble.status(third) == "Valid"
        assert call(gateway, pebble) == 200
        other = portcullis(tmp_path, "certs", "renew", "other")
        assert (other.returncode, other.stderr) == (2, "portcullis: the gateway manages no certificate 'other'\n")
        pebble.stop()
        away = portcullis(tmp_path, "certs", "renew", "shop")
        assert (away.returncode, away.stderr) == (1, "portcullis: certificate shop: first: can't be reached\n")
        assert shown(gateway) == third


def test_what_could_not_work_is_told_before_it_is_tried(tmp_path: Path) -> None:
    def told(text: str) -> str:
        (tmp_path / "shop.yaml").write_text(SPEC)
        (tmp_path / "portcullis.yaml").write_text(text.replace("UPSTREAM", "http://127.0.0.1:9"))
        done: Any = portcullis(tmp_path, "check", "portcullis.yaml")
        assert done.returncode == 2
        return str(done.stdout)

    made = Pebble(tmp_path / "pebble")
    text = written(made, "challenge: dns-01")
    assert "nothing sets records of the DNS" in told(text)
    assert "wildcards are proven by dns-01" in told(
        written(made, "key: ec-384").replace("[shop", '["*.shop.example", shop')
    )
    assert "there is no certificate" in told(text.replace("{managed: shop}", "{profile: modern}"))
    assert 'there is no certificate "other"' in told(text.replace("managed: shop", "managed: other"))
    plain = text.replace(", redirect: https", "").replace("dns-01", "http-01")
    assert "no listener answers http-01" in told(plain)
