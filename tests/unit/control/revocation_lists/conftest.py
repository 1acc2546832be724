"""Lists of a mesh, in files and at URLs."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from portcullis.control.outgoing import Fetched, OutgoingError
from portcullis.control.revocation_lists.keeping import ListKeeper
from portcullis.control.revocation_lists.kept import KeptLists
from portcullis.control.revocation_lists.settings import ListenerLists
from portcullis.engine.authentication.live_revocation import LiveRevocation
from portcullis.stores.files import ConfigurationFiles
from portcullis.testing.certificates import Authority, Issued

MESH = Authority("mesh")


class World:
    """``pages``: what is at URLs; ``told``: what workers know."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mesh = MESH
        (folder / "ca.pem").write_bytes(MESH.pem)
        self.pages: dict[str, bytes | OutgoingError] = {}
        self.asked: list[str] = []
        self.now = time.time()
        self.messages: list[bytes] = []
        self.slow: asyncio.Event | None = None
        self.is_told = asyncio.Event()

    def tell(self, message: bytes) -> None:
        self.messages.append(message)
        self.is_told.set()

    async def get(self, url: str, *, accept: str, most: int) -> Fetched:
        assert accept == "application/pkix-crl"
        assert most > 1024 * 1024
        self.asked.append(url)
        if self.slow is not None:
            await self.slow.wait()
        page = self.pages.get(url, OutgoingError(f"{url}: answered 404", 404))
        if isinstance(page, OutgoingError):
            raise page
        return Fetched(page)

    def keeper(self, *lists: str, refresh: float = 60.0) -> ListKeeper:
        outgoing: Any = self
        wanted = ListenerLists("mesh", "ca.pem", lists, refresh)
        files, kept = ConfigurationFiles(self.folder / "portcullis.yaml"), KeptLists(self.folder)
        return ListKeeper(wanted, files, outgoing, kept, lambda: self.now, self.tell)

    def status(self, issued: Issued) -> str:
        """What workers know of a certificate."""
        live = LiveRevocation("refuse")
        if self.messages:
            live.apply(self.messages[-1])
        certificate = issued.certificate
        return live.status([(certificate.issuer.public_bytes(), certificate.serial_number)], self.now)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)
