"""Sessions of browsers that have logged in at an OpenID provider."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_INDEXED = ("subject", "provider_session", "idle_until", "ends")


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "browser_sessions",
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("realm", sa.String(32), nullable=False),
        sa.Column("subject", sa.LargeBinary(32), nullable=False),
        sa.Column("provider_session", sa.LargeBinary(32)),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("idle_until", sa.Double, nullable=False),
        sa.Column("ends", sa.Double, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_browser_sessions"),
    )
    for column in _INDEXED:
        op.create_index(f"ix_browser_sessions_{column}", "browser_sessions", [column])


def downgrade() -> None:
    """Drop it: everybody has to log in again."""
    op.drop_table("browser_sessions")
