"""Asks one endpoint about tokens: each token once at a time, however many wait for the answer."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final

import msgspec

from portcullis.control.introspection.client_proof import Prove
from portcullis.control.outgoing import Outgoing, OutgoingError
from portcullis.engine.authentication.introspection_messages import IntrospectionAnswer, IntrospectionSource, Result

MAX_CALLS: Final = 24
"""Calls to one endpoint that are under way at a time: one that is slow must leave room for calls to others."""
MAX_CLAIMS: Final = 64 * 1024
"""Bytes of an answer; issuers that list groups come to some thousand."""
_KIND: Final = "access_token"
"""What tokens are looked for first (RFC 7662 2.1)."""
_UNSUPPORTED: Final = "unsupported_token_type"
"""What issuers answer that only tell of opaque tokens when they are asked about another (RFC 7009 2.2.1)."""

_log = logging.getLogger(__name__)


class Endpoint:
    """One endpoint. ``prove`` makes the gateway's own credentials; ``results``: how often there was which answer."""

    def __init__(
        self, source: IntrospectionSource, prove: Prove, outgoing: Outgoing, wall_s: Callable[[], float]
    ) -> None:
        self.source = source
        self.results: Counter[Result] = Counter()
        self._prove = prove
        self._outgoing = outgoing
        self._wall_s = wall_s
        self._under_way: dict[bytes, asyncio.Task[IntrospectionAnswer]] = {}
        self._in_trouble = False

    async def ask(self, token: str) -> IntrospectionAnswer:
        """What the issuer says of ``token``."""
        digest = sha256(token.encode()).digest()
        task = self._under_way.get(digest)
        if task is None:
            if len(self._under_way) >= MAX_CALLS:
                self.results["busy"] += 1
                return IntrospectionAnswer("busy", reason=f"{MAX_CALLS} calls to the issuer are under way")
            task = self._under_way[digest] = asyncio.create_task(self._call(token))
            task.add_done_callback(lambda _done: self._under_way.pop(digest, None))
        return await asyncio.shield(task)

    async def _call(self, token: str) -> IntrospectionAnswer:
        try:
            proof = self._prove(self._wall_s())
            form = {"token": token, "token_type_hint": _KIND, **proof.form}
            answer = read_answer(await self._outgoing.post_form(self.source.endpoint, form, fields=proof.fields))
        except OutgoingError as error:
            if error.code == _UNSUPPORTED:
                answer = IntrospectionAnswer("inactive")
            else:
                answer = IntrospectionAnswer("unavailable", reason=str(error))
        self.results[answer.result] += 1
        self._tell(answer)
        return answer

    def _tell(self, answer: IntrospectionAnswer) -> None:
        is_in_trouble = answer.result == "unavailable"
        if is_in_trouble and not self._in_trouble:
            _log.warning("portcullis: tokens can't be asked about: %s", answer.reason)
        elif self._in_trouble and not is_in_trouble:
            _log.warning("portcullis: tokens can be asked about again: %s", self.source.endpoint)
        self._in_trouble = is_in_trouble


def read_answer(document: Any) -> IntrospectionAnswer:
    """The answer that the JSON ``document`` is (RFC 7662 2.2)."""
    active = document.get("active") if isinstance(document, dict) else None
    if active is False:
        return IntrospectionAnswer("inactive")
    if active is not True:
        return IntrospectionAnswer("unavailable", reason="the answer is no object that says active: true or false")
    try:
        claims = msgspec.json.encode(document)
    except (ValueError, TypeError, OverflowError, RecursionError):
        claims = b""
    if not claims or len(claims) > MAX_CLAIMS:
        return IntrospectionAnswer(
            "unavailable", reason=f"the answer can't be passed on, or has over {MAX_CLAIMS} bytes"
        )
    return IntrospectionAnswer("active", claims)
