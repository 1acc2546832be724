"""Many people log in, call and log out at once, by two workers: nobody is refused or let in who must not be."""

from __future__ import annotations

import math
import random
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
from gateway import read_all
from logging_in import BACK_CHANNEL, CALLBACK, LOGOUT_PATH, SESSION, Site
from provider import SECRET, Browser, Provider, one_each

LOGINS, AT_ONCE = 2_000, 50
TOKEN_SECONDS = 10
KNOWN_SECONDS = 1.0
"""How long it may take until all workers know that a session has ended."""
PATIENCE_SECONDS = 100.0


class SparingBrowser(Browser):
    """Says what a browser says at a tenth of the cost, so that it is the gateway that is busy; each time anew."""

    def exchange(self, method: str, url: str, fields: dict[str, str], **more: Any) -> httpx.Response:
        to, body = urlsplit(url), urlencode(more.get("data", {})).encode()
        sent = {**fields, "host": to.netloc, "connection": "close", "content-length": str(len(body))}
        if body:
            sent["content-type"] = "application/x-www-form-urlencoded"
        lines = [
            f"{method} {url[url.index(to.path) :]} HTTP/1.1",
            *(f"{name}: {value}" for name, value in sent.items()),
        ]
        with socket.create_connection((to.hostname or "", to.port or 80), timeout=15) as connection:
            connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
            head, _, content = read_all(connection).partition(b"\r\n\r\n")
        first, *rest = head.decode().split("\r\n")
        answered = [(name, value.strip()) for name, _, value in (line.partition(":") for line in rest)]
        return httpx.Response(int(first.split(" ")[1]), headers=answered, content=content)


@dataclass
class Person:
    """Whose session it is. From ``ending`` on calls may be refused, and from a second after ``ended`` on they must be.

    ``surprises``: answers that should have been others.
    """

    site: Site
    session: str
    sid: str
    ending: float = math.inf
    ended: float = math.inf
    surprises: list[str] = field(default_factory=list)

    @property
    def browser(self) -> Browser:
        """One that takes no cookie away, whatever it is told: what was copied must be refused too."""
        return SparingBrowser(self.site.gateway.url, {SESSION: self.session})

    def call(self) -> int:
        began = time.monotonic()
        status = self.browser.fetch("/shop/orders").status_code
        since = began - self.ended
        if status == 200:
            if since > KNOWN_SECONDS:
                self.surprises.append(f"let in {since:.2f} s after the end")
        elif status != 401 or time.monotonic() < self.ending:
            self.surprises.append(f"refused by {status}")
        return status

    def log_out(self) -> None:
        self._end(lambda: self.browser.fetch(LOGOUT_PATH, "POST").status_code == 303)

    def be_logged_out(self) -> None:
        """The provider tells the gateway."""
        form = {"logout_token": self.site.provider.logout_token(sid=self.sid)}
        url = self.site.gateway.url + BACK_CHANNEL
        self._end(lambda: SparingBrowser("").send("POST", url, {}, data=form).status_code == 200)

    def lose_the_grant(self) -> None:
        """The provider tells nobody, and refuses the next refresh: see ``Crowd``, which notes when."""
        self.ending = time.monotonic()
        self.site.provider.revoked.add(self.sid)

    def _end(self, is_done: Callable[[], bool]) -> None:
        self.ending = time.monotonic()
        if not is_done():
            self.surprises.append("could not be ended")
        self.ended = time.monotonic()


class Crowd:
    """All people of ``site``."""

    def __init__(self, site: Site) -> None:
        self.people: list[Person] = []
        self.by_sid: dict[str, Person] = {}
        self._site = site
        site.provider.behaviours["/token"] = self._tokens

    def log_in(self, _number: int) -> None:
        """Another one logs in, and one who came long before him calls."""
        browser = SparingBrowser(self._site.gateway.url)
        landed = browser.navigate("/shop/orders")
        assert landed.status_code == 200, landed.text
        [back] = [url for url in browser.visited if urlsplit(url).path == CALLBACK]
        grant = self._site.provider.codes[one_each(urlsplit(back).query)["code"]]
        person = Person(self._site, browser.cookies[SESSION], grant.sid)
        self.by_sid[grant.sid] = person
        self.people.append(person)
        self.people[len(self.people) // 3].call()

    def unrenewed(self) -> list[Person]:
        """Those whose first refresh token has not been used."""
        tokens = list(self._site.provider.refresh_tokens.values())
        return [self.by_sid[token.sid] for token in tokens if token.refreshed == 1 and not token.used]

    def surprises(self) -> list[str]:
        return [each for person in self.people for each in person.surprises]

    def _tokens(self, handler: BaseHTTPRequestHandler) -> None:
        """What the provider does; a session whose renewal it refused has ended."""
        provider = self._site.provider
        provider.answer(handler)
        grant = provider.refresh_tokens.get(vars(handler)["form"].get("refresh_token", ""))
        if grant is not None and grant.sid in provider.revoked:
            person = self.by_sid[grant.sid]
            person.ended = min(person.ended, time.monotonic())


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("OIDC_SECRET", SECRET)
    # The provider is a thread of fifty: what is measured here is not how fast it answers. And on a slow machine a
    # minute passes between two calls of one person, who must not be idle for that.
    directory = tmp_path_factory.mktemp("site")
    made = Site(directory, "idle: 10m", workers=2, change=lambda text: text.replace("timeout: 1s", "timeout: 4s"))
    made.provider.expires_in = TOKEN_SECONDS
    made.provider.change_id_token = lambda claims: claims | {"sub": f"user-{claims['sid']}"}
    yield made
    made.stop()


def _refreshes(provider: Provider) -> Counter[str]:
    return Counter(form["refresh_token"] for form in provider.forms if form["grant_type"] == "refresh_token")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_among_thousands_of_logins_and_renewals_no_session_is_refused_early_or_let_in_late(site: Site) -> None:
    crowd, provider = Crowd(site), site.provider
    with ThreadPoolExecutor(AT_ONCE) as pool:

        def at_once(work: Callable[[Any], object], several: Iterable[Any]) -> None:
            for _ in pool.map(work, several):
                pass

        at_once(crowd.log_in, range(LOGINS))
        assert len(crowd.by_sid) == LOGINS

        until = time.monotonic() + PATIENCE_SECONDS
        while (left := crowd.unrenewed()) and time.monotonic() < until:
            at_once(Person.call, [person for person in left for _ in range(2)])
        assert crowd.surprises() == []
        assert crowd.unrenewed() == []
        assert set(_refreshes(provider).values()) == {1}

        out, told, revoked, kept = (crowd.people[first::4] for first in range(4))
        ends = [(Person.log_out, out), (Person.be_logged_out, told), (Person.lose_the_grant, revoked)]
        steps = [partial(end, person) for end, people in ends for person in people]
        steps += [partial(Person.call, person) for person in crowd.people for _ in range(2)]
        random.Random(17).shuffle(steps)
        at_once(lambda step: step(), steps)
        until = time.monotonic() + PATIENCE_SECONDS
        while any(person.ended == math.inf for person in revoked) and time.monotonic() < until:
            at_once(Person.call, revoked + kept)
        assert all(person.ended < math.inf for person in out + told + revoked)
        time.sleep(max(0.0, max(person.ended for person in revoked) + KNOWN_SECONDS - time.monotonic()))
        at_once(Person.call, [person for person in crowd.people for _ in range(4)])
    assert crowd.surprises() == []
    assert set(_refreshes(provider).values()) == {1}
