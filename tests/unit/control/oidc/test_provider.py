from __future__ import annotations

import asyncio
from typing import Any

import pytest
from oidc_world import ISSUER, SOURCE, World
from rows import rows

from portcullis.control.oidc.id_tokens import id_token_rules
from portcullis.control.oidc.provider import (
    FRESH_SECONDS,
    PAUSE_SECONDS,
    REFETCH_SECONDS,
    ProviderError,
    metadata_in,
)
from portcullis.engine.authentication.jose.errors import TokenError
from portcullis.engine.authentication.jose.verifier import TokenVerifier
from portcullis.testing.tokens import Signer

GOOD = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
}
DISCOVERY = f"{ISSUER}/.well-known/openid-configuration"


def test_it_is_asked_once_however_many_wait_and_again_when_it_has_become_old(world: World) -> None:
    async def scenario() -> None:
        provider = world.party.provider
        found = await asyncio.gather(*(provider.metadata() for _ in range(10)))
        assert {each.token_endpoint for each in found} == {f"{ISSUER}/token"}
        assert world.provider.gets.count(DISCOVERY) == 1
        world.clock.advance(FRESH_SECONDS)
        world.provider.metadata["token_endpoint"] = f"{ISSUER}/new"
        await provider.metadata()
        await asyncio.sleep(0.01)
        assert (await provider.metadata()).token_endpoint == f"{ISSUER}/new"

    asyncio.run(scenario())


def test_what_it_said_last_holds_while_it_is_away_and_nothing_does_before(world: World) -> None:
    async def scenario() -> None:
        provider = world.party.provider
        world.provider.fail("/.well-known/openid-configuration")
        for _ in range(3):
            with pytest.raises(ProviderError):
                await provider.metadata()
        assert len(world.provider.gets) == 1
        world.clock.advance(PAUSE_SECONDS)
        world.provider.failing.clear()
        await provider.metadata()
        world.provider.fail("/.well-known/openid-configuration")
        world.clock.advance(FRESH_SECONDS)
        await provider.metadata()
        await asyncio.sleep(0.01)
        assert (await provider.metadata()).token_endpoint == f"{ISSUER}/token"

    asyncio.run(scenario())


def test_one_that_has_only_the_oauth_document_is_found(world: World) -> None:
    async def scenario() -> None:
        world.provider.fail("/.well-known/openid-configuration", 404)
        await world.party.provider.metadata()
        assert world.provider.gets[-1] == f"{ISSUER}/.well-known/oauth-authorization-server"

    asyncio.run(scenario())


def test_newer_keys_are_looked_for_and_keys_that_are_gone_hold_no_longer(world: World) -> None:
    async def scenario() -> None:
        keys = world.party.provider.keys
        verifier = TokenVerifier(keys, {"ES256"}, id_token_rules(SOURCE))
        old = world.provider.id_token().encode()
        await keys.verify(verifier, old)
        world.provider.signers = [Signer("ES256", "second")]
        new = world.provider.id_token().encode()
        with pytest.raises(TokenError):
            await keys.verify(verifier, new)
        world.clock.advance(REFETCH_SECONDS)
        await keys.verify(verifier, new)
        with pytest.raises(TokenError):
            await keys.verify(verifier, old)

    asyncio.run(scenario())


@rows(
    "more",
    [
        {},
        {"end_session_endpoint": f"{ISSUER}/end"},
        {"authorization_endpoint": f"{ISSUER}/authorize?p=web"},
        {"authorization_endpoint": "https://elsewhere.example/authorize"},
        {"code_challenge_methods_supported": ["plain", "S256"]},
    ],
)
def test_documents_that_are_fine(more: dict[str, Any]) -> None:
    assert metadata_in({**GOOD, **more}, ISSUER).token_endpoint == f"{ISSUER}/token"


@rows(
    "more",
    [
        {"issuer": "https://evil.example"},
        {"issuer": f"{ISSUER}/"},
        {"issuer": None},
        {"token_endpoint": None},
        {"token_endpoint": "http://id.example.com/token"},
        {"token_endpoint": "http://127.0.0.1/token"},
        {"token_endpoint": "https://u:p@id.example.com/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": f"{ISSUER}/a?b=\r\n"},
        {"authorization_endpoint": f"{ISSUER}/a#b"},
        {"end_session_endpoint": ""},
        {"end_session_endpoint": 5},
        {"code_challenge_methods_supported": ["plain"]},
    ],
)
def test_documents_that_are_not(more: dict[str, Any]) -> None:
    with pytest.raises(ProviderError):
        metadata_in({**GOOD, **more}, ISSUER)
    with pytest.raises(ProviderError):
        metadata_in([], ISSUER)
