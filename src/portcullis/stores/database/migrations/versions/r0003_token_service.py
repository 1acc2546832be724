"""What the token service keeps: clients, refresh tokens, revocations and keys."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_SUBJECTS = ("token_clients", "token_revocations")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "token_clients",
        sa.Column("id", sa.String(128), nullable=False),
        sa.Column("secret", sa.LargeBinary(32)),
        sa.Column("previous_secret", sa.LargeBinary(32)),
        sa.Column("previous_until", sa.Double),
        *(sa.Column(name, sa.JSON, nullable=False) for name in ("grants", "scopes", "audiences", "serves", "roles")),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("secret_changed", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_token_clients"),
    )
    op.create_table(
        "token_families",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("client", sa.String(128), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("audience", sa.String(255), nullable=False),
        *(sa.Column(name, sa.JSON, nullable=False) for name in ("scopes", "roles", "actors")),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("expires", sa.Double, nullable=False),
        sa.Column("revoked_at", sa.Double),
        sa.PrimaryKeyConstraint("id", name="pk_token_families"),
        sa.ForeignKeyConstraint(["client"], ["token_clients.id"], name="fk_token_families_client"),
    )
    op.create_index("ix_token_families_client", "token_families", ["client"])
    op.create_index("ix_token_families_expires", "token_families", ["expires"])
    op.create_table(
        "refresh_tokens",
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("family", sa.String(32), nullable=False),
        sa.Column("idle_until", sa.Double, nullable=False),
        sa.Column("used_at", sa.Double),
        sa.Column("successor", sa.LargeBinary(32)),
        sa.PrimaryKeyConstraint("digest", name="pk_refresh_tokens"),
        sa.ForeignKeyConstraint(["family"], ["token_families.id"], name="fk_refresh_tokens_family"),
    )
    op.create_index("ix_refresh_tokens_family", "refresh_tokens", ["family"])
    op.create_table(
        "token_revocations",
        sa.Column("id", sa.String(255), nullable=False),
        sa.Column("until", sa.Double, nullable=False),
        sa.Column("issued_by", sa.Double),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_token_revocations"),
    )
    op.create_index("ix_token_revocations_until", "token_revocations", ["until"])
    op.create_index("ix_token_revocations_revision", "token_revocations", ["revision"])
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.String(64), nullable=False),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("algorithm", sa.String(16), nullable=False),
        sa.Column("private", sa.LargeBinary, nullable=False),
        sa.Column("signs_from", sa.Double, nullable=False),
        sa.Column("lifetime", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("kid", name="pk_signing_keys"),
    )
    revisions = sa.table("revisions", sa.column("subject", sa.String), sa.column("value", sa.BigInteger))
    op.bulk_insert(revisions, [{"subject": subject, "value": 0} for subject in _SUBJECTS])


def downgrade() -> None:
    """Drop them: all tokens are refused then."""
    for name in ("signing_keys", "token_revocations", "refresh_tokens", "token_families", "token_clients"):
        op.drop_table(name)
    op.execute("DELETE FROM revisions WHERE subject IN ('token_clients', 'token_revocations')")
