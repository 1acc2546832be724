"""What of the configuration concerns the token service."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from portcullis.engine.config.model import Configuration, OperationSettings
from portcullis.engine.token_service.declaring import SigningAlgorithm, TokenServiceConfig
from portcullis.engine.token_service.metadata import token_endpoint


class TokenServiceSettings(msgspec.Struct, frozen=True):
    """Without an ``issuer`` there is no token service. Times are in seconds.

    ``roles``: that clients may have; ``exclusive``: of these not both; ``identity_lifetime``: of the longest-lived
    identity token; ``calls_per_client``: in a minute; ``assertion_audiences``: what clients may sign
    assertions for.
    """

    issuer: str = ""
    audiences: tuple[str, ...] = ()
    token_lifetime: float = 300.0
    algorithm: SigningAlgorithm = "ES256"
    rotate_every: float = 30 * 86400.0
    publish_before: float = 86400.0
    refresh_lifetime: float = 30 * 86400.0
    refresh_idle: float = 7 * 86400.0
    refresh_grace: float = 0.0
    max_actors: int = 4
    calls_per_client: int = 3_000
    identity_lifetime: float = 60.0
    roles: tuple[str, ...] = ()
    exclusive: tuple[tuple[str, str], ...] = ()
    assertion_audiences: tuple[str, ...] = ()

    @classmethod
    def of(cls, configuration: Configuration) -> TokenServiceSettings:
        """The settings in ``configuration``."""
        # The supervisor reads them too, and has no other use for roles.
        from portcullis.engine.authorization.roles import Roles  # noqa: PLC0415

        config = configuration.token_service
        if config is None:
            return cls()
        lifetime = max(_identity_lifetimes(configuration), default=60.0)
        return cls.from_section(config, configuration.roles, Roles(configuration.roles).exclusive, lifetime)

    @classmethod
    def from_section(
        cls,
        config: TokenServiceConfig,
        roles: Iterable[str],
        exclusive: Iterable[tuple[str, str]],
        identity_lifetime: float = 60.0,
    ) -> TokenServiceSettings:
        """The settings in one section, in a configuration with these ``roles``, of which some exclude each other."""
        return cls(
            config.issuer,
            tuple(config.audiences),
            config.token_lifetime,
            config.signing.algorithm,
            config.signing.rotate_every,
            config.signing.publish_before,
            config.refresh.lifetime,
            config.refresh.idle,
            config.refresh.grace,
            config.exchange.max_actors,
            config.calls_per_client,
            identity_lifetime,
            tuple(roles),
            tuple(sorted(exclusive)),
            (config.issuer, token_endpoint(config)) if config.token_endpoint_audience else (config.issuer,),
        )


def _identity_lifetimes(configuration: Configuration) -> Iterator[float]:
    for settings in _all_settings(configuration):
        identity = None if settings.transform is None else settings.transform.identity
        if identity is not None and identity.token is not None:
            yield identity.token.lifetime


def _all_settings(configuration: Configuration) -> Iterator[OperationSettings]:
    for api in configuration.apis.values():
        yield api
        yield from api.operations.values()
        for version in api.versions.values():
            yield version
            yield from version.operations.values()
