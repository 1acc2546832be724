"""Fetches the key set of one source, whenever it is due, and says what it has.

A well-formed answer is the issuer's word: keys that it does not list hold no longer. Everything else (no answer, an
error, a page, a document without keys) is an outage, in which the keys that were fetched last are kept.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from typing import Final

from portcullis.control.key_sets.discovery import DiscoveryError, find_key_set
from portcullis.control.outgoing import Outgoing, OutgoingError
from portcullis.engine.authentication.jose.key_set import MalformedKeySetError, ReadKeySet, read_key_set
from portcullis.engine.authentication.jose.key_source import KeySetUpdate, KeySource

SOONEST_REFRESH: Final = 10.0
"""Seconds that an answer is used at least, whatever its ``max-age`` says, unless the file says less."""
FIRST_RETRY: Final = 1.0
LAST_RETRY: Final = 30.0
"""Seconds between tries while an issuer is away: doubled from the one to the other."""
_MAX_AGE: Final = re.compile(r"(?:^|[,\s])max-age=\"?([0-9]{1,9})")

_log = logging.getLogger(__name__)


class KeySetFetcher:
    """The key set of ``source``. ``changed`` is called with every fetched one; times are Unix seconds.

    ``latest``: what is known; ``size``: keys in use; ``failures``: fetches that failed, ever; ``due``: when to fetch.
    """

    def __init__(
        self,
        source: KeySource,
        outgoing: Outgoing,
        wall_s: Callable[[], float],
        changed: Callable[[KeySource, KeySetUpdate], None],
        kept: KeySetUpdate | None = None,
    ) -> None:
        self.source = source
        self.latest = kept
        self.size = 0 if kept is None else read_key_set(kept.document, source.algorithms).keys.size
        self.failures = 0
        self.due = 0.0
        self._outgoing = outgoing
        self._wall_s = wall_s
        self._changed = changed
        self._url = source.url
        self._began = 0.0
        self._failed_in_a_row = 0
        self._told: tuple[str, ...] = ()
        self._fetching: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        state = "fetching" if self._fetching is not None else f"due={self.due:.1f}"
        return f"<KeySetFetcher {self.source.place} {state} keys={self.size} failed={self._failed_in_a_row}>"

    def begin(self) -> asyncio.Task[None]:
        """Fetch, unless it is being fetched already. The task never fails."""
        if self._fetching is None:
            self._began = self._wall_s()
            self._fetching = asyncio.create_task(self._fetch(), name=f"keys of {self.source.place}")
            self._fetching.add_done_callback(self._fetched)
        return self._fetching

    async def refetch(self) -> bool:
        """Look for newer keys, unless that was done a moment ago; says whether what is known is as new as it may be."""
        if self._fetching is not None or not 0 <= self._wall_s() - self._began < self.source.refetch:
            await asyncio.shield(self.begin())
        return not self._failed_in_a_row

    def end(self) -> None:
        """Give up what is under way."""
        if self._fetching is not None:
            self._fetching.cancel()

    def _fetched(self, _task: asyncio.Task[None]) -> None:
        self._fetching = None

    async def _fetch(self) -> None:
        try:
            read, cache_control = await self._get()
        except (OutgoingError, DiscoveryError, MalformedKeySetError) as error:
            self._fail(str(error))
            return
        except Exception as error:  # noqa: BLE001 - whatever it was, it is tried again, and not at once
            self._fail(f"a mistake of ours ({type(error).__name__})")
            return
        now = self._wall_s()
        self._failed_in_a_row = 0
        self.due = now + refresh_after(self.source, cache_control)
        self.latest = KeySetUpdate(read.document, now, now + self.source.keep)
        self.size = read.keys.size
        problems = list(read.keys.problems)
        if not self.size:
            problems.append("no key in the set can be used: tokens of this issuer are refused")
        self._tell(problems)
        self._changed(self.source, self.latest)

    async def _get(self) -> tuple[ReadKeySet, str]:
        """The set, and what is said of how long it holds. The discovery document is read again at every refresh."""
        due = self._began >= self.due
        if not self.source.url and (due or not self._url):
            self._url = await find_key_set(self.source.issuer, self._outgoing)
        fetched = await self._outgoing.get(self._url)
        return read_key_set(fetched.content, self.source.algorithms), fetched.cache_control

    def _fail(self, why: str) -> None:
        now = self._wall_s()
        self.failures += 1
        self._failed_in_a_row += 1
        pause = min(FIRST_RETRY * 2 ** min(self._failed_in_a_row - 1, 10), LAST_RETRY, self.source.refresh)
        self.due = now + pause
        if self.latest is None:
            why = f"{why}: there are no keys yet, so tokens of this issuer are refused"
        elif self.latest.usable_until <= now:
            why = f"{why}: the keys have become too old, so tokens of this issuer are refused"
        self._tell([why])

    def _tell(self, problems: list[str]) -> None:
        """Say what is wrong, and when all is well again: once each."""
        before, self._told = self._told, tuple(problems)
        for problem in problems:
            if problem not in before:
                _log.warning("portcullis: keys of %s: %s", self.source.place, problem)
        if before and not problems:
            _log.warning("portcullis: keys of %s: all is well again", self.source.place)


def refresh_after(source: KeySource, cache_control: str) -> float:
    """In how many seconds to fetch again: as the file says, sooner where the answer does, within reason."""
    match = _MAX_AGE.search(cache_control.lower())
    if match is None:
        return source.refresh
    return min(source.refresh, max(float(match[1]), SOONEST_REFRESH))
