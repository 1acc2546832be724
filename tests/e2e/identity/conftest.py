"""Gateways that go by an issuer of their own, in front of a service of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from calling import JWT, write_configuration
from gateway import Gateway, end, start
from issuer import Issuer
from upstream import Upstream

Start = Callable[..., Gateway]


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """An issuer for one test."""
    running = Issuer()
    yield running
    running.stop()


@pytest.fixture
def service() -> Iterator[Upstream]:
    """A service for one test."""
    running = Upstream()
    yield running
    running.stop()


@pytest.fixture
def start_gateway(tmp_path: Path, issuer: Issuer, service: Upstream) -> Iterator[Start]:
    """Start a gateway whose identity is ``jwt``; ``change`` edits the configuration's text first.

    Again in one test: the same gateway, with the state it had.
    """
    running: list[Gateway] = []

    def begin(jwt: str = JWT, change: Callable[[str], str] = lambda text: text, workers: int = 1) -> Gateway:
        write_configuration(tmp_path, issuer, service, jwt, change)
        running.append(start(tmp_path, workers))
        return running[-1]

    yield begin
    for gateway in running:
        end(gateway)
