from __future__ import annotations

import asyncio

import pytest

from portcullis.engine.config.listeners import ListenerConfig
from portcullis.mounts.http2.limits import Limits
from portcullis.mounts.reverse_proxy.gateway import Listener


def test_a_listener_takes_its_deadlines_from_the_file_in_nanoseconds():
    config = ListenerConfig.model_validate(
        {"bind": "127.0.0.1:0", "redirect": "https", "timeouts": {"header": "1s", "body": "2s", "idle": "3s"}}
    )
    listener = Listener.of("plain", config)
    assert (listener.header_ns, listener.body_ns, listener.idle_ns) == (10**9, 2 * 10**9, 3 * 10**9)
    assert (listener.scheme, listener.redirect_port) == ("http", 443)


async def test_spawned_work_is_kept_until_it_is_done(play):
    p = play()
    done = asyncio.Event()

    async def work() -> None:
        done.set()

    await p.gateway.spawn(work())
    assert done.is_set()
    assert not p.gateway._tasks


async def test_draining_is_over_when_the_last_client_is_gone(play):
    p = play()
    assert p.gateway.busy
    p.gateway.drain()
    p.client_goes()
    assert not p.gateway.busy


@pytest.mark.parametrize("text", ["127.0.0.1:0"])
def test_a_listener_that_trusts_nobody_has_no_proxies(text):
    assert Listener.of("public", ListenerConfig.model_validate({"bind": text})).trusted_proxies == ()


def test_a_listener_reads_certificates_where_the_file_says_so() -> None:
    text = {"bind": "127.0.0.1:0", "trusted_proxies": ["10.0.0.0/8"]}
    assert not Listener.of("public", ListenerConfig.model_validate(text)).reads_certificate
    text["client_certificate_header"] = "Client-Cert"
    assert Listener.of("public", ListenerConfig.model_validate(text)).reads_certificate


def test_a_listener_bounds_what_a_client_may_do_by_http2_as_the_file_says() -> None:
    text = {"bind": "127.0.0.1:0", "max_header_bytes": 9000, "protocols": ["h2"]}
    text["http2"] = {"max_concurrent_streams": 7, "max_resets_per_minute": 8, "max_control_frames_per_minute": 900}
    listener = Listener.of("public", ListenerConfig.model_validate(text))
    assert listener.http2 == Limits(head_bytes=9000, streams=7, resets_per_minute=8, control_frames_per_minute=900)
    assert listener.protocols == ("h2",)


async def test_who_is_connected_learns_that_the_next_generation_serves(play):
    p = play()
    told = asyncio.Event()
    told.retire = told.set
    p.gateway.connections.add(told)
    p.gateway.retire()
    assert told.is_set()
    assert p.gateway.draining
    p.client_is("")
