"""Logging out: by the browser itself, or by the provider, which tells that a user has logged out elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from portcullis.engine.authentication.jose.compact import MAX_TOKEN
from portcullis.engine.decision import Answer, Finding, Refuse
from portcullis.engine.facts import Facts
from portcullis.engine.oidc.answers import error_answer, json_answer, sent_to
from portcullis.engine.oidc.browser import cross_site_check
from portcullis.engine.oidc.codes import LOGIN_UNAVAILABLE
from portcullis.engine.oidc.cookies import DuplicateCookieError, clear_cookie, read_cookie
from portcullis.engine.oidc.messages import (
    BACK_CHANNEL,
    LOGOUTS,
    PROVIDERS,
    BackChannelQuestion,
    LogoutQuestion,
    ProviderAnswer,
    ProviderQuestion,
    RelyingPartySource,
    decode_back_channel_answer,
    decode_logout_answer,
    decode_provider_answer,
    encode,
)
from portcullis.engine.oidc.random_ids import read_id
from portcullis.engine.ports import Ports, Unanswered
from portcullis.engine.request import RequestView
from portcullis.engine.token_service.forms import FormError, read_form

if TYPE_CHECKING:
    from portcullis.engine.policies.authenticate.oidc import OidcConfig

FORM_FIELD: Final = "csrf_token"
"""Of a form that can't send the header."""
MAX_HINT: Final = 4_096
"""Characters of an ID token in a URL; beyond that servers refuse the URL, and the user is asked instead."""
_FORM: Final = "application/x-www-form-urlencoded"
_NOBODY: Final = b"\0" * 32
"""Stands for the id of a session where there is none: what is derived from it opens nothing."""


class Logout:
    """The two endpoints of one relying party. ``source``: its place in the file."""

    def __init__(self, source: str, party: RelyingPartySource, config: OidcConfig, ports: Ports) -> None:
        self._source = source
        self._party = party
        self._realm = party.realm
        self._cookie = config.session.cookie
        self._after = config.origin + config.after_logout
        self._gives_hint = config.id_token_hint
        self._cross_site = cross_site_check(source, config)
        self._ask = ports.questions.ask

    def log_out(self, request: RequestView, _facts: Facts) -> Refuse | Awaitable[Answer | Refuse]:
        """End the browser's session here, and send it to end the one at the provider."""
        try:
            value = read_cookie(request, self._cookie.encode())
            form = read_form(request.body or b"") if _is_form(request) else {}
        except (FormError, DuplicateCookieError):
            value, form = None, {}
        session = (None if value is None else read_id(value)) or _NOBODY
        if (refusal := self._cross_site.check(request, session, form.get(FORM_FIELD))) is not None:
            return refusal
        return self._logged_out(session)

    async def _logged_out(self, session: bytes) -> Answer | Refuse:
        try:
            ended = decode_logout_answer(await self._ask(LOGOUTS, encode(LogoutQuestion(self._realm, session))))
            provider = decode_provider_answer(await self._ask(PROVIDERS, encode(ProviderQuestion(self._realm))))
        except (Unanswered, ValueError) as error:
            return self._unavailable(str(error))
        if ended.result != "done":
            return self._unavailable(ended.reason)
        return sent_to(self._next(provider, ended.id_token), clear_cookie(self._cookie))

    def _next(self, provider: ProviderAnswer, id_token: str) -> str:
        """OpenID Connect RP-Initiated Logout 1.0, 2."""
        endpoint = provider.end_session_endpoint
        if not endpoint:
            return self._after
        told = {"client_id": self._party.client, "post_logout_redirect_uri": self._after}
        if self._gives_hint and 0 < len(id_token) <= MAX_HINT:
            told["id_token_hint"] = id_token
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(told)}"

    def told(self, request: RequestView, _facts: Facts) -> Answer | Awaitable[Answer]:
        """The provider tells that sessions have ended (OpenID Connect Back-Channel Logout 1.0, 2.5 to 2.8)."""
        try:
            form = read_form(request.body or b"") if _is_form(request) else {}
        except FormError:
            form = {}
        token = form.get("logout_token", "")
        if not 0 < len(token) <= MAX_TOKEN or not token.isascii():
            return error_answer("invalid_request", "the body is a form with one logout_token")
        return self._sessions_ended(token)

    async def _sessions_ended(self, token: str) -> Answer:
        try:
            question = encode(BackChannelQuestion(self._realm, token))
            answer = decode_back_channel_answer(await self._ask(BACK_CHANNEL, question))
        except (Unanswered, ValueError):
            return error_answer("temporarily_unavailable", "sessions can't be ended right now; try again")
        if answer.result == "done":
            return json_answer({})
        if answer.result == "unavailable":
            return error_answer("temporarily_unavailable", "sessions can't be ended right now; try again")
        return error_answer("invalid_request", "the logout_token is not one to go by")

    def _unavailable(self, found: str) -> Refuse:
        finding = Finding("", found, "", self._source)
        return Refuse(LOGIN_UNAVAILABLE, "You may still be logged in: try again.", finding)


def _is_form(request: RequestView) -> bool:
    return (request.header(b"content-type") or "").partition(";")[0].strip().lower() == _FORM
