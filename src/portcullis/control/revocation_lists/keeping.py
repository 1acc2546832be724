"""The lists of one listener: read and fetched when they are due, checked, and put together.

What was good holds until it runs out: a list that can't be had, can't be read or is older than the one before changes
nothing, and the log says so once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from cryptography import x509

from portcullis.control.outgoing import Outgoing, OutgoingError
from portcullis.control.revocation_lists.kept import MAX_LIST, KeptLists
from portcullis.control.revocation_lists.settings import ListenerLists
from portcullis.engine.authentication.authorities import read_authorities
from portcullis.engine.authentication.live_revocation import told
from portcullis.engine.authentication.revocation import RevocationList, RevocationListError, combined, read_list
from portcullis.engine.config.names import is_list_url
from portcullis.stores.files import ConfigurationFiles

RETRY_SECONDS: Final = 5.0
"""How soon a list is asked for again that could not be had; doubled each time, up to ``refresh``."""
EARLY: Final = 0.9
"""A list is fetched again when this part of the time that it holds is over, if ``refresh`` is longer."""
MAX_PLACES: Final = 128
"""Lists of one listener, those that certificates have named included."""
LIST_TYPE: Final = "application/pkix-crl"

_log = logging.getLogger(__name__)


class _Place:
    """Where one list is, and what is known of it. ``stamp``: of a file, by which it is seen to have changed."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.is_url = is_list_url(place)
        self.latest: RevocationList | None = None
        self.due = 0.0
        self.failures = 0
        self.stamp: tuple[int, int, int] | None = None
        self.in_trouble = False
        self.under_way: asyncio.Task[None] | None = None


class ListKeeper:
    """Keeps the lists that ``wanted`` names. ``changed`` is called with what workers are to be told."""

    def __init__(
        self,
        wanted: ListenerLists,
        files: ConfigurationFiles,
        outgoing: Outgoing,
        kept: KeptLists,
        wall_s: Callable[[], float],
        changed: Callable[[bytes], None],
    ) -> None:
        self.wanted = wanted
        self.failures = 0
        self.told: bytes | None = None
        self._files = files
        self._outgoing = outgoing
        self._kept = kept
        self._wall_s = wall_s
        self._changed = changed
        self._places = [_Place(place) for place in wanted.lists]

    def begin(self) -> None:
        """Read what is at hand: files, and what was kept of URLs."""
        for place in self._places:
            if place.is_url:
                data = self._kept.load(place.place)
                if data is not None:
                    self._read(place, data)
                place.due = 0.0
            else:
                self._look(place)
        self._tell()

    async def refresh(self) -> None:
        """Read and fetch what is due."""
        now = self._wall_s()
        for place in self._places:
            if not place.is_url:
                await asyncio.to_thread(self._look, place)
        self._tell()
        # One that is slow must not keep what the others say.
        due = [self._fetched(place) for place in self._places if place.is_url and now >= place.due]
        await asyncio.gather(*due)

    async def learn(self, urls: Sequence[str], issuer: bytes) -> None:
        """Go by the lists at ``urls`` too, which a certificate of ``issuer`` has named; returns when they were had.

        Nothing is done where a list of this issuer is there that holds.
        """
        now = self._wall_s()
        lists = [each.latest for each in self._places if each.latest is not None and each.latest.base is None]
        if any(each.issuer == issuer and now < each.until for each in lists):
            return
        for url in urls:
            place = next((each for each in self._places if each.place == url), None)
            if place is None:
                if len(self._places) >= MAX_PLACES:
                    return
                place = _Place(url)
                self._places.append(place)
            if place.under_way is not None or now >= place.due:
                await asyncio.shield(self._fetched(place))

    def oldest(self) -> float:
        """When the first of the lists runs out, in Unix seconds; 0 where one was never had."""
        return min((0.0 if each.latest is None else each.latest.until for each in self._places), default=0.0)

    def _look(self, place: _Place) -> None:
        try:
            status = self._files.path(place.place).stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            # What could not be used may be fine in a while: its authority may be there then, or its time have come.
            if stamp == place.stamp and (not place.failures or self._wall_s() < place.due):
                return
            data = self._files.read(place.place)
        except OSError as error:
            self._failed(place, error.strerror or str(error))
            return
        place.stamp = stamp
        if not self._read(place, data):
            place.due = self._wall_s() + self._pause(place)

    def _fetched(self, place: _Place) -> asyncio.Task[None]:
        """The fetching of a list that is under way: whoever comes meanwhile waits for the same one."""
        if place.under_way is None:
            place.under_way = asyncio.create_task(self._fetch(place))
            place.under_way.add_done_callback(lambda _done: setattr(place, "under_way", None))
        return place.under_way

    async def _fetch(self, place: _Place) -> None:
        try:
            data = (await self._outgoing.get(place.place, accept=LIST_TYPE, most=MAX_LIST)).content
        except OutgoingError as error:
            self._failed(place, str(error).removeprefix(f"{place.place}: "))
        else:
            if await asyncio.to_thread(self._read, place, data):
                self._tell()
                await self._keep(place, data)
        place.due = self._wall_s() + self._pause(place)

    def _pause(self, place: _Place) -> float:
        """Seconds until the list is fetched again."""
        most = self.wanted.refresh
        if place.failures:
            return float(min(most, RETRY_SECONDS * 2 ** min(place.failures - 1, 20)))
        left = 0.0 if place.latest is None else place.latest.until - self._wall_s()
        return float(max(1.0, min(most, left * EARLY)))

    async def _keep(self, place: _Place, data: bytes) -> None:
        try:
            await asyncio.to_thread(self._kept.save, place.place, data)
        except OSError as error:
            _log.warning("portcullis: a revocation list can't be kept for a restart: %s", error.strerror or error)

    def _read(self, place: _Place, data: bytes) -> bool:
        """Go by ``data``, if it is a list to go by; whether it is."""
        try:
            read = read_list(data, self._authorities(), self._wall_s(), deltas=True, by_authorities=True)
        except (RevocationListError, OSError, ValueError) as error:
            self._failed(place, str(error))
            return False
        before = place.latest
        if before is not None and before.issuer == read.issuer and read.number < before.number:
            self._failed(place, f"it is number {read.number}, older than number {before.number}")
            return False
        place.latest, place.failures = read, 0
        if place.in_trouble:
            place.in_trouble = False
            _log.warning("portcullis: the revocation list %s is fine again", place.place)
        return True

    def _authorities(self) -> Sequence[x509.Certificate]:
        return read_authorities(self._files.read(self.wanted.client_ca)).certificates

    def _failed(self, place: _Place, why: str) -> None:
        self.failures += 1
        place.failures += 1
        if not place.in_trouble:
            place.in_trouble = True
            held = "the one before holds until it runs out" if place.latest is not None else "there is none to go by"
            _log.warning("portcullis: the revocation list %s can't be used: %s; %s", place.place, why, held)

    def _tell(self) -> None:
        lists = [each.latest for each in self._places if each.latest is not None]
        message = told(combined(lists))
        if message != self.told and (lists or self.told is not None):
            self.told = message
            self._changed(message)
