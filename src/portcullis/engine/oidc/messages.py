"""What workers and the control process say to each other about logins and sessions.

A worker names a relying party by its ``realm``: it can't make the control process send anything to a place that the
file does not name.
"""

from __future__ import annotations

import hashlib
from typing import Final, Literal

import msgspec

PROVIDERS: Final = "oidc:providers"
"""Of questions: a :class:`ProviderQuestion`."""
LOGINS: Final = "oidc:logins"
"""Of questions: a :class:`LoginQuestion`."""
SESSIONS: Final = "oidc:sessions"
"""Of questions: a :class:`SessionQuestion`; and under which workers are told :class:`SessionNews`."""
LOGOUTS: Final = "oidc:logouts"
"""Of questions: a :class:`LogoutQuestion`."""
BACK_CHANNEL: Final = "oidc:back_channel"
"""Of questions: a :class:`BackChannelQuestion`."""

Result = Literal["done", "refused", "unavailable"]
SecretMethod = Literal["client_secret_basic", "client_secret_post", "none"]


class RelyingPartySource(msgspec.Struct, frozen=True, array_like=True):
    """One relying party: identity ``name``, which is ``client`` to ``issuer`` and is reached at ``origin``.

    ``redirect_uri``: where the provider sends browsers back to; ``secret``: where the client's secret is
    (``env:NAME``, ``file:PATH``), empty without one; ``scopes``: asked for; ``audiences``: others that ID tokens may
    also be for; ``algorithms``: of signatures, ``None`` for what each key is for; ``acr_values``: one of them must be
    proven, if there are any; in seconds, ``leeway``: of clocks, ``max_age``: since the user proved himself, ``idle``
    and ``lifetime``: of sessions, ``keep``: how long one holds on when the provider can't renew it.
    """

    name: str
    issuer: str
    client: str
    origin: str
    redirect_uri: str
    secret: str = ""
    method: SecretMethod = "none"
    scopes: tuple[str, ...] = ("openid",)
    audiences: tuple[str, ...] = ()
    algorithms: tuple[str, ...] | None = None
    acr_values: tuple[str, ...] = ()
    leeway: float = 30.0
    max_age: float | None = None
    idle: float = 1800.0
    lifetime: float = 28_800.0
    keep: float = 900.0

    @property
    def realm(self) -> str:
        """A name for it, letters and digits: what has another one has other sessions."""
        return hashlib.sha256(_encode((self.name, self.issuer, self.client, self.origin))).hexdigest()[:32]

    @property
    def touch(self) -> float:
        """Seconds for which a worker goes by what it was told of a session: so exactly is its idleness known."""
        return min(60.0, self.idle / 10)


class ProviderQuestion(msgspec.Struct, frozen=True, array_like=True):
    """Where does the provider of ``realm`` let users log in?"""

    realm: str


class ProviderAnswer(msgspec.Struct, frozen=True, array_like=True):
    """The provider's endpoints; an empty one is not there. ``reason``: why nothing is known, for the record."""

    authorization_endpoint: str = ""
    end_session_endpoint: str = ""
    reason: str = ""


class LoginQuestion(msgspec.Struct, frozen=True, array_like=True):
    """A browser came back with ``code``: who is it, and let ``session`` be its new session.

    ``issuer``: what the answer says whom it is from (RFC 9207), ``None`` if it does not; ``replaces``: the session that
    the browser had, which ends.
    """

    realm: str
    code: str
    issuer: str | None
    verifier: str
    nonce: str
    session: bytes
    replaces: bytes = b""

    def __repr__(self) -> str:
        return f"LoginQuestion({self.realm})"


class LoginAnswer(msgspec.Struct, frozen=True, array_like=True):
    """``reason``: for the record, no secret; ``subject``: who has logged in."""

    result: Result
    reason: str = ""
    subject: str = ""


class SessionQuestion(msgspec.Struct, frozen=True, array_like=True):
    """Is there a session of this id?"""

    realm: str
    session: bytes

    def __repr__(self) -> str:
        return f"SessionQuestion({self.realm})"


class SessionAnswer(msgspec.Struct, frozen=True, array_like=True):
    """``claims``: a JSON object; ``until``: so long the answer can be gone by; ``ends``: the session's end at the
    latest (both in Unix seconds). ``refused``: there is no such session.
    """

    result: Result
    claims: bytes = b"{}"
    until: float = 0.0
    ends: float = 0.0
    reason: str = ""


class SessionNews(msgspec.Struct, frozen=True, array_like=True):
    """Sessions, by the SHA-256 of their ids, of which what was told holds no longer; all of them if it is ``whole``."""

    whole: bool
    digests: tuple[bytes, ...] = ()


class LogoutQuestion(msgspec.Struct, frozen=True, array_like=True):
    """End the session of this id."""

    realm: str
    session: bytes

    def __repr__(self) -> str:
        return f"LogoutQuestion({self.realm})"


class LogoutAnswer(msgspec.Struct, frozen=True, array_like=True):
    """``id_token``: of the session that was ended, for the provider; empty if there was none."""

    result: Result
    id_token: str = ""
    reason: str = ""

    def __repr__(self) -> str:
        return f"LogoutAnswer({self.result})"


class BackChannelQuestion(msgspec.Struct, frozen=True, array_like=True):
    """The provider (or whoever says so) tells with ``token`` that sessions have ended."""

    realm: str
    token: str

    def __repr__(self) -> str:
        return f"BackChannelQuestion({self.realm})"


class BackChannelAnswer(msgspec.Struct, frozen=True, array_like=True):
    """``ended``: sessions; ``reason``: for the record."""

    result: Result
    ended: int = 0
    reason: str = ""


_encode = msgspec.msgpack.Encoder().encode
encode = _encode
decode_provider_question = msgspec.msgpack.Decoder(ProviderQuestion).decode
decode_provider_answer = msgspec.msgpack.Decoder(ProviderAnswer).decode
decode_login_question = msgspec.msgpack.Decoder(LoginQuestion).decode
decode_login_answer = msgspec.msgpack.Decoder(LoginAnswer).decode
decode_session_question = msgspec.msgpack.Decoder(SessionQuestion).decode
decode_session_answer = msgspec.msgpack.Decoder(SessionAnswer).decode
decode_session_news = msgspec.msgpack.Decoder(SessionNews).decode
decode_logout_question = msgspec.msgpack.Decoder(LogoutQuestion).decode
decode_logout_answer = msgspec.msgpack.Decoder(LogoutAnswer).decode
decode_back_channel_question = msgspec.msgpack.Decoder(BackChannelQuestion).decode
decode_back_channel_answer = msgspec.msgpack.Decoder(BackChannelAnswer).decode
