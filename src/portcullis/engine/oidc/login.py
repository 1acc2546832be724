"""Logging in: a browser is sent to the provider, and comes back with a code."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from portcullis.engine.authentication.replay import SingleUse
from portcullis.engine.decision import Answer, Finding, Refuse, shorten
from portcullis.engine.facts import Facts
from portcullis.engine.identity import Identity
from portcullis.engine.oidc.answers import UNSTORED, sent_to
from portcullis.engine.oidc.codes import LOGIN_REFUSED, LOGIN_UNAVAILABLE, UNKNOWN_LOGIN, WRONG_ORIGIN
from portcullis.engine.oidc.cookies import DuplicateCookieError, clear_cookie, read_cookie, set_cookie
from portcullis.engine.oidc.messages import (
    LOGINS,
    PROVIDERS,
    LoginQuestion,
    ProviderQuestion,
    RelyingPartySource,
    decode_login_answer,
    decode_provider_answer,
    encode,
)
from portcullis.engine.oidc.parameters import ParameterError, read_parameters
from portcullis.engine.oidc.random_ids import as_text, new_id, read_id
from portcullis.engine.oidc.return_path import HOME, safe_return_path
from portcullis.engine.oidc.transactions import (
    LIFETIME_SECONDS,
    Transaction,
    find_transaction,
    read_transactions,
    write_transactions,
)
from portcullis.engine.ports import CounterStoreError, Ports, Unanswered
from portcullis.engine.request import RequestView

if TYPE_CHECKING:
    from portcullis.engine.policies.authenticate.oidc import OidcConfig

POLICY: Final = "authenticate.oidc"
_ANSWER: Final = ("state", "code", "error", "iss")
"""What of a provider's answer is looked at (RFC 6749 4.1.2, RFC 9207)."""


