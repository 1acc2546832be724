"""From the settings of a ``jwt`` identity to what judges its tokens."""

from __future__ import annotations

from portcullis.engine.authentication.claim_mapping import ClaimMapping
from portcullis.engine.authentication.jose.claims import (
    ACCESS_TOKEN_CLAIMS,
    ACCESS_TOKEN_TYPES,
    ORDINARY_TYPES,
    TokenRules,
)
from portcullis.engine.authentication.jose.compact import media_type
from portcullis.engine.authentication.jose.key_ring import KeyRing
from portcullis.engine.authentication.jose.names import PUBLIC_ALGORITHMS
from portcullis.engine.authentication.jose.verified import VerifiedTokens
from portcullis.engine.authentication.jose.verifier import TokenVerifier
from portcullis.engine.authentication.key_loading import Place, decrypter, file_keys, secret_keys
from portcullis.engine.authentication.replay import SingleUse
from portcullis.engine.authentication.token_judge import ChangingKeys, TokenJudge
from portcullis.engine.policies.authenticate.jwt import JwtConfig, KeyFile
from portcullis.engine.ports import Ports


def judge_of(name: str, config: JwtConfig, ports: Ports) -> TokenJudge:
    """What judges the tokens of identity ``name``. Raises ``ConfigurationError`` for keys that can't be used."""
    where = ("identities", name, "jwt")
    keys = _keys(where, config, ports)
    return TokenJudge(
        f"#/identities/{name}/jwt",
        TokenVerifier(keys, _accepted(config), rules_of(config)),
        keys,
        ClaimMapping.of(name, "jwt", config, config.scopes).reader(),
        VerifiedTokens(config.cache),
        ports.clock,
        None if config.decrypt is None else decrypter((*where, "decrypt", "key"), config.decrypt.key, ports),
        SingleUse(f"jti {config.issuer}", ports.counters, ports.clock) if config.jti == "once" else None,
        accepts_bound=config.bound == "accept",
        confirms_certificates=config.bound == "refuse",
        confirms_keys=config.dpop is not None,
    )


def rules_of(config: JwtConfig) -> TokenRules:
    """What is asked of its tokens."""
    types, required = ORDINARY_TYPES, frozenset(config.require)
    if config.profile == "rfc9068":
        types, required = ACCESS_TOKEN_TYPES, required | ACCESS_TOKEN_CLAIMS
    elif config.typ is not None:
        types = frozenset({media_type(config.typ)})
    if config.jti == "once":
        required |= {"jti"}
    return TokenRules(config.issuer, frozenset(config.audience), types, required, config.leeway, config.max_age)


def _accepted(config: JwtConfig) -> frozenset[str]:
    if config.algorithms is not None:
        return frozenset(config.algorithms)
    return frozenset({"HS256"}) if config.secret is not None else PUBLIC_ALGORITHMS


def _keys(where: Place, config: JwtConfig, ports: Ports) -> ChangingKeys:
    if config.secret is not None:
        return secret_keys((*where, "secret"), config.secret, sorted(_accepted(config)), ports)
    if (source := config.key_source) is not None:
        return KeyRing(source, ports)
    assert isinstance(config.jwks, KeyFile)  # the only other place of keys
    return file_keys((*where, "jwks", "file"), config.jwks.file, config.algorithms, ports)
