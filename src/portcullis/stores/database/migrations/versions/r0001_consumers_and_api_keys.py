"""Consumers, their API keys, and the revision that orders changes."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the three tables; revisions start at 0."""
    op.create_table(
        "consumers",
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("plan", sa.String(128), nullable=False),
        sa.Column("roles", sa.JSON, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_consumers"),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(8), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("consumer", sa.String(128), nullable=False),
        sa.Column("lineage", sa.String(8), nullable=False),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("label", sa.String(64), nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("expires", sa.Double),
        sa.Column("not_after", sa.Double),
        sa.Column("revoked_at", sa.Double),
        sa.Column("replaced_by", sa.String(8)),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("digest", name="uq_api_keys_digest"),
        sa.ForeignKeyConstraint(["consumer"], ["consumers.name"], name="fk_api_keys_consumer"),
    )
    for column in ("consumer", "lineage", "revision"):
        op.create_index(f"ix_api_keys_{column}", "api_keys", [column])
    revisions = op.create_table(
        "revisions",
        sa.Column("subject", sa.String(32), nullable=False),
        sa.Column("value", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("subject", name="pk_revisions"),
    )
    op.bulk_insert(revisions, [{"subject": "keys", "value": 0}])


def downgrade() -> None:
    """Drop the tables, and with them every key."""
    for table in ("revisions", "api_keys", "consumers"):
        op.drop_table(table)
