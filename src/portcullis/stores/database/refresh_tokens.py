"""Refresh tokens and the families that they belong to, in the database. Functions work in somebody's transaction."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa

from portcullis.stores.database.schema import REFRESH_TOKENS, TOKEN_FAMILIES


class StoredFamily(msgspec.Struct, frozen=True):
    """What tokens of one grant say; times are Unix seconds. ``actors``: who acts for the subject, the caller first."""

    id: str
    client: str
    subject: str
    audience: str
    scopes: tuple[str, ...]
    roles: tuple[str, ...]
    actors: tuple[str, ...]
    created: float
    expires: float
    revoked_at: float | None = None


class StoredRefreshToken(msgspec.Struct, frozen=True):
    """A refresh token by its SHA-256. ``successor``: of the one that it gave when it was used, at ``used_at``."""

    digest: bytes
    family: StoredFamily
    idle_until: float
    used_at: float | None = None
    successor: bytes | None = None

    def __repr__(self) -> str:
        return f"StoredRefreshToken({self.family.id})"


def find_refresh_token(connection: sa.Connection, digest: bytes) -> StoredRefreshToken | None:
    """The refresh token with this digest, and its family."""
    joined = sa.join(REFRESH_TOKENS, TOKEN_FAMILIES, REFRESH_TOKENS.c.family == TOKEN_FAMILIES.c.id)
    columns = (*TOKEN_FAMILIES.c, *(each for each in REFRESH_TOKENS.c if each.name != "family"))
    query = sa.select(*columns).select_from(joined).where(REFRESH_TOKENS.c.digest == digest)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return StoredRefreshToken(row.digest, _family(row), row.idle_until, row.used_at, row.successor)


def add_family(connection: sa.Connection, family: StoredFamily) -> None:
    """Begin a family."""
    values: dict[str, Any] = msgspec.structs.asdict(family)
    values |= {name: list(values[name]) for name in ("scopes", "roles", "actors")}
    connection.execute(sa.insert(TOKEN_FAMILIES).values(**values))


def add_refresh_token(connection: sa.Connection, digest: bytes, family: str, idle_until: float) -> None:
    """Add a token that was not used yet."""
    connection.execute(sa.insert(REFRESH_TOKENS).values(digest=digest, family=family, idle_until=idle_until))


def use_refresh_token(connection: sa.Connection, digest: bytes, used_at: float, successor: bytes) -> None:
    """Note that a token was used and gave ``successor``."""
    mine = REFRESH_TOKENS.c.digest == digest
    connection.execute(sa.update(REFRESH_TOKENS).where(mine).values(used_at=used_at, successor=successor))


def revoke_family(connection: sa.Connection, id_: str, now: float) -> bool:
    """End a family; whether it was not over already."""
    mine = sa.and_(TOKEN_FAMILIES.c.id == id_, TOKEN_FAMILIES.c.revoked_at.is_(None))
    return connection.execute(sa.update(TOKEN_FAMILIES).where(mine).values(revoked_at=now)).rowcount > 0


def families_of(connection: sa.Connection, client: str) -> list[str]:
    """The ids of a client's families that are not over."""
    mine = sa.and_(TOKEN_FAMILIES.c.client == client, TOKEN_FAMILIES.c.revoked_at.is_(None))
    return list(connection.scalars(sa.select(TOKEN_FAMILIES.c.id).where(mine)))


def forget_families(connection: sa.Connection, now: float, most: int) -> int:
    """Remove at most ``most`` families that have ended by their time, with their tokens; how many there were."""
    ended = list(connection.scalars(sa.select(TOKEN_FAMILIES.c.id).where(TOKEN_FAMILIES.c.expires <= now).limit(most)))
    if ended:
        connection.execute(sa.delete(REFRESH_TOKENS).where(REFRESH_TOKENS.c.family.in_(ended)))
        connection.execute(sa.delete(TOKEN_FAMILIES).where(TOKEN_FAMILIES.c.id.in_(ended)))
    return len(ended)


def _family(row: sa.Row[Any]) -> StoredFamily:
    return StoredFamily(
        id=row.id,
        client=row.client,
        subject=row.subject,
        audience=row.audience,
        scopes=tuple(row.scopes),
        roles=tuple(row.roles),
        actors=tuple(row.actors),
        created=row.created,
        expires=row.expires,
        revoked_at=row.revoked_at,
    )
