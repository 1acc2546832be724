"""The token endpoint: tokens for codes and refresh tokens (RFC 6749 4.1.3 and 6, OpenID Connect Core 3.1.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from portcullis.control.introspection.client_proof import ClientProof, Prove, prover
from portcullis.control.oidc.provider import ProviderError
from portcullis.control.outgoing import Outgoing, OutgoingError
from portcullis.engine.authentication.introspection_messages import IntrospectionSource
from portcullis.engine.authentication.jose.compact import MAX_TOKEN
from portcullis.engine.oidc.messages import RelyingPartySource

LONGEST_SECONDS: Final = 366 * 86_400.0
_BAD_REQUEST: Final = 400


class GrantRefusedError(Exception):
    """The provider refuses the code or the refresh token: it is wrong, used, or over."""


class TokenSet(msgspec.Struct, frozen=True):
    """What the token endpoint gave; ``expires_in``: seconds, ``None`` where it does not say."""

    access_token: str
    id_token: str = ""
    refresh_token: str = ""
    expires_in: float | None = None
    scope: str | None = None

    def __repr__(self) -> str:
        return "TokenSet(***)"


class TokenEndpoint:
    """Asks the token endpoint of ``source`` with the client's ``secret``. Raises ``ClientProofError`` for a secret that
    is none.
    """

    def __init__(
        self, source: RelyingPartySource, secret: bytes, outgoing: Outgoing, wall_s: Callable[[], float]
    ) -> None:
        self._redirect_uri = source.redirect_uri
        self._outgoing = outgoing
        self._wall_s = wall_s
        self._prove = _prover(source, secret)

    async def exchange(self, url: str, code: str, verifier: str) -> TokenSet:
        """The tokens for ``code``. Raises :class:`GrantRefusedError` and :class:`ProviderError`."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self._redirect_uri}
        tokens = await self._ask(url, {**form, "code_verifier": verifier})
        if not tokens.id_token:
            raise GrantRefusedError("the provider gave no ID token")
        return tokens

    async def refresh(self, url: str, refresh_token: str) -> TokenSet:
        """New tokens. Raises :class:`GrantRefusedError` and :class:`ProviderError`."""
        return await self._ask(url, {"grant_type": "refresh_token", "refresh_token": refresh_token})

    async def _ask(self, url: str, form: Mapping[str, str]) -> TokenSet:
        proof = self._prove(self._wall_s())
        try:
            document = await self._outgoing.post_form(url, {**form, **proof.form}, fields=proof.fields)
        except OutgoingError as error:
            # Wrong grants are answered 400, a wrong client 401 (RFC 6749 5.2): that is for the operator to mend.
            if error.status == _BAD_REQUEST:
                raise GrantRefusedError("the token endpoint refused it") from None
            raise ProviderError(str(error)) from None
        return read_tokens(document)


def read_tokens(document: Any) -> TokenSet:
    """The tokens in the token endpoint's answer. Raises :class:`ProviderError`."""
    if not isinstance(document, dict):
        raise ProviderError("the token endpoint's answer is no JSON object")
    kind = document.get("token_type")
    if not isinstance(kind, str) or kind.lower() != "bearer":  # OpenID Connect Core 3.1.3.3
        raise ProviderError("the token endpoint's answer has another token_type than Bearer")
    texts = {name: document.get(name) or "" for name in ("access_token", "id_token", "refresh_token", "scope")}
    for name, value in texts.items():
        if not isinstance(value, str) or len(value) > MAX_TOKEN or not value.isascii():
            raise ProviderError(f"the {name} of the token endpoint's answer is no text, or has over {MAX_TOKEN} bytes")
    if not texts["access_token"]:
        raise ProviderError("the token endpoint's answer has no access_token")
    scope = texts.pop("scope") or None
    return TokenSet(**texts, expires_in=_seconds(document.get("expires_in")), scope=scope)


def _seconds(value: Any) -> float | None:
    """Some providers write the number as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 10:
        value = int(value)
    if type(value) not in (int, float) or not value > 0:
        return None
    return float(min(value, LONGEST_SECONDS))


def _prover(source: RelyingPartySource, secret: bytes) -> Prove:
    if source.method == "none":
        proof = ClientProof({}, {"client_id": source.client})
        return lambda _now: proof
    return prover(IntrospectionSource("", source.client, source.secret, source.method), secret)
