"""Users with passwords, and where keys work and when they were last used."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the table of users; keys that were there work everywhere, as before."""
    op.create_table(
        "users",
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("password", sa.String(512), nullable=False),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("password_changed", sa.Double, nullable=False),
        sa.Column("disabled_at", sa.Double),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_users"),
        sa.ForeignKeyConstraint(["name"], ["consumers.name"], name="fk_users_name"),
    )
    op.create_index("ix_users_revision", "users", ["revision"])
    revisions = sa.table("revisions", sa.column("subject", sa.String), sa.column("value", sa.BigInteger))
    op.bulk_insert(revisions, [{"subject": "users", "value": 0}])
    for name in ("apis", "operations", "networks"):
        op.add_column("api_keys", sa.Column(name, sa.JSON, nullable=False, server_default="[]"))
    op.add_column("api_keys", sa.Column("environment", sa.String(8), nullable=False, server_default=sa.text("''")))
    op.add_column("api_keys", sa.Column("last_used", sa.Double))


def downgrade() -> None:
    """Drop the users, and what keys are restricted to: those that are restricted are dropped too."""
    keys = sa.table(
        "api_keys",
        *(sa.column(name, sa.JSON) for name in ("apis", "operations", "networks")),
    )
    restricted = sa.or_(*(sa.cast(column, sa.String) != "[]" for column in keys.c))
    op.execute(sa.delete(keys).where(restricted))
    for name in ("last_used", "environment", "networks", "operations", "apis"):
        op.drop_column("api_keys", name)
    op.execute("DELETE FROM revisions WHERE subject = 'users'")
    op.drop_table("users")
