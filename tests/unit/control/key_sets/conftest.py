"""An issuer without a network: what it answers by URL, and a clock that stands still."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from portcullis.control.outgoing import Fetched, OutgoingError
from portcullis.testing.tokens import Signer, key_set_of

ISSUER = "https://id.example.com"
KEYS = f"{ISSUER}/keys"
DISCOVERY = f"{ISSUER}/.well-known/openid-configuration"


class Answers:
    """Stands for :class:`~portcullis.control.outgoing.Outgoing`.

    ``pages``: what is at a URL: a document, octets, or an error; ``asked``: the URLs that were asked for; ``hold``:
    everybody waits while it is not set.
    """

    def __init__(self) -> None:
        self.pages: dict[str, Any] = {}
        self.asked: list[str] = []
        self.cache_control = ""
        self.hold = asyncio.Event()
        self.hold.set()

    def publish(self, *signers: Signer) -> None:
        self.pages[DISCOVERY] = {"issuer": ISSUER, "jwks_uri": KEYS}
        self.pages[KEYS] = key_set_of(*signers)

    async def get(self, url: str) -> Fetched:
        self.asked.append(url)
        await self.hold.wait()
        page = self.pages.get(url, OutgoingError(f"{url}: answered 404", 404))
        if isinstance(page, Exception):
            raise page
        content = page if isinstance(page, bytes) else json.dumps(page).encode()
        return Fetched(content, self.cache_control if url == KEYS else "")


@pytest.fixture
def answers() -> Answers:
    return Answers()
