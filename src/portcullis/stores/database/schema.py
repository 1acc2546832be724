"""The tables as they are after all migrations; a test holds the two against each other. Times are Unix seconds."""

from __future__ import annotations

import sqlalchemy as sa

METADATA = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

CONSUMERS = sa.Table(
    "consumers",
    METADATA,
    sa.Column("name", sa.String(128), primary_key=True),
    sa.Column("plan", sa.String(128), nullable=False),
    sa.Column("roles", sa.JSON, nullable=False),
    sa.Column("created", sa.Double, nullable=False),
)

# ``lineage`` is the id of the first key of a chain of rotations; ``replaced_by`` the id of the next one in it, and
# ``not_after`` when this one then stops; ``revision`` that of the last change, which is how changes are found.
API_KEYS = sa.Table(
    "api_keys",
    METADATA,
    sa.Column("id", sa.String(8), primary_key=True),
    sa.Column("digest", sa.LargeBinary(32), nullable=False, unique=True),
    sa.Column("consumer", sa.String(128), sa.ForeignKey("consumers.name"), nullable=False, index=True),
    sa.Column("lineage", sa.String(8), nullable=False, index=True),
    sa.Column("scopes", sa.JSON, nullable=False),
    sa.Column("label", sa.String(64), nullable=False),
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("expires", sa.Double),
    sa.Column("not_after", sa.Double),
    sa.Column("revoked_at", sa.Double),
    sa.Column("replaced_by", sa.String(8)),
    sa.Column("revision", sa.BigInteger, nullable=False, index=True),
)

# One row a subject. Its update locks the row, so revisions become visible in the order they were taken.
REVISIONS = sa.Table(
    "revisions",
    METADATA,
    sa.Column("subject", sa.String(32), primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)
