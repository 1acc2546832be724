"""Logging in at a certified provider: discovery, code flow with PKCE, renewal, rotation of keys, logging out."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from certified_provider import CertifiedProvider, Person, install, private_jwk, web_client
from gateway import Gateway, end, start, wait_for
from logging_in import LOGOUT_PATH, SESSION, write_files
from ports import free_port
from provider import SECRET
from upstream import Upstream


class Site:
    def __init__(self, directory: Path, service: Upstream, session: str, access_token_seconds: int) -> None:
        port, provider_port = free_port(), free_port()
        self.provider = CertifiedProvider(
            provider_port, [web_client(f"http://127.0.0.1:{port}")], [private_jwk("first")], access_token_seconds
        )
        named: Any = self.provider
        write_files(directory, named, service, port, session)
        self.gateway: Gateway = start(directory, 2)

    def stop(self) -> None:
        end(self.gateway)
        self.provider.stop()


@pytest.fixture
def make_site(tmp_path: Path, service: Upstream, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Site]]:
    install()
    monkeypatch.setenv("OIDC_SECRET", SECRET)
    made: list[Site] = []

    def make(session: str = "idle: 30m", access_token_seconds: int = 300) -> Site:
        made.append(Site(tmp_path, service, session, access_token_seconds))
        return made[-1]

    yield make
    for site in made:
        site.stop()


@pytest.mark.timeout(300)
def test_people_log_in_stay_logged_in_and_log_out(make_site: Callable[..., Site]) -> None:
    site = make_site()
    alice, bob = Person(site.gateway.url), Person(site.gateway.url, "bob")
    for person in (alice, bob):
        assert person.load("/shop/orders").status_code == 200
        assert list(person.browser.cookies) == [SESSION]
        assert person.browser.fetch("/.portcullis/session").json()["subject"] == person.name
    out = alice.browser.fetch(LOGOUT_PATH, "POST")
    assert out.headers["location"].startswith(f"{site.provider.url}/session/end?")
    assert alice.browser.fetch("/shop/orders").status_code == 401
    assert bob.browser.fetch("/shop/orders").status_code == 200


@pytest.mark.timeout(300)
def test_a_session_is_renewed_by_refresh_tokens_that_rotate(make_site: Callable[..., Site]) -> None:
    site = make_site(session="idle: 3s, lifetime: 1h", access_token_seconds=3)
    alice = Person(site.gateway.url)
    assert alice.load("/shop/orders").status_code == 200
    until = time.monotonic() + 8
    while time.monotonic() < until:
        assert alice.browser.fetch("/shop/orders").status_code == 200
        time.sleep(0.05)
    assert site.gateway.process.poll() is None
    assert "can't be renewed" not in site.gateway.errors()


@pytest.mark.timeout(300)
def test_keys_are_rotated_and_only_new_ones_are_trusted(make_site: Callable[..., Site]) -> None:
    site = make_site()
    alice = Person(site.gateway.url)
    assert alice.load("/shop/orders").status_code == 200
    site.provider.stop()
    assert alice.browser.fetch("/shop/orders").status_code == 200
    site.provider.start([private_jwk("second")])
    time.sleep(2.1)  # newer keys are looked for once in two seconds
    assert Person(site.gateway.url, "carol").load("/shop/orders").status_code == 200
    assert alice.browser.fetch("/shop/orders").status_code == 200


@pytest.mark.timeout(300)
def test_the_provider_ends_a_session_by_the_back_channel(make_site: Callable[..., Site]) -> None:
    site = make_site()
    alice = Person(site.gateway.url)
    assert alice.load("/shop/orders").status_code == 200
    page = alice.at_provider.get(f"{site.provider.url}/session/end")
    form = dict(_hidden(page.text))
    done = alice.at_provider.post(f"{site.provider.url}/session/end/confirm", data={**form, "logout": "yes"})
    assert done.status_code < 400
    wait_for(lambda: alice.browser.fetch("/shop/orders").status_code == 401, "the end of the session", 5)


def _hidden(page: str) -> Iterator[tuple[str, str]]:
    for field in re.finditer(r'<input type="hidden" name="([^"]+)" value="([^"]+)"', page):
        yield field[1], field[2]
