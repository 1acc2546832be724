"""A machine in the middle, on either side of the gateway: it can break connections, and nothing else.

Another authority towards the service is in ``test_upstream_tls``; credentials that a stripped redirect brings in clear
are in ``test_clear_text``.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from gateway import Gateway, read_all, read_response, serving
from interceptor import Address, interceptor
from items_shop import SPEC
from tls_service import context_of, service

from portcullis.testing.certificates import Authority

AUTHORITY, IMPOSTOR = Authority("root"), Authority("impostor")
PUBLIC, SERVICE = (AUTHORITY.issue(f"CN={name}", dns=[name]) for name in ("shop.example", "shop.internal"))
FORGED = IMPOSTOR.issue("CN=shop.example", dns=["shop.example"])
CONFIGURATION = """\
listeners:
  public: {bind: "127.0.0.1:0", tls: {certificate: public.pem, key: public.key}}
  plain: {bind: "127.0.0.1:0", redirect: https, redirect_port: 8443}
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["UPSTREAM"], ca: ca.pem, tls: {server_name: shop.internal}, timeouts: {connect: 2s}}
    versions: {v1: {spec: shop.yaml}}
    public: true
observe: {access_log: {path: access.jsonl}}
"""
REQUEST = b"GET /items HTTP/1.1\r\nHost: shop.example\r\n\r\n"
ONLY_1_3, NONE_AT_ALL = b"\x00\x2b\x00\x05\x04\x03\x04\x03\x03", b"\x00\x2b\x00\x05\x04\x03\x03\x03\x03"
"""The extension with the versions that a client speaks (RFC 8446 4.2.1): 1.3 and 1.2; and 1.2 twice."""


def without_tls_1_3(data: bytes) -> bytes:
    return data.replace(ONLY_1_3, NONE_AT_ALL)


def with_a_bit_turned(data: bytes) -> bytes:
    """The last byte of every flight of data (type 23): the tag that says nobody changed it."""
    return data[:-1] + bytes([data[-1] ^ 1]) if data[:1] == b"\x17" and len(data) > 60 else data


def trusting(*authorities: Authority) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for each in authorities or (AUTHORITY,):
        context.load_verify_locations(cadata=each.der)
    return context


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    """A folder with the gateway's own certificate, and the authority of its service."""
    PUBLIC.write(tmp_path / "public.pem", tmp_path / "public.key")
    (tmp_path / "ca.pem").write_bytes(AUTHORITY.pem)
    return tmp_path


@pytest.fixture
def site(prepared: Path) -> Iterator[tuple[Gateway, list[dict[str, Any]]]]:
    """A gateway, and the calls that its service gets."""
    with (
        service(context_of(prepared, SERVICE)) as (url, calls),
        serving(prepared, SPEC, CONFIGURATION, url) as gateway,
    ):
        yield gateway, calls


def call(at: Address, context: ssl.SSLContext) -> tuple[int, str | None]:
    """The status of a call, and the version of TLS that it was made by."""
    with context.wrap_socket(socket.create_connection(at, timeout=15), server_hostname="shop.example") as client:
        client.sendall(REQUEST)
        return read_response(client)[0], client.version()


def test_who_passes_everything_on_is_not_noticed(site: tuple[Gateway, list[dict[str, Any]]]) -> None:
    gateway, _ = site
    with interceptor(gateway.address) as at:
        assert call(at, trusting()) == (200, "TLSv1.3")


@pytest.mark.parametrize("profile", ["intermediate", "modern"])
def test_a_client_is_not_brought_down_to_an_older_version(prepared: Path, profile: str) -> None:
    configuration = CONFIGURATION.replace("key: public.key", f"key: public.key, profile: {profile}")
    with (
        service(context_of(prepared, SERVICE)) as (url, calls),
        serving(prepared, SPEC, configuration, url) as gateway,
        interceptor(gateway.address, up=without_tls_1_3) as at,
    ):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            call(at, trusting())
        assert calls == []
        assert call(gateway.address, trusting()) == (200, "TLSv1.3")


def test_the_gateway_is_not_brought_down_to_an_older_version(prepared: Path) -> None:
    with service(context_of(prepared, SERVICE)) as (url, calls):
        host, port = "127.0.0.1", int(url.rpartition(":")[2])
        with (
            interceptor((host, port), up=without_tls_1_3) as at,
            serving(prepared, SPEC, CONFIGURATION, f"https://{at[0]}:{at[1]}") as gateway,
        ):
            assert call(gateway.address, trusting())[0] == 502
            (record,) = gateway.records()
            assert record["code"] == "upstream.unreachable"
            assert calls == []


@pytest.mark.parametrize("way", ["up", "down"])
def test_what_is_changed_on_the_way_is_read_by_nobody(
    site: tuple[Gateway, list[dict[str, Any]]], way: Literal["up", "down"]
) -> None:
    gateway, calls = site
    with (
        interceptor(gateway.address, **{way: with_a_bit_turned}) as at,
        pytest.raises((ssl.SSLError, ConnectionError, AssertionError)),
    ):
        call(at, trusting())
    assert len(calls) <= (way == "down")
    assert call(gateway.address, trusting())[0] == 200


def test_an_answer_that_is_cut_on_the_way_is_not_taken_for_whole(prepared: Path) -> None:
    def cut(data: bytes) -> bytes:
        return data if data[:1] != b"\x17" or len(data) < 100 else data[: len(data) // 2]

    with (
        service(context_of(prepared, SERVICE)) as (url, _),
        interceptor(("127.0.0.1", int(url.rpartition(":")[2])), down=cut) as at,
        serving(prepared, SPEC, CONFIGURATION, f"https://{at[0]}:{at[1]}") as gateway,
    ):
        assert call(gateway.address, trusting())[0] in (502, 504)


def test_a_forged_certificate_convinces_no_client_of_ours(prepared: Path) -> None:
    """The one thing that the gateway can't see: so its clients must look, as this one does."""
    with service(context_of(prepared, FORGED)) as (url, calls):
        with pytest.raises(ssl.SSLCertVerificationError):
            call(("127.0.0.1", int(url.rpartition(":")[2])), trusting())
        assert calls == []


def test_a_redirect_that_is_stripped_leads_nowhere(site: tuple[Gateway, list[dict[str, Any]]]) -> None:
    """The client speaks in clear to somebody who hides the redirect from it, and goes on in clear to what is there."""
    gateway, calls = site
    host, _, port = gateway.urls["plain"].rpartition("/")[2].rpartition(":")

    def hide(data: bytes) -> bytes:
        return data.replace(b"308 Permanent Redirect", b"200 OK").replace(b"https://", b"http://")

    for end, status in (((host, int(port)), 200), (gateway.address, 400)):
        with interceptor(end, down=hide) as at:
            answer = httpx.get(f"http://{at[0]}:{at[1]}/items", follow_redirects=False)
            assert answer.status_code == status
            assert answer.json() != []  # nothing of the service's
    assert calls == []
    with trusting().wrap_socket(gateway.connect(), server_hostname="shop.example") as client:
        client.sendall(REQUEST.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        found = re.search(rb"strict-transport-security: max-age=(\d+)", read_all(client), re.IGNORECASE)
    assert found is not None
    assert int(found[1]) >= 365 * 24 * 3600
