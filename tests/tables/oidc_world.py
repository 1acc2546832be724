"""A provider in memory, by the letter, and a relying party that goes by it: the control process's side of logins."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

from portcullis.control.oidc.id_tokens import token_hash
from portcullis.control.oidc.provider import Provider
from portcullis.control.oidc.relying_party import RelyingParty
from portcullis.control.oidc.sessions import Sessions
from portcullis.control.oidc.tokens import TokenEndpoint
from portcullis.control.outgoing import Fetched, OutgoingError
from portcullis.engine.authentication.replay import SingleUse
from portcullis.engine.oidc.messages import LoginAnswer, LoginQuestion, RelyingPartySource
from portcullis.stores.database.connection import Database, locate, open_database
from portcullis.stores.database.migrate import bring_up_to_date
from portcullis.testing.fakes import FakeClock, FakeCounters
from portcullis.testing.tokens import Signer, key_set_of

ISSUER = "https://id.example.com"
SOURCE = RelyingPartySource(
    "people", ISSUER, "web", "https://shop.example.com", "https://shop.example.com/cb", scopes=("openid", "email")
)
EVENT = "http://schemas.openid.net/event/backchannel-logout"


class FakeProvider:
    """Stands for the calls to others. ``failing``: by URL, the status of an answer (0: none at all).

    ``changes``: to ID tokens; ``forms``: what the token endpoint was asked; ``extra``: of its answers.
    """

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.signers = [Signer("ES256", "first")]
        self.metadata: Any = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/keys",
            "end_session_endpoint": f"{ISSUER}/end",
        }
        self.failing: dict[str, int] = {}
        self.changes: dict[str, Any] = {}
        self.extra: dict[str, Any] = {"refresh_token": "refresh-0"}
        self.forms: list[dict[str, str]] = []
        self.gets: list[str] = []
        self.nonce = "n"

    def fail(self, path: str, status: int = 0) -> None:
        self.failing[ISSUER + path] = status

    async def get(self, url: str) -> Fetched:
        self.gets.append(url)
        self._answer(url)
        document = key_set_of(*self.signers) if url.endswith("/keys") else self.metadata
        return Fetched(json.dumps(document).encode())

    async def post_form(self, url: str, form: Any, *, fields: Any = None) -> Any:
        del fields
        self.forms.append(dict(form))
        self._answer(url)
        access_token = secrets.token_urlsafe(8)
        answer = {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": 300,
            "id_token": self.id_token(access_token),
            **self.extra,
        }
        return {name: value for name, value in answer.items() if value is not None}

    def _answer(self, url: str) -> None:
        if url in self.failing:
            raise OutgoingError(f"{url}: failed", self.failing[url])

    def id_token(self, access_token: str = "a") -> str:
        now = int(self.clock.wall_s())
        usual = {
            "iss": ISSUER,
            "aud": "web",
            "sub": "alice",
            "iat": now,
            "exp": now + 300,
            "nonce": self.nonce,
            "sid": "s-1",
            "at_hash": token_hash("ES256", access_token),
        }
        claims = {**usual, **self.changes}
        return self.signers[0].token({name: value for name, value in claims.items() if value is not None})

    def logout_token(self, **claims: Any) -> str:
        now = int(self.clock.wall_s())
        usual = {"iss": ISSUER, "aud": "web", "iat": now, "exp": now + 120, "jti": secrets.token_hex(8)}
        every = {**usual, "events": {EVENT: {}}, **claims}
        return self.signers[0].token({name: value for name, value in every.items() if value is not None})


class World:
    """A relying party of ``source``, its database below ``directory``; ``told``: digests that workers must forget."""

    def __init__(self, directory: Path, source: RelyingPartySource = SOURCE) -> None:
        self.clock = FakeClock()
        self.source = source
        self.database: Database = open_database(locate(None, directory, directory))
        bring_up_to_date(self.database)
        self.provider = FakeProvider(self.clock)
        self.told: list[bytes] = []
        wall_s = self.clock.wall_s
        self.sessions = Sessions(self.database, wall_s, self.told.extend)
        outgoing: Any = self.provider
        self.outgoing = outgoing
        once = SingleUse("x", FakeCounters(), self.clock)
        self.party = RelyingParty(
            source,
            Provider(source, outgoing, wall_s),
            TokenEndpoint(source, b"", outgoing, wall_s),
            self.sessions,
            once,
            wall_s,
        )

    async def log_in(self, session: bytes = b"s" * 32, **changes: Any) -> LoginAnswer:
        told = {"issuer": None, "verifier": "v", "nonce": "n", **changes}
        return await self.party.log_in(LoginQuestion(self.source.realm, "code", session=session, **told))

    async def settled(self) -> None:
        """Wait for what is done in the background."""
        await self.party.end()