class Login:
    """The two endpoints of one relying party. ``source``: its place in the file."""

    def __init__(self, source: str, party: RelyingPartySource, config: OidcConfig, ports: Ports) -> None:
        self._source = source
        self._party = party
        self._realm = party.realm
        self._session_cookie = config.session.cookie
        self._login_cookie = config.session.login_cookie
        self._own_paths = config.own_paths
        self._place = (party.origin.partition(":")[0], config.host)
        self._ports = ports
        self._once = SingleUse(f"oidc state {self._realm}", ports.counters, ports.clock)

    # The way to the provider.

    def begin(self, request: RequestView, _facts: Facts) -> Refuse | Awaitable[Answer | Refuse]:
        """Send the browser to the provider."""
        if (refusal := self._elsewhere(request)) is not None:
            return refusal
        try:
            parameters = read_parameters(request.query, ("return_to",))
            under_way = self._under_way(request)
        except (ParameterError, DuplicateCookieError) as error:
            return self._unknown("/query", str(error))
        now = self._ports.clock.wall_s()
        return_to = safe_return_path(parameters.get("return_to", HOME), self._own_paths)
        return self._sent_to_provider(Transaction.begin(now, return_to), under_way)

    async def _sent_to_provider(self, transaction: Transaction, under_way: list[Transaction]) -> Answer | Refuse:
        try:
            question = encode(ProviderQuestion(self._realm))
            provider = decode_provider_answer(await self._ports.questions.ask(PROVIDERS, question))
        except (Unanswered, ValueError) as error:
            return self._unavailable(str(error))
        if not provider.authorization_endpoint:
            return self._unavailable(provider.reason)
        endpoint = provider.authorization_endpoint
        url = f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(self._asked_for(transaction))}"
        value = write_transactions([transaction, *under_way])
        return sent_to(url, set_cookie(self._login_cookie, value, LIFETIME_SECONDS))

    def _asked_for(self, transaction: Transaction) -> dict[str, str]:
        """OpenID Connect Core 3.1.2.1, RFC 7636 4.3."""
        party = self._party
        asked = {
            "response_type": "code",
            "client_id": party.client,
            "redirect_uri": party.redirect_uri,
            "scope": " ".join(party.scopes),
            "state": transaction.state,
            "nonce": transaction.nonce,
            "code_challenge": transaction.challenge,
            "code_challenge_method": "S256",
        }
        if party.max_age is not None:
            asked["max_age"] = str(int(party.max_age))
        if party.acr_values:
            asked["acr_values"] = " ".join(party.acr_values)
        return asked

    # The way back.

    def complete(self, request: RequestView, facts: Facts) -> Refuse | Awaitable[Answer | Refuse]:
        """Take what the provider sent the browser back with."""
        if (refusal := self._elsewhere(request)) is not None:
            return refusal
        try:
            parameters = read_parameters(request.query, _ANSWER)
            under_way = self._under_way(request)
        except (ParameterError, DuplicateCookieError) as error:
            return self._unknown("/query", str(error))
        transaction = find_transaction(under_way, parameters.get("state", ""))
        if transaction is None:
            return self._unknown("/query/state", f"none of {len(under_way)} logins that this browser has begun")
        try:
            if not self._once.is_first(transaction.state, LIFETIME_SECONDS):
                return self._unknown("/query/state", "a login that has been completed")
        except CounterStoreError as error:
            return self._unavailable(str(error))
        if "error" in parameters:
            return self._refused("/query/error", shorten(parameters["error"], 80), transaction, under_way)
        if "code" not in parameters:
            return self._refused("/query/code", "no code", transaction, under_way)
        return self._completed(request, facts, transaction, under_way, parameters)

    async def _completed(
        self,
        request: RequestView,
        facts: Facts,
        transaction: Transaction,
        under_way: list[Transaction],
        parameters: dict[str, str],
    ) -> Answer | Refuse:
        session = new_id()
        question = LoginQuestion(
            self._realm,
            parameters["code"],
            parameters.get("iss"),
            transaction.verifier,
            transaction.nonce,
            session,
            self._replaced(request),
        )
        try:
            answer = decode_login_answer(await self._ports.questions.ask(LOGINS, encode(question)))
        except (Unanswered, ValueError) as error:
            return self._unavailable(str(error))
        if answer.result == "unavailable":
            return self._unavailable(answer.reason)
        if answer.result == "refused":
            return self._refused("/query/code", answer.reason, transaction, under_way)
        facts.identify(Identity("oidc", answer.subject, name=self._party.name, issuer=self._party.issuer))
        return sent_to(
            self._party.origin + transaction.return_to,
            set_cookie(self._session_cookie, as_text(session), self._party.lifetime),
            self._remaining(transaction, under_way),
        )

    # What both have.

    def _elsewhere(self, request: RequestView) -> Refuse | None:
        """The refusal of a request to another host or over plain HTTP: the cookies would be of no use."""
        if (request.scheme, request.host) == self._place:
            return None
        found = shorten(f"{request.scheme}://{request.host}", 80)
        finding = Finding("", found, self._party.origin, f"{self._source}/origin")
        return Refuse(WRONG_ORIGIN, f"Log in at {self._party.origin}.", finding, UNSTORED)

    def _under_way(self, request: RequestView) -> list[Transaction]:
        """The logins that this browser has begun. Raises :class:`DuplicateCookieError`."""
        value = read_cookie(request, self._login_cookie.encode())
        now = self._ports.clock.wall_s()
        return [] if value is None else read_transactions(value, now, self._own_paths)

    def _replaced(self, request: RequestView) -> bytes:
        """The session that the browser has already; one that it has twice is left to end by itself."""
        try:
            value = read_cookie(request, self._session_cookie.encode())
        except DuplicateCookieError:
            return b""
        return (None if value is None else read_id(value)) or b""

    def _remaining(self, done: Transaction, under_way: list[Transaction]) -> tuple[bytes, bytes]:
        """The field that leaves the other logins in the cookie."""
        others = [each for each in under_way if each != done]
        if not others:
            return clear_cookie(self._login_cookie)
        return set_cookie(self._login_cookie, write_transactions(others), LIFETIME_SECONDS)

    def _unknown(self, pointer: str, found: str) -> Refuse:
        detail = f"Begin again at {self._party.origin}/."
        finding = Finding(pointer, found, "a login that this browser has begun", self._source)
        return Refuse(UNKNOWN_LOGIN, detail, finding, UNSTORED)

    def _refused(self, pointer: str, found: str, done: Transaction, under_way: list[Transaction]) -> Refuse:
        finding = Finding(pointer, found, "a login that can be trusted", self._source)
        return Refuse(LOGIN_REFUSED, "", finding, (*UNSTORED, self._remaining(done, under_way)))

    def _unavailable(self, found: str) -> Refuse:
        return Refuse(LOGIN_UNAVAILABLE, "Try again in a while.", Finding("", found, "", self._source), UNSTORED)
