"""Clients that show who they are by an assertion that their key signs (RFC 7523 3, OpenID Connect Core 9).

An assertion is good for this service, a short time, and once: whoever reads one on its way has nothing. That it is
meant for this service its audience says, and it names nobody else: a client that also knows a hostile service would
otherwise sign there what passes here.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from portcullis.control.token_service.clients import ClientDirectory
from portcullis.control.token_service.errors import unproven
from portcullis.control.token_service.settings import TokenServiceSettings
from portcullis.engine.authentication.jose.claims import TokenRules, is_identifier
from portcullis.engine.authentication.jose.compact import read_claims, split
from portcullis.engine.authentication.jose.errors import TokenError
from portcullis.engine.authentication.jose.key_ring import FixedKeys
from portcullis.engine.authentication.jose.key_set import read_key_file
from portcullis.engine.authentication.jose.names import PUBLIC_ALGORITHMS
from portcullis.engine.authentication.jose.verifier import TokenVerifier, VerifiedToken
from portcullis.engine.authentication.replay import SingleUse
from portcullis.engine.token_service.messages import Call
from portcullis.stores.database.token_clients import StoredClient

LEEWAY_SECONDS: Final = 10.0
"""By how much the clocks of clients may differ from ours."""
LONGEST_SECONDS: Final = 300.0
"""How long an assertion may hold: its use is remembered so long. A minute is usual."""
TYPES: Final = frozenset({"", "jwt", "client-authentication+jwt"})
"""What ``typ`` may be: access tokens and proofs, which the same key may sign, say another."""
_MAX_VERIFIERS: Final = 1_024


class ClientAssertions:
    """Authenticates clients by their assertions, each of which passes once, whichever worker it came by."""

    def __init__(self, clients: ClientDirectory, uses: SingleUse) -> None:
        self._clients = clients
        self._uses = uses
        self._audiences: frozenset[str] = frozenset()
        self._verifier = lru_cache(_MAX_VERIFIERS)(_make_verifier)

    def take_over(self, settings: TokenServiceSettings) -> None:
        """Go by ``settings`` from now on."""
        self._audiences = frozenset(settings.assertion_audiences)

    def authenticate(self, call: Call, now: float) -> StoredClient:
        """The client whose assertion came with ``call``, at ``now`` in Unix seconds.

        Raises ``OAuthError``, always the same for the client, and ``CounterStoreError`` where it can't be found out
        whether the assertion was used before.
        """
        assertion = call.secret.encode()
        try:
            id_ = read_claims(split(assertion)[2]).get("sub")
            if not is_identifier(id_) or call.client not in ("", id_):
                raise unproven("the assertion is of another client than the one that is named")
            client = self._clients.find(id_)
            if client is None:
                raise unproven("no such client")
            self._check(client, self._verified(client, assertion, now), now)
        except TokenError as error:
            wanted = f"; right would be: {error.allowed}" if error.allowed else ""
            raise unproven(f"the assertion: {error.code.title}: {error.found}{wanted}") from None
        return client

    def _verified(self, client: StoredClient, assertion: bytes, now: float) -> VerifiedToken:
        first: TokenError | None = None
        for keys in _key_sets(client, now):
            try:
                return self._verifier(client.id, keys, self._audiences).verify(assertion, now)
            except TokenError as error:
                first = first or error
        raise first or unproven("the client has no key")

    def _check(self, client: StoredClient, verified: VerifiedToken, now: float) -> None:
        audience, lasts = verified.claims["aud"], verified.until - now
        if isinstance(audience, list) and len(audience) != 1:
            raise unproven("the assertion is for others, too: its aud names this service alone")
        if lasts > LONGEST_SECONDS + LEEWAY_SECONDS:
            raise unproven(f"the assertion holds for {lasts:.0f} s more; at most {LONGEST_SECONDS:.0f}")
        if not self._uses.is_first(f"{client.id}\0{verified.claims['jti']}", lasts):
            raise unproven("the assertion was used before")


def _key_sets(client: StoredClient, now: float) -> Iterator[bytes]:
    if client.key_set is not None:
        yield client.key_set
    if client.previous_key_set is not None and client.previous_until is not None and now < client.previous_until:
        yield client.previous_key_set


def _make_verifier(client: str, keys: bytes, audiences: frozenset[str]) -> TokenVerifier:
    rules = TokenRules(client, audiences, TYPES, frozenset({"sub", "jti"}), LEEWAY_SECONDS)
    return TokenVerifier(FixedKeys(read_key_file(keys)), PUBLIC_ALGORITHMS, rules)
