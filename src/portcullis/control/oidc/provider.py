"""What an OpenID provider says of itself, and the keys that it signs with (OpenID Connect Discovery 1.0).

Both are fetched when they are needed, again when they have become old, and once however many wait. While the provider
is away what it said last holds.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from typing import Any, Final

import msgspec

from portcullis.control.key_sets.discovery import discovery_urls
from portcullis.control.key_sets.fetching import KeySetFetcher
from portcullis.control.outgoing import Outgoing, OutgoingError
from portcullis.engine import strict_json
from portcullis.engine.authentication.jose.errors import NoKeysError, UnknownSignerError
from portcullis.engine.authentication.jose.key_set import NO_KEYS, KeySet, read_key_set
from portcullis.engine.authentication.jose.key_source import KeySetUpdate, KeySource
from portcullis.engine.authentication.jose.verifier import TokenVerifier, VerifiedToken
from portcullis.engine.config.names import check_url
from portcullis.engine.decision import shorten
from portcullis.engine.oidc.messages import RelyingPartySource

FRESH_SECONDS: Final = 300.0
"""For how long what a provider says of itself is gone by without asking again."""
REFETCH_SECONDS: Final = 2.0
"""How long at least between two looks for newer keys."""
PAUSE_SECONDS: Final = 1.0
"""How long at least between two tries while it is away."""
_LIMITS: Final = strict_json.Limits(depth=16, keys=2_000, string=65_536, digits=64)
_QUERY: Final = re.compile(r"[!$-;=?-Z_a-z~]{0,1000}")

_log = logging.getLogger(__name__)


class ProviderError(Exception):
    """The provider can't be asked, or says what can't be gone by. The message is for the log and the record."""


class Metadata(msgspec.Struct, frozen=True):
    """Its endpoints, empty where there is none; ``names_itself``: its answers say whom they are from (RFC 9207 3)."""

    authorization_endpoint: str
    token_endpoint: str
    end_session_endpoint: str
    names_itself: bool


class Provider:
    """The provider of ``source``."""

    def __init__(self, source: RelyingPartySource, outgoing: Outgoing, wall_s: Callable[[], float]) -> None:
        self._source = source
        self._outgoing = outgoing
        self._wall_s = wall_s
        self._known: Metadata | None = None
        self._due = 0.0
        self._fetching: asyncio.Task[None] | None = None
        self._trouble = ""
        keys = KeySource(source.issuer, "", source.algorithms, refetch=REFETCH_SECONDS)
        self.keys = ProviderKeys(keys, outgoing, wall_s)

    def __repr__(self) -> str:
        return f"Provider({self._source.issuer}, {self._trouble or 'well'})"

    async def metadata(self) -> Metadata:
        """What it says of itself. Raises :class:`ProviderError`."""
        if self._wall_s() >= self._due:
            task = self._begin()
            if self._known is None:
                await asyncio.shield(task)
        if self._known is None:
            raise ProviderError(self._trouble)
        return self._known

    def end(self) -> None:
        """Give up what is under way."""
        if self._fetching is not None:
            self._fetching.cancel()
        self.keys.end()

    def _begin(self) -> asyncio.Task[None]:
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch(), name=f"metadata of {self._source.issuer}")
            self._fetching.add_done_callback(self._fetched)
        return self._fetching

    def _fetched(self, _task: asyncio.Task[None]) -> None:
        self._fetching = None

    async def _fetch(self) -> None:
        try:
            self._known = metadata_in(await self._document(), self._source.issuer)
        except (OutgoingError, ProviderError) as error:
            if not self._trouble:
                _log.warning("portcullis: logins at %s: %s", self._source.issuer, error)
            self._trouble = str(error)
            self._due = self._wall_s() + PAUSE_SECONDS
            return
        if self._trouble:
            _log.warning("portcullis: logins at %s: all is well again", self._source.issuer)
        self._trouble = ""
        self._due = self._wall_s() + FRESH_SECONDS

    async def _document(self) -> Any:
        first, second = discovery_urls(self._source.issuer)
        try:
            fetched = await self._outgoing.get(first)
        except OutgoingError as error:
            if error.status // 100 != 4:
                raise
            fetched = await self._outgoing.get(second)
        try:
            return strict_json.loads(fetched.content, _LIMITS)
        except strict_json.MalformedJsonError as error:
            raise ProviderError(f"the discovery document is no JSON that can be read one way only: {error}") from None


class ProviderKeys:
    """The keys of a provider; see :class:`~portcullis.engine.authentication.jose.verifier.Keys`."""

    def __init__(self, source: KeySource, outgoing: Outgoing, wall_s: Callable[[], float]) -> None:
        self._wall_s = wall_s
        self._algorithms = source.algorithms
        self._fetcher = KeySetFetcher(source, outgoing, wall_s, self._told)
        self._keys: KeySet = NO_KEYS
        self._document = b""
        self._changed: list[Callable[[], None]] = []

    def on_change(self, forget: Callable[[], None]) -> None:
        """Call ``forget`` whenever they change."""
        self._changed.append(forget)

    def usable(self, now: float) -> KeySet:
        """The keys at ``now``. Raises :class:`NoKeysError`."""
        latest = self._fetcher.latest
        if latest is None or now >= latest.usable_until:
            raise NoKeysError("the provider's keys could not be fetched")
        return self._keys

    async def verify(self, verifier: TokenVerifier, token: bytes) -> VerifiedToken:
        """What ``token`` says; newer keys are looked for where that may help.

        Raises ``TokenError``, and :class:`ProviderError` where it can't be said.
        """
        if self._fetcher.due <= self._wall_s():
            task = self._fetcher.begin()
            if self._fetcher.latest is None:
                await asyncio.shield(task)
        try:
            return verifier.verify(token, self._wall_s())
        except (UnknownSignerError, NoKeysError):
            is_fresh = await self._fetcher.refetch()
        try:
            return verifier.verify(token, self._wall_s())
        except NoKeysError as error:
            raise ProviderError(error.found) from None
        except UnknownSignerError as error:
            if not is_fresh:
                raise ProviderError(f"{error.found}, and the provider can't be asked for newer keys") from None
            raise

    def end(self) -> None:
        """Give up what is under way."""
        self._fetcher.end()

    def _told(self, _source: KeySource, update: KeySetUpdate) -> None:
        if update.document == self._document:
            return
        self._keys, self._document = read_key_set(update.document, self._algorithms).keys, update.document
        for forget in self._changed:
            forget()


def metadata_in(document: Any, issuer: str) -> Metadata:
    """What the discovery ``document`` of ``issuer`` says. Raises :class:`ProviderError`."""
    if not isinstance(document, dict):
        raise ProviderError("the discovery document is no JSON object")
    if document.get("issuer") != issuer:  # OpenID Connect Discovery 4.3: else it could speak for another one
        raise ProviderError(f"the discovery document is of another issuer, {shorten(document.get('issuer'), 80)}")
    methods = document.get("code_challenge_methods_supported")
    if isinstance(methods, list) and "S256" not in methods:
        raise ProviderError("the provider does not support PKCE by S256")
    secure = issuer.startswith("https:")
    return Metadata(
        _endpoint(document, "authorization_endpoint", secure=secure),
        _endpoint(document, "token_endpoint", secure=secure),
        _endpoint(document, "end_session_endpoint", secure=secure) if "end_session_endpoint" in document else "",
        document.get("authorization_response_iss_parameter_supported") is True,
    )


def _endpoint(document: dict[str, Any], name: str, *, secure: bool) -> str:
    """An endpoint's URL, which may have a query (RFC 6749 3.1)."""
    url = document.get(name)
    plain, _, query = url.partition("?") if isinstance(url, str) else ("", "", "")
    try:
        check_url(plain)
    except ValueError as error:
        raise ProviderError(f"the {name} of the discovery document is not {error}") from None
    if not _QUERY.fullmatch(query) or (secure and not plain.startswith("https:")):
        raise ProviderError(f"the {name} of the discovery document is no https URL, as the issuer is")
    return str(url)
