"""Clients of the token service that sign assertions instead of sending a secret."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_COLUMNS = ("key_set", "previous_key_set")


def upgrade() -> None:
    """Clients that were there have a secret, or nothing, as before."""
    for name in _COLUMNS:
        op.add_column("token_clients", sa.Column(name, sa.LargeBinary))


def downgrade() -> None:
    """Drop the keys, and the clients that have no other proof: without it they would be taken for public ones."""
    clients = sa.table("token_clients", sa.column("id", sa.String), sa.column("key_set", sa.LargeBinary))
    families = sa.table("token_families", sa.column("id", sa.String), sa.column("client", sa.String))
    tokens = sa.table("refresh_tokens", sa.column("family", sa.String))
    signing = sa.select(clients.c.id).where(clients.c.key_set.is_not(None))
    theirs = sa.select(families.c.id).where(families.c.client.in_(signing))
    op.execute(sa.delete(tokens).where(tokens.c.family.in_(theirs)))
    op.execute(sa.delete(families).where(families.c.client.in_(signing)))
    op.execute(sa.delete(clients).where(clients.c.key_set.is_not(None)))
    for name in reversed(_COLUMNS):
        op.drop_column("token_clients", name)
