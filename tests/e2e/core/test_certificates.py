"""Certificates that are replaced while the gateway serves: a reload takes them up, whole or not at all."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import trustme
from gateway import Gateway, read_response, wait_for


def issue(authority: trustme.CA, directory: Path) -> bytes:
    """Write a new certificate and key over those that are there; gives the certificate (DER)."""
    issued = authority.issue_cert("shop.example", "127.0.0.1")
    issued.private_key_pem.write_to_path(directory / "key.pem")
    issued.cert_chain_pems[0].write_to_path(directory / "chain.pem")
    return ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def context(authority: trustme.CA) -> ssl.SSLContext:
    made = ssl.create_default_context()
    authority.configure_trust(made)
    return made


@pytest.fixture
def first(authority: trustme.CA, tmp_path: Path) -> bytes:
    """The certificate that the gateway starts with."""
    return issue(authority, tmp_path)


@pytest.fixture
def secure(start_gateway, first: bytes) -> Gateway:
    bind = "    bind: 127.0.0.1:0\n"
    tls = "    tls: {certificate: chain.pem, key: key.pem}\n"

    def change(text: str) -> str:
        patient = text.replace("{header: 1s, body: 1s, idle: 2s}", "{header: 30s, body: 30s, idle: 30s}")
        return patient.replace("drain: 5s", "drain: 30s").replace(bind, bind + tls, 1)

    return start_gateway(change)


def shown(gateway: Gateway, context: ssl.SSLContext) -> bytes:
    """The certificate that a new connection gets."""
    with (
        socket.create_connection(gateway.address, timeout=10) as raw,
        context.wrap_socket(raw, server_hostname="shop.example") as client,
    ):
        return client.getpeercert(binary_form=True) or b""


@contextmanager
def calls(gateway: Gateway, context: ssl.SSLContext, clients: int = 3) -> Iterator[Counter[object]]:
    """Clients that call without pause on kept connections; counts of what they got."""
    results: Counter[object] = Counter()
    stop = threading.Event()

    def call() -> None:
        with httpx.Client(base_url=gateway.url, verify=context, timeout=10) as client:
            while not stop.is_set():
                try:
                    results[client.get("/shop/open/x").status_code] += 1
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


def test_a_replaced_certificate_is_served_after_a_reload_and_no_call_fails(
    secure: Gateway, authority: trustme.CA, context: ssl.SSLContext, first: bytes
) -> None:
    assert shown(secure, context) == first
    with calls(secure, context) as results:
        for number in range(1, 3):
            wait_for(lambda n=number: results[200] > 50 * n, "some calls", 20)
            replaced = issue(authority, secure.directory)
            assert replaced != first
            secure.reload()
            wait_for(lambda c=replaced: shown(secure, context) == c, "the new certificate", 30)
        wait_for(lambda: results[200] > 200, "some calls more", 20)
    assert set(results) == {200}, results


def test_a_connection_from_before_is_finished_with_the_certificate_it_has(
    secure: Gateway, authority: trustme.CA, context: ssl.SSLContext, first: bytes
) -> None:
    request = b"GET /shop/open/x HTTP/1.1\r\nHost: shop.example\r\n\r\n"
    with (
        socket.create_connection(secure.address, timeout=10) as raw,
        context.wrap_socket(raw, server_hostname="shop.example") as before,
    ):
        before.sendall(request)
        assert read_response(before)[0] == 200
        replaced = issue(authority, secure.directory)
        secure.reload()
        wait_for(lambda: shown(secure, context) == replaced, "the new certificate", 30)
        before.sendall(request)
        assert read_response(before)[0] == 200
        assert before.getpeercert(binary_form=True) == first


def test_who_is_shaking_hands_when_the_certificate_is_replaced_is_served(
    secure: Gateway, authority: trustme.CA, context: ssl.SSLContext, first: bytes
) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname="shop.example")
    with socket.create_connection(secure.address, timeout=10) as raw:
        with pytest.raises(ssl.SSLWantReadError):
            client.do_handshake()
        hello = outgoing.read()
        raw.sendall(hello[:50])
        time.sleep(0.2)  # until the worker that serves now has accepted it
        replaced = issue(authority, secure.directory)
        secure.reload()
        wait_for(lambda: "reloaded" in secure.errors(), "the reload", 30)
        time.sleep(0.2)  # until a worker that waited for nobody would be gone
        raw.sendall(hello[50:])
        while True:
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                data = raw.recv(65536)
                assert data, "the connection was closed in the middle of the handshake"
                incoming.write(data)
        assert client.getpeercert(binary_form=True) == first
    assert shown(secure, context) == replaced


def break_certificate(directory: Path, _: trustme.CA) -> None:
    (directory / "chain.pem").write_text("-----BEGIN CERTIFICATE-----\nbm9uc2Vuc2U=\n-----END CERTIFICATE-----\n")


def break_key(directory: Path, authority: trustme.CA) -> None:
    """A key that belongs to another certificate."""
    authority.issue_cert("other.example").private_key_pem.write_to_path(directory / "key.pem")


def take_away(directory: Path, _: trustme.CA) -> None:
    (directory / "key.pem").unlink()


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (break_certificate, "listeners.public.tls: certificate and key can't be used: "),
        (break_key, "listeners.public.tls: certificate and key can't be used: key values mismatch"),
        (take_away, "listeners.public.tls.key: key.pem can't be read: No such file or directory"),
    ],
)
def test_a_broken_certificate_changes_nothing_and_is_told(
    secure: Gateway, authority: trustme.CA, context: ssl.SSLContext, first: bytes, damage, told: str
) -> None:
    damage(secure.directory, authority)
    with calls(secure, context, clients=1) as results:
        secure.reload()
        wait_for(lambda: "nothing was changed" in secure.errors(), "the refusal", 30)
        assert shown(secure, context) == first
        wait_for(lambda: results[200] > 20, "some calls", 20)
    assert set(results) == {200}, results
    assert told in secure.errors()
    assert "portcullis.yaml:" in secure.errors()
    replaced = issue(authority, secure.directory)
    secure.reload()
    wait_for(lambda: shown(secure, context) == replaced, "the new certificate", 30)
