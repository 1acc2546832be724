"""Sessions of browsers, in the database. Functions work in somebody's transaction."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import sqlalchemy as sa

from portcullis.stores.database.schema import BROWSER_SESSIONS as TABLE

MAX_SESSIONS: Final = 1_000_000
"""How many there may be at a time."""


class StoredSession(msgspec.Struct, frozen=True):
    """One session; times are Unix seconds.

    ``digest``: the SHA-256 of its id; ``subject`` and ``provider_session``: digests of whose it is, and of which
    session at the provider; ``sealed``: what belongs to it, which only its id opens.
    """

    digest: bytes
    realm: str
    subject: bytes
    provider_session: bytes | None
    created: float
    idle_until: float
    ends: float
    sealed: bytes

    def __repr__(self) -> str:
        return f"StoredSession({self.digest.hex()[:8]})"

    def holds(self, now: float) -> bool:
        """Whether it is not over at ``now``."""
        return now < self.idle_until and now < self.ends


def find_session(connection: sa.Connection, realm: str, digest: bytes) -> StoredSession | None:
    """The session with this digest."""
    mine = sa.and_(TABLE.c.digest == digest, TABLE.c.realm == realm)
    row = connection.execute(sa.select(TABLE).where(mine)).one_or_none()
    return None if row is None else _session(row)


def add_session(connection: sa.Connection, session: StoredSession, most_of_subject: int) -> list[bytes]:
    """Add a session; gives the digests of those that were removed since the subject had ``most_of_subject`` already."""
    of_subject = sa.select(TABLE.c.digest).where(TABLE.c.realm == session.realm, TABLE.c.subject == session.subject)
    oldest = of_subject.order_by(TABLE.c.created.desc()).offset(most_of_subject - 1)
    removed = list(connection.scalars(oldest))
    if removed:
        connection.execute(sa.delete(TABLE).where(TABLE.c.digest.in_(removed)))
    connection.execute(sa.insert(TABLE).values(**msgspec.structs.asdict(session)))
    return removed


def count_sessions(connection: sa.Connection) -> int:
    """How many there are, also such as are over."""
    return int(connection.execute(sa.select(sa.func.count()).select_from(TABLE)).scalar_one())


def touch_session(connection: sa.Connection, digest: bytes, idle_until: float) -> None:
    """Let the session go on until then without a call."""
    connection.execute(sa.update(TABLE).where(TABLE.c.digest == digest).values(idle_until=idle_until))


def renew_session(connection: sa.Connection, digest: bytes, sealed: bytes) -> bool:
    """Replace what belongs to the session; whether there still is one."""
    return connection.execute(sa.update(TABLE).where(TABLE.c.digest == digest).values(sealed=sealed)).rowcount > 0


def end_session(connection: sa.Connection, digest: bytes) -> bool:
    """Remove the session; whether there was one."""
    return connection.execute(sa.delete(TABLE).where(TABLE.c.digest == digest)).rowcount > 0


def end_sessions(
    connection: sa.Connection, realm: str, subject: bytes | None, provider_session: bytes | None
) -> list[bytes]:
    """Remove the sessions of ``subject``, of ``provider_session``, or of both where both are given; their digests."""
    if subject is None and provider_session is None:
        raise ValueError("sessions of nobody")
    wanted = [TABLE.c.realm == realm]
    if subject is not None:
        wanted.append(TABLE.c.subject == subject)
    if provider_session is not None:
        wanted.append(TABLE.c.provider_session == provider_session)
    found = list(connection.scalars(sa.select(TABLE.c.digest).where(*wanted)))
    if found:
        connection.execute(sa.delete(TABLE).where(*wanted))
    return found


def forget_sessions(connection: sa.Connection, now: float, most: int) -> int:
    """Remove at most ``most`` sessions that are over; how many there were."""
    over = sa.or_(TABLE.c.ends <= now, TABLE.c.idle_until <= now)
    found = list(connection.scalars(sa.select(TABLE.c.digest).where(over).limit(most)))
    if found:
        connection.execute(sa.delete(TABLE).where(TABLE.c.digest.in_(found)))
    return len(found)


def _session(row: sa.Row[Any]) -> StoredSession:
    return StoredSession(
        row.digest, row.realm, row.subject, row.provider_session, row.created, row.idle_until, row.ends, row.sealed
    )
