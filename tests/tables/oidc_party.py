"""A relying party's paths, with a control process that says what a test lets it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from phase_site import Site

from portcullis.engine.decision import Answer, Refuse
from portcullis.engine.facts import Facts
from portcullis.engine.oidc.login import Login
from portcullis.engine.oidc.logout import Logout
from portcullis.engine.oidc.messages import PROVIDERS, ProviderAnswer, encode
from portcullis.engine.policies.authenticate.oidc import source_of
from portcullis.engine.request import RequestView
from portcullis.testing.requests import make_request

BASE = {"issuer": "https://id.example.com", "client_id": "shop", "origin": "https://shop.example.com"}
AUTHORIZE, END = "https://id.example.com/authorize", "https://id.example.com/end"


class Party:
    """``answers``: what the control process says, by topic."""

    def __init__(self, **said: Any) -> None:
        self.site = Site({"people": {"oidc": {**BASE, **said}}})
        config: Any = getattr(self.site.configuration.identities["people"], "oidc")  # noqa: B009 - made at run time
        source = source_of("people", config)
        self.login = Login("#/x", source, config, self.site.ports)
        self.logout = Logout("#/x", source, config, self.site.ports)
        self.answers: dict[str, Any] = {PROVIDERS: ProviderAnswer(AUTHORIZE, END)}
        self.site.answer = lambda topic, _question: encode(self.answers[topic])
        self.facts = Facts()

    def asked(self, topic: str) -> list[bytes]:
        return [question for asked, question in self.site.asked if asked == topic]

    def call(self, function: Any, request: RequestView) -> Any:
        request.host = request.host or "shop.example.com"
        found = function(request, self.facts)

        async def wait() -> Any:
            return await found

        return asyncio.run(wait()) if isinstance(found, Awaitable) else found

    def begin(self, return_to: str = "/orders", cookie: str = "") -> tuple[dict[str, str], str]:
        """The authorization request, and the cookie of the login."""
        fields = {"cookie": cookie} if cookie else {}
        answer = self.call(self.login.begin, make_request(target=f"/login?return_to={return_to}", headers=fields))
        assert isinstance(answer, Answer)
        parts = urlsplit(field(answer, b"location"))
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == AUTHORIZE
        return dict(parse_qsl(parts.query)), field(answer, b"set-cookie").partition(";")[0]

    def complete(self, query: str, cookie: str = "") -> Answer | Refuse:
        request = make_request(target=f"/callback?{query}", headers={"cookie": cookie} if cookie else {})
        found: Answer | Refuse = self.call(self.login.complete, request)
        return found


def field(answer: Any, name: bytes) -> str:
    return next(value for found, value in answer.fields if found == name).decode()


def fields(answer: Any, name: bytes) -> list[str]:
    return [value.decode() for found, value in answer.fields if found == name]
