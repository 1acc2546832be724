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
# ``apis``, ``operations`` and ``networks`` are where a key works, everywhere if empty; ``last_used`` is no change.
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
    sa.Column("apis", sa.JSON, nullable=False, server_default="[]"),
    sa.Column("operations", sa.JSON, nullable=False, server_default="[]"),
    sa.Column("networks", sa.JSON, nullable=False, server_default="[]"),
    sa.Column("environment", sa.String(8), nullable=False, server_default=sa.text("''")),
    sa.Column("last_used", sa.Double),
)

# A user is a consumer that has a password: ``password`` is its hash, in the PHC string format.
USERS = sa.Table(
    "users",
    METADATA,
    sa.Column("name", sa.String(128), sa.ForeignKey("consumers.name"), primary_key=True),
    sa.Column("password", sa.String(512), nullable=False),
    sa.Column("scopes", sa.JSON, nullable=False),
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("password_changed", sa.Double, nullable=False),
    sa.Column("disabled_at", sa.Double),
    sa.Column("revision", sa.BigInteger, nullable=False, index=True),
)

# Whoever may ask the token service for tokens. ``secret`` is the SHA-256 of the secret, ``key_set`` what verifies its
# assertions; a public client has neither. The previous ones work until ``previous_until``. ``serves``: the audiences
# that it is itself.
TOKEN_CLIENTS = sa.Table(
    "token_clients",
    METADATA,
    sa.Column("id", sa.String(128), primary_key=True),
    sa.Column("secret", sa.LargeBinary(32)),
    sa.Column("previous_secret", sa.LargeBinary(32)),
    sa.Column("previous_until", sa.Double),
    sa.Column("key_set", sa.LargeBinary),
    sa.Column("previous_key_set", sa.LargeBinary),
    sa.Column("grants", sa.JSON, nullable=False),
    sa.Column("scopes", sa.JSON, nullable=False),
    sa.Column("audiences", sa.JSON, nullable=False),
    sa.Column("serves", sa.JSON, nullable=False),
    sa.Column("roles", sa.JSON, nullable=False),
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("secret_changed", sa.Double, nullable=False),
)

# All tokens that came from one grant, each refreshed by the one before; it is over when ``revoked_at`` is set.
TOKEN_FAMILIES = sa.Table(
    "token_families",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("client", sa.String(128), sa.ForeignKey("token_clients.id"), nullable=False, index=True),
    sa.Column("subject", sa.String(255), nullable=False),
    sa.Column("audience", sa.String(255), nullable=False),
    sa.Column("scopes", sa.JSON, nullable=False),
    sa.Column("roles", sa.JSON, nullable=False),
    sa.Column("actors", sa.JSON, nullable=False),
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("expires", sa.Double, nullable=False, index=True),
    sa.Column("revoked_at", sa.Double),
)

# Refresh tokens by their SHA-256, also used ones: a second use is what tells of a theft.
REFRESH_TOKENS = sa.Table(
    "refresh_tokens",
    METADATA,
    sa.Column("digest", sa.LargeBinary(32), primary_key=True),
    sa.Column("family", sa.String(32), sa.ForeignKey("token_families.id"), nullable=False, index=True),
    sa.Column("idle_until", sa.Double, nullable=False),
    sa.Column("used_at", sa.Double),
    sa.Column("successor", sa.LargeBinary(32)),
)

# What no token holds of any more; see ``engine/token_service/messages.py``.
TOKEN_REVOCATIONS = sa.Table(
    "token_revocations",
    METADATA,
    sa.Column("id", sa.String(255), primary_key=True),
    sa.Column("until", sa.Double, nullable=False, index=True),
    sa.Column("issued_by", sa.Double),
    sa.Column("revision", sa.BigInteger, nullable=False, index=True),
)

# Keys that sign tokens (``purpose``: access or identity), PKCS #8; each signs until the next one of its purpose does.
# ``lifetime``: of the longest-lived token that it may have signed, in seconds.
SIGNING_KEYS = sa.Table(
    "signing_keys",
    METADATA,
    sa.Column("kid", sa.String(64), primary_key=True),
    sa.Column("purpose", sa.String(16), nullable=False),
    sa.Column("algorithm", sa.String(16), nullable=False),
    sa.Column("private", sa.LargeBinary, nullable=False),
    sa.Column("signs_from", sa.Double, nullable=False),
    sa.Column("lifetime", sa.Double, nullable=False),
)

# Sessions of browsers that have logged in, by the SHA-256 of their id; ``subject`` and ``provider_session`` are digests
# too: whose they are is in ``sealed``, which only the id opens. ``realm``: of the identity that they are of.
BROWSER_SESSIONS = sa.Table(
    "browser_sessions",
    METADATA,
    sa.Column("digest", sa.LargeBinary(32), primary_key=True),
    sa.Column("realm", sa.String(32), nullable=False),
    sa.Column("subject", sa.LargeBinary(32), nullable=False, index=True),
    sa.Column("provider_session", sa.LargeBinary(32), index=True),
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("idle_until", sa.Double, nullable=False, index=True),
    sa.Column("ends", sa.Double, nullable=False, index=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)

# One row a subject. Its update locks the row, so revisions become visible in the order they were taken.
REVISIONS = sa.Table(
    "revisions",
    METADATA,
    sa.Column("subject", sa.String(32), primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)

# Who does some work at a time, and until when; whoever dies over it is followed by another once that is past.
LEASES = sa.Table(
    "leases",
    METADATA,
    sa.Column("name", sa.String(128), primary_key=True),
    sa.Column("holder", sa.String(64), nullable=False),
    sa.Column("until", sa.Double, nullable=False),
)
