"""What clients can find out about the token service by themselves (RFC 8414)."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from portcullis.engine.authentication.jose.names import PUBLIC_ALGORITHMS
from portcullis.engine.token_service.declaring import TokenServiceConfig

CLIENT_CREDENTIALS: Final = "client_credentials"
REFRESH_TOKEN: Final = "refresh_token"  # noqa: S105 - the name of a grant
TOKEN_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105
GRANTS: Final = (CLIENT_CREDENTIALS, REFRESH_TOKEN, TOKEN_EXCHANGE)
"""What tokens can be asked for with."""
WELL_KNOWN: Final = "/.well-known/oauth-authorization-server"
MAX_KEY_SET_AGE: Final = 300
"""Seconds for which a key set may be kept by whoever fetched it, at most."""


def metadata(config: TokenServiceConfig) -> bytes:
    """The metadata document. Users don't log in here, so there is nothing of OpenID Connect in it."""
    base = config.issuer + config.path.rstrip("/")
    in_body = ["client_secret_post"] if config.client_secret_post else []
    methods, algorithms = ["client_secret_basic", *in_body, "private_key_jwt"], sorted(PUBLIC_ALGORITHMS)
    document: dict[str, Any] = {
        "issuer": config.issuer,
        "token_endpoint": token_endpoint(config),
        "revocation_endpoint": f"{base}/revoke",
        "introspection_endpoint": f"{base}/introspect",
        "jwks_uri": f"{base}/jwks",
        "grant_types_supported": list(GRANTS),
        "response_types_supported": [],
        "token_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
        "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
    }
    return msgspec.json.encode(document)


def token_endpoint(config: TokenServiceConfig) -> str:
    """The URL at which tokens are asked for."""
    return f"{config.issuer}{config.path.rstrip('/')}/token"


def key_set_age(config: TokenServiceConfig) -> int:
    """For how many seconds a key set may be kept: no longer than a key is published before it signs."""
    return int(min(config.signing.publish_before / 2, MAX_KEY_SET_AGE))
