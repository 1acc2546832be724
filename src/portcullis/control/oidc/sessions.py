"""Sessions: kept in the database, ended for all workers at once.

A question may be under way while a session is ended: so what ended a short while ago is remembered here, and looked at
when the answer is given. A provider may tell of a log-out while the very login is being completed: that is remembered
too.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

import msgspec

from portcullis.control.oidc.sealing import Contents, SealError, digest_of, seal, unseal
from portcullis.engine.oidc.messages import RelyingPartySource
from portcullis.stores.database import browser_sessions as stored
from portcullis.stores.database.browser_sessions import StoredSession
from portcullis.stores.database.connection import Database
from portcullis.stores.database.grouped_writes import GroupedWrites

MAX_OF_SUBJECT: Final = 50
"""Sessions that one user may have at a time; the oldest gives way."""
MAX_REMEMBERED: Final = 100_000
REMEMBERED_SECONDS: Final = 120.0
"""Far longer than a question takes."""
_SWEPT_AT_ONCE: Final = 5_000


class SessionsFullError(Exception):
    """No more sessions can be kept."""


class Held(msgspec.Struct, frozen=True):
    """A session that holds, and what belongs to it."""

    stored: StoredSession
    contents: Contents


class _Recent:
    """Moments by key, of the last minutes; the oldest give way."""

    def __init__(self, wall_s: Callable[[], float]) -> None:
        self._wall_s = wall_s
        self._moments: OrderedDict[bytes, float] = OrderedDict()

    def note(self, keys: Iterable[bytes]) -> None:
        now = self._wall_s()
        moments = self._moments
        for key in keys:
            moments[key] = now
            moments.move_to_end(key)
        while moments and (len(moments) > MAX_REMEMBERED or next(iter(moments.values())) < now - REMEMBERED_SECONDS):
            moments.popitem(last=False)

    def since(self, key: bytes | None) -> float:
        """When it was noted last; 0 for never."""
        return 0.0 if key is None else self._moments.get(key, 0.0)


class Sessions:
    """All sessions. ``tell``: publishes the digests of sessions that workers must forget.

    Methods raise :class:`DatabaseError`.
    """

    def __init__(
        self, database: Database, wall_s: Callable[[], float], tell: Callable[[tuple[bytes, ...]], None]
    ) -> None:
        self._database = database
        self._writes = GroupedWrites(database)
        self._wall_s = wall_s
        self._tell = tell
        self._ended = _Recent(wall_s)
        self._logged_out = _Recent(wall_s)
        self.count = 0

    async def begin(
        self,
        source: RelyingPartySource,
        session: bytes,
        whose: tuple[str, str | None],
        contents: Contents,
        began: float,
    ) -> bool:
        """Begin a session of ``whose``: a subject, and a session at the provider. ``began``: when the login did.

        Says ``False`` where the provider has ended it meanwhile. Raises :class:`SessionsFullError`.
        """
        if self.count >= stored.MAX_SESSIONS:
            raise SessionsFullError(f"there are {stored.MAX_SESSIONS} sessions")
        now = self._wall_s()
        subject, sid = name_of(source.realm, "sub", whose[0]), name_of(source.realm, "sid", whose[1])
        assert subject is not None
        new = StoredSession(
            digest_of(session),
            source.realm,
            subject,
            sid,
            now,
            now + source.idle,
            now + source.lifetime,
            seal(session, source.realm, contents),
        )
        removed = await self._writes.run(lambda connection: stored.add_session(connection, new, MAX_OF_SUBJECT))
        self._have_ended(removed)
        self.count += 1
        if max(self._logged_out.since(subject), self._logged_out.since(sid)) < began:
            return True
        await self.end(session)
        return False

    async def find(self, source: RelyingPartySource, session: bytes) -> Held | None:
        """The session with this id, if it holds."""
        digest = digest_of(session)
        found = await asyncio.to_thread(self._read, source.realm, digest)
        if found is None or not found.holds(self._wall_s()) or self._ended.since(digest):
            return None
        try:
            return Held(found, unseal(session, source.realm, found.sealed))
        except SealError:
            return None

    async def touch(self, source: RelyingPartySource, held: Held) -> None:
        """The session was used."""
        idle_until = self._wall_s() + source.idle
        digest = held.stored.digest
        await self._writes.run(lambda connection: stored.touch_session(connection, digest, idle_until))

    async def renew(self, source: RelyingPartySource, session: bytes, contents: Contents) -> None:
        """Replace what belongs to the session; one that has ended stays so."""
        digest, sealed = digest_of(session), seal(session, source.realm, contents)
        await self._writes.run(lambda connection: stored.renew_session(connection, digest, sealed))
        self._tell((digest,))

    async def end(self, session: bytes) -> bool:
        """End the session with this id; whether there was one."""
        digest = digest_of(session)
        self._ended.note([digest])
        had = await self._writes.run(lambda connection: stored.end_session(connection, digest))
        self._have_ended([digest])
        return had

    async def end_of(self, source: RelyingPartySource, subject: str | None, sid: str | None) -> int:
        """End the sessions of a subject, of a session at the provider, or of both at once; how many there were."""
        realm = source.realm
        names = name_of(realm, "sub", subject), name_of(realm, "sid", sid)
        self._logged_out.note([names[1] or names[0] or b""])
        found = await self._writes.run(lambda connection: stored.end_sessions(connection, realm, *names))
        self._have_ended(found)
        return len(found)

    async def sweep(self) -> None:
        """Remove what is over, and count what is there."""
        forget = partial(stored.forget_sessions, now=self._wall_s(), most=_SWEPT_AT_ONCE)
        while await self._writes.run(forget) == _SWEPT_AT_ONCE:
            pass
        self.count = await asyncio.to_thread(self._count)

    def _have_ended(self, digests: list[bytes]) -> None:
        if digests:
            self._ended.note(digests)
            self._tell(tuple(digests))

    def _read(self, realm: str, digest: bytes) -> StoredSession | None:
        with self._database.reading() as connection:
            return stored.find_session(connection, realm, digest)

    def _count(self) -> int:
        with self._database.reading() as connection:
            return stored.count_sessions(connection)


def name_of(realm: str, kind: str, value: str | None) -> bytes | None:
    """A digest that stands for a subject or a provider's session, and tells neither."""
    return None if value is None else hashlib.sha256(f"{realm}\0{kind}\0{value}".encode()).digest()
