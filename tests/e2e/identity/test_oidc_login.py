"""Logging in with a browser over real sockets: at a provider that goes by the letter, and against those who attack."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from gateway import end, start, wait_for
from issuer import DISCOVERY, KEYS, saying, silent
from logging_in import (
    BACK_CHANNEL,
    CALLBACK,
    LOGIN,
    LOGIN_PATH,
    LOGOUT_PATH,
    SESSION,
    Site,
    answered,
    begun,
    code_of,
    logged_in,
    reason_of,
    state_of,
    unguessable,
)
from ports import free_port
from provider import EVENT, SECRET, Browser, one_each
from rows import rows

from portcullis.testing.tokens import Signer, key_set_of


@pytest.fixture(scope="module", autouse=True)
def _secret() -> Iterator[None]:
    os.environ["OIDC_SECRET"] = SECRET
    yield
    del os.environ["OIDC_SECRET"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("site"), workers=2)
    yield site
    site.stop()


@pytest.fixture
def site(shared: Site) -> Iterator[Site]:
    """A site that several tests use, its provider well-behaved."""
    usual = dict(vars(shared.provider))
    yield shared
    for name in ("claims", "user", "expires_in", "change_id_token", "sign_id_token", "signers", "names_itself"):
        setattr(shared.provider, name, usual[name])
    shared.provider.behaviours.clear()


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    made: list[Site] = []

    def make(**how: Any) -> Site:
        made.append(Site(tmp_path, **how))
        return made[-1]

    yield make
    for site in made:
        site.stop()


# What is meant to happen.


def test_a_browser_logs_in_calls_and_logs_out(site: Site) -> None:
    browser = Browser(site.gateway.url)
    landed = browser.navigate("/shop/orders?page=2")
    assert landed.status_code == 200
    assert browser.visited[-1] == f"{site.gateway.url}/shop/orders?page=2"
    assert list(browser.cookies) == [SESSION]
    assert browser.fetch("/shop/orders", "POST").status_code == 200
    assert browser.fetch("/shop/clerks").status_code == 200
    record = site.gateway.record_of(landed.headers["x-request-id"])
    assert (record["consumer"], record["identity"]) == ("people:alice", "alice")
    out = browser.fetch(LOGOUT_PATH, "POST")
    assert (out.status_code, list(browser.cookies)) == (303, [])
    asked = one_each(urlsplit(out.headers["location"]).query)
    assert asked["client_id"] == "web"
    assert asked["post_logout_redirect_uri"] == f"{site.gateway.url}/"
    assert asked["id_token_hint"].count(".") == 2


def test_neither_cookies_nor_tokens_reach_the_service(site: Site) -> None:
    browser = logged_in(site.gateway)
    begun(browser)
    browser.fetch("/shop/orders")
    heads = b"".join(exchange.head for exchange in site.service.seen)
    assert b"GET /shop/orders" in heads
    assert b"__Host-" not in heads
    assert b"eyJ" not in heads


def test_a_session_is_known_to_every_worker_and_only_told_to_pages_of_its_origin(site: Site) -> None:
    browser = logged_in(site.gateway)
    assert {browser.fetch("/shop/orders").status_code for _ in range(20)} == {200}
    page = browser.fetch("/.portcullis/session")
    assert page.json() | {"ends": 0, "csrf_token": ""} == {
        "subject": "alice",
        "name": "Alice",
        "roles": ["clerk"],
        "ends": 0,
        "csrf_token": "",
        "login": LOGIN_PATH,
        "logout": LOGOUT_PATH,
    }
    assert page.headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in page.headers


def test_calls_of_scripts_are_refused_and_page_loads_sent_to_log_in(site: Site) -> None:
    browser = Browser(site.gateway.url)
    refused = browser.fetch("/shop/orders")
    assert (refused.status_code, code_of(refused)) == (401, "authenticate.failed")
    assert refused.headers["www-authenticate"].startswith('Cookie realm="people"')
    sent = browser.navigate("/shop/orders?page=2", follow=False)
    assert sent.headers["location"] == f"{site.gateway.url}{LOGIN_PATH}?return_to=/shop/orders%3Fpage%3D2"
    assert browser.fetch("/shop/open").status_code == 200


def test_two_tabs_can_log_in_at_once(site: Site) -> None:
    browser = Browser(site.gateway.url)
    first, second = begun(browser, "/shop/orders"), begun(browser, "/shop/open")
    assert browser.navigate(answered(site.provider, first)).status_code == 200
    assert browser.navigate(answered(site.provider, second)).status_code == 200
    assert browser.visited[-1].endswith("/shop/open")


def test_sessions_outlive_a_restart_and_the_database_tells_nothing(make_site: Callable[..., Site]) -> None:
    site = make_site()
    browser = logged_in(site.gateway)
    site.restart()
    assert browser.fetch("/shop/orders").status_code == 200
    site.gateway.stop()
    stored = b"".join(path.read_bytes() for path in site.directory.rglob("*.db*"))
    assert b"browser_sessions" in stored
    secrets = (browser.cookies[SESSION], "eyJ", "alice", "Alice", *site.provider.refresh_tokens)
    for secret in map(str.encode, secrets):
        assert secret not in stored


def test_a_session_ends_when_it_is_idle_and_at_its_lifetime(make_site: Callable[..., Site]) -> None:
    site = make_site(session="idle: 1s, lifetime: 3s")
    browser = logged_in(site.gateway)
    begun_at = time.monotonic()
    while time.monotonic() < begun_at + 2.2:  # kept awake by calls
        assert browser.fetch("/shop/orders").status_code == 200
        time.sleep(0.1)
    wait_for(lambda: browser.fetch("/shop/orders").status_code == 401, "the end of the session", 3)
    idle = logged_in(site.gateway)
    time.sleep(1.3)
    assert idle.fetch("/shop/orders").status_code == 401


def test_the_page_about_it_works(tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).resolve().parents[3] / "docs/identity/browser-login.md").read_text(encoding="utf-8")
    port = free_port()
    for name, text in re.findall(r'```yaml title="([^"]+)"\n(.*?)```', page, re.DOTALL):
        ours = text.replace("https://id.example.com", site.provider.url).replace("client_id: notes", "client_id: web")
        ours = ours.replace("8080", str(port)).replace("9901", "0").replace("http://127.0.0.1:9000", site.service.url)
        (tmp_path / name).write_text(ours)
    monkeypatch.setenv("NOTES_CLIENT_SECRET", SECRET)
    site.provider.claims = {"groups": ["writers"]}
    gateway = start(tmp_path)
    try:
        browser = Browser(f"http://localhost:{port}")
        assert browser.navigate("/notes/").status_code == 200
        assert browser.fetch("/notes/", "POST").status_code == 200
        assert browser.fetch("/.portcullis/session").json()["roles"] == ["writer"]
        assert browser.fetch("/.portcullis/logout", "POST").status_code == 303
        assert browser.fetch("/notes/").status_code == 401
    finally:
        end(gateway)


# Renewal.


def test_claims_are_renewed_in_the_background_and_each_refresh_token_is_used_once(
    make_site: Callable[..., Site],
) -> None:
    site = make_site(session="idle: 2s, lifetime: 1h", workers=2)
    site.provider.expires_in = 2
    browser = logged_in(site.gateway)
    assert browser.fetch("/shop/clerks").status_code == 200
    site.provider.claims = {"groups": []}
    wait_for(lambda: browser.fetch("/shop/clerks").status_code == 403, "the roles to be renewed", 5)
    until = time.monotonic() + 3
    while time.monotonic() < until:
        assert browser.fetch("/shop/orders").status_code == 200
    refreshes = [form["refresh_token"] for form in site.provider.forms if form["grant_type"] == "refresh_token"]
    assert len(refreshes) == len(set(refreshes)) >= 3


def test_a_provider_that_refuses_to_renew_ends_the_session(make_site: Callable[..., Site]) -> None:
    site = make_site(session="idle: 2s, lifetime: 1h")
    site.provider.expires_in = 2
    browser = logged_in(site.gateway)
    for token in site.provider.refresh_tokens.values():
        site.provider.revoked.add(token.sid)
    wait_for(lambda: browser.fetch("/shop/orders").status_code == 401, "the end of the session", 5)


def test_a_provider_that_is_away_ends_no_session_for_a_while_and_then_nobody_is_let_in(
    make_site: Callable[..., Site],
) -> None:
    site = make_site(session="idle: 20s, lifetime: 1h, keep: 1s")
    site.provider.expires_in = 1
    browser = logged_in(site.gateway)
    site.provider.stop()
    assert browser.fetch("/shop/orders").status_code == 200
    wait_for(lambda: browser.fetch("/shop/orders").status_code == 503, "the end of patience", 6)
    site.provider.start()
    wait_for(lambda: browser.fetch("/shop/orders").status_code == 200, "the renewal", 10)


def test_another_subject_cannot_take_a_session_over_by_a_refresh(make_site: Callable[..., Site]) -> None:
    site = make_site(session="idle: 2s, lifetime: 1h")
    site.provider.expires_in = 2
    browser = logged_in(site.gateway)
    site.provider.user = "mallory"
    wait_for(lambda: browser.fetch("/shop/orders").status_code == 401, "the end of the session", 5)


# Answers that must not be taken.


def test_a_login_that_this_browser_did_not_begin_is_refused(site: Site) -> None:
    attacker, victim = Browser(site.gateway.url), Browser(site.gateway.url)
    lure = answered(site.provider, begun(attacker))
    for browser in (victim, Browser(site.gateway.url)):
        refused = browser.navigate(lure)
        assert (refused.status_code, code_of(refused)) == (400, "authenticate.unknown_login")
        assert SESSION not in browser.cookies
    begun(victim)
    assert code_of(victim.navigate(lure)) == "authenticate.unknown_login"


@rows("state", [None, "", "x", unguessable(), "é", "x" * 4096])
def test_an_answer_with_another_state_is_refused(site: Site, state: str | None) -> None:
    browser = Browser(site.gateway.url)
    refused = browser.navigate(answered(site.provider, begun(browser), state=state))
    assert (refused.status_code, code_of(refused)) == (400, "authenticate.unknown_login")


def test_an_answer_is_taken_once(site: Site) -> None:
    browser = Browser(site.gateway.url)
    answer = answered(site.provider, begun(browser))
    kept = dict(browser.cookies)
    assert browser.navigate(answer).status_code == 200
    again = Browser(site.gateway.url, kept)
    refused = again.navigate(answer)
    assert reason_of(site.gateway, refused) == ("authenticate.unknown_login", "a login that has been completed")
    assert SESSION not in again.cookies


def test_a_code_that_was_stolen_is_worth_nothing_in_another_browser(site: Site) -> None:
    victim, thief = Browser(site.gateway.url), Browser(site.gateway.url)
    stolen = site.provider.authorization(begun(victim))["code"]
    mine = begun(thief)
    refused = thief.navigate(answered(site.provider, mine, code=stolen))
    assert (refused.status_code, code_of(refused)) == (403, "authenticate.login_refused")
    assert SESSION not in thief.cookies


@rows("issuer", ["https://evil.example", None, ""])
def test_an_answer_of_another_issuer_is_not_taken_to_this_one(site: Site, issuer: str | None) -> None:
    browser = Browser(site.gateway.url)
    asked = len(site.provider.forms)
    refused = browser.navigate(answered(site.provider, begun(browser), iss=issuer))
    assert (refused.status_code, code_of(refused)) == (403, "authenticate.login_refused")
    assert len(site.provider.forms) == asked


def test_an_answer_whose_parameters_stand_twice_is_refused(site: Site) -> None:
    browser = Browser(site.gateway.url)
    answer = answered(site.provider, begun(browser))
    for name in ("code", "state", "iss"):
        assert code_of(browser.navigate(f"{answer}&{name}=x")) == "authenticate.unknown_login"
    assert browser.navigate(f"{answer}&session_state=x&session_state=y&Scope=openid").status_code == 200


def test_an_error_of_the_provider_is_told_without_its_words(site: Site) -> None:
    browser = Browser(site.gateway.url)
    state = state_of(begun(browser))
    refused = browser.navigate(f"{CALLBACK}?error=access_denied&error_description=<script>&state={state}")
    assert (refused.status_code, code_of(refused)) == (403, "authenticate.login_refused")
    assert "script" not in refused.text
    assert "access_denied" not in refused.text
    assert LOGIN not in browser.cookies


def _without(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda claims: {key: value for key, value in claims.items() if key != name}


def _with(**changed: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda claims: claims | changed


@rows(
    "change",
    [
        _without("nonce"),
        _with(nonce="another"),
        _with(nonce=["a", "b"]),
        _with(iss="https://evil.example"),
        _without("iss"),
        _with(aud="another"),
        _with(aud=["web", "another"]),
        _with(aud=["web", "web2"], azp="web"),
        _with(aud=[]),
        _with(azp="another"),
        _with(exp=1),
        _without("exp"),
        _with(iat=99999999999),
        _without("iat"),
        _with(nbf=99999999999),
        _without("sub"),
        _with(sub=""),
        _with(sub=17),
        _with(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
        _with(at_hash=None),
    ],
)
def test_an_id_token_that_says_anything_else_is_refused(site: Site, change: Any) -> None:
    site.provider.change_id_token = change
    browser = Browser(site.gateway.url)
    refused = browser.navigate("/shop/orders")
    assert (refused.status_code, code_of(refused)) == (403, "authenticate.login_refused")
    assert not browser.cookies


def _unsigned(claims: dict[str, Any]) -> str:
    return Signer("ES256", "first").token(claims, {"alg": "none"}).rpartition(".")[0] + "."


def _stranger(claims: dict[str, Any]) -> str:
    return Signer("ES256", "first").token(claims)


def _public_key_as_secret(claims: dict[str, Any]) -> str:
    return Signer("HS256", "first", SECRET.encode() * 4).token(claims)


def _access_token(claims: dict[str, Any]) -> str:
    return FIRST.token(claims, {"typ": "at+jwt"})


FIRST = Signer("ES256", "first")


@rows("sign", [_unsigned, _stranger, _public_key_as_secret, _access_token, lambda _claims: "a.b.c", lambda _claims: ""])
def test_an_id_token_that_the_provider_did_not_sign_is_refused(site: Site, sign: Any) -> None:
    site.provider.signers = [FIRST]
    site.provider.sign_id_token = sign
    refused = Browser(site.gateway.url).navigate("/shop/orders")
    assert refused.status_code in (403, 503)
    assert code_of(refused) in ("authenticate.login_refused", "authenticate.login_unavailable")


def test_keys_are_rotated_while_people_log_in(make_site: Callable[..., Site]) -> None:
    site = make_site()
    logged_in(site.gateway)
    time.sleep(2.1)  # newer keys are looked for once in two seconds
    site.provider.signers = [Signer("ES256", "second")]
    logged_in(site.gateway)


# Where a browser is sent.


@rows(
    "target",
    [
        "https://evil.example",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/..//evil.example",
        "/.//evil.example",
        "/%2e%2e//evil.example",
        "/a/%2F/evil",
        "javascript:alert(1)",
        "/a\r\nSet-Cookie: x=y",
        "/a\x00",
        "@evil.example",
        ".evil.example",
        "shop",
        "/é",
        "/#//evil.example",
        LOGIN_PATH,
        LOGOUT_PATH,
        "/" + "a" * 2000,
    ],
)
def test_no_link_makes_a_login_lead_elsewhere(site: Site, target: str) -> None:
    browser = Browser(site.gateway.url)
    response = httpx.get(f"{site.gateway.url}{LOGIN_PATH}", params={"return_to": target})
    if response.status_code == 303:
        for cookie in response.headers.get_list("set-cookie"):
            browser._take(cookie)
        back = answered(site.provider, response.headers["location"])
        landed = browser.navigate(back, follow=False)
        assert landed.headers["location"] == f"{site.gateway.url}/"
    else:
        assert response.status_code == 400


def test_nobody_logs_in_at_another_host(site: Site) -> None:
    refused = httpx.get(f"{site.gateway.url}{LOGIN_PATH}", headers={"host": "evil.example"})
    assert (refused.status_code, code_of(refused)) == (400, "authenticate.wrong_origin")
    assert refused.json()["detail"] == f"Log in at {site.gateway.url}."
    sent = httpx.get(f"{site.gateway.url}/shop/orders", headers={"host": "evil.example", "accept": "text/html"})
    assert sent.headers["location"].startswith(f"{site.gateway.url}{LOGIN_PATH}?")


# Sessions of others.


def test_a_login_makes_a_new_session_and_ends_the_one_before(site: Site) -> None:
    fixed = unguessable()
    browser = Browser(site.gateway.url, {SESSION: fixed})
    assert browser.navigate(answered(site.provider, begun(browser))).status_code == 200
    first = browser.cookies[SESSION]
    assert first != fixed
    assert browser.navigate(answered(site.provider, begun(browser))).status_code == 200
    assert browser.cookies[SESSION] != first
    assert Browser(site.gateway.url, {SESSION: first}).fetch("/shop/orders").status_code == 401
    assert Browser(site.gateway.url, {SESSION: fixed}).fetch("/shop/orders").status_code == 401


@rows(
    ("cookie", "code"),
    [
        ("{name}={id}; {name}={id}", "authenticate.duplicate_credential"),
        ("{name}=x; a=b; {name}={id}", "authenticate.duplicate_credential"),
        ("{name}={id},{name}={id}", "authenticate.duplicate_credential"),
        ("{name}={id}x", "authenticate.malformed_session"),
        ("{name}=", "authenticate.malformed_session"),
        ('{name}="{id}"', "authenticate.malformed_session"),
        ("{name}={id}=", "authenticate.malformed_session"),
        ("{name}=" + "A" * 8000, "authenticate.malformed_session"),
        ("{name}=" + unguessable(), "authenticate.unknown_session"),
        ("{lower}={id}", "authenticate.missing"),
        ("portcullis={id}", "authenticate.missing"),
        ("x{name}={id}", "authenticate.missing"),
    ],
)
def test_a_cookie_that_is_not_exactly_one_session_is_refused(site: Site, cookie: str, code: str) -> None:
    browser = logged_in(site.gateway)
    text = cookie.format(name=SESSION, lower=SESSION.lower(), id=browser.cookies[SESSION])
    refused = browser.fetch("/shop/orders", fields={"cookie": text})
    assert (refused.status_code, code_of(refused)) == (401, "authenticate.failed")
    assert reason_of(site.gateway, refused)[0] == code


def test_cookies_beyond_any_size_are_refused_by_the_gate(site: Site) -> None:
    assert Browser(site.gateway.url).fetch("/shop/orders", fields={"cookie": "a=" + "b" * 70_000}).status_code == 431


@rows("value", ["", ".", "~", "~~", "a~1~b", "." * 3000, "A" * 43 + "~99999999999~Lw", "A" * 43 + "~x~Lw"])
def test_a_login_cookie_that_is_none_is_no_login(site: Site, value: str) -> None:
    browser = Browser(site.gateway.url, {LOGIN: value})
    assert code_of(browser.navigate(f"{CALLBACK}?code=a&state=b")) == "authenticate.unknown_login"
    assert browser.navigate("/shop/orders").status_code == 200


# Requests of other sites.


@rows(
    ("fields", "status"),
    [
        ({"origin": "ORIGIN", "sec-fetch-site": "same-origin"}, 200),
        ({"origin": "ORIGIN"}, 200),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"origin": "https://app.example", "sec-fetch-site": "cross-site"}, 200),
        ({"origin": "https://evil.example", "sec-fetch-site": "cross-site"}, 403),
        ({"origin": "https://evil.example", "sec-fetch-site": "same-origin"}, 403),
        ({"origin": "https://sibling.app.example", "sec-fetch-site": "same-site"}, 403),
        ({"origin": "null", "sec-fetch-site": "cross-site"}, 403),
        ({"origin": "ORIGIN.evil.example"}, 403),
        ({"origin": "ORIGIN, https://evil.example"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "none"}, 403),
        ({}, 403),
        ({"x-csrf-token": "TOKEN"}, 200),
        ({"x-csrf-token": "wrong"}, 403),
        ({"x-csrf-token": "TOKEN", "origin": "https://evil.example"}, 403),
    ],
)
def test_only_our_own_pages_can_change_something(site: Site, fields: dict[str, str], status: int) -> None:
    browser = logged_in(site.gateway)
    token = browser.fetch("/.portcullis/session").json()["csrf_token"]
    sent = {name: value.replace("ORIGIN", site.gateway.url).replace("TOKEN", token) for name, value in fields.items()}
    response = browser.send("POST", f"{site.gateway.url}/shop/orders", sent)
    assert response.status_code == status
    if status == 403:
        assert code_of(response) == "authenticate.cross_site"
        assert browser.send("POST", f"{site.gateway.url}{LOGOUT_PATH}", sent).status_code == 403
        assert browser.fetch("/shop/orders").status_code == 200


def test_a_form_can_show_the_token_to_log_out_and_no_link_can(site: Site) -> None:
    browser = logged_in(site.gateway)
    token = browser.fetch("/.portcullis/session").json()["csrf_token"]
    assert browser.navigate(LOGOUT_PATH).status_code == 405
    assert browser.fetch("/shop/orders").status_code == 200
    out = browser.send("POST", f"{site.gateway.url}{LOGOUT_PATH}", {}, data={"csrf_token": token})
    assert out.status_code == 303
    assert browser.fetch("/shop/orders").status_code == 401


def test_a_cookie_that_was_copied_ends_with_the_log_out(site: Site) -> None:
    browser = logged_in(site.gateway)
    thief = Browser(site.gateway.url, dict(browser.cookies))
    assert {thief.fetch("/shop/orders").status_code for _ in range(10)} == {200}
    browser.fetch(LOGOUT_PATH, "POST")
    left = time.monotonic() + 1
    wait_for(lambda: {thief.fetch("/shop/orders").status_code for _ in range(10)} == {401}, "all workers to know", 1)
    assert time.monotonic() < left


# The provider tells that a user has logged out.


def _sid_of(site: Site, browser: Browser) -> str:
    assert browser.cookies
    return [grant.sid for grant in site.provider.codes.values() if grant.used][-1]


def _tell(site: Site, token: str, **more: Any) -> httpx.Response:
    return httpx.post(f"{site.gateway.url}{BACK_CHANNEL}", data={"logout_token": token}, **more)


@rows("named", [("sid",), ("sub",), ("sid", "sub")])
def test_sessions_that_the_provider_ends_are_refused_within_a_second(site: Site, named: tuple[str, ...]) -> None:
    site.provider.user = f"user-{'-'.join(named)}"
    browser = logged_in(site.gateway)
    sid = _sid_of(site, browser)
    other = logged_in(site.gateway)
    for each in (browser, other):
        assert {each.fetch("/shop/orders").status_code for _ in range(10)} == {200}
    whose = {"sid": sid, "sub": site.provider.user}
    told = _tell(site, site.provider.logout_token(**{name: whose[name] for name in named}))
    assert (told.status_code, told.headers["cache-control"]) == (200, "no-store")
    ended, others = 401, 401 if named == ("sub",) else 200
    wait_for(lambda: {browser.fetch("/shop/orders").status_code for _ in range(10)} == {ended}, "the end", 1)
    assert {other.fetch("/shop/orders").status_code for _ in range(10)} == {others}


@rows(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"aud": "another"},
        {"events": None},
        {"events": {}},
        {"events": []},
        {"events": {EVENT: "yes"}},
        {"events": {EVENT + "x": {}}},
        {"nonce": "x"},
        {"jti": None},
        {"iat": None},
        {"exp": None},
        {"exp": 1},
        {"exp": 99999999999},
        {"sid": None},
        {"sid": 7},
        {"sid": ""},
    ],
)
def test_a_logout_token_that_says_anything_else_is_refused(site: Site, claims: dict[str, Any]) -> None:
    browser = logged_in(site.gateway)
    token = site.provider.logout_token(**{"sid": _sid_of(site, browser), **claims})
    refused = _tell(site, token)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert browser.fetch("/shop/orders").status_code == 200


def test_forged_logout_tokens_and_id_tokens_end_nothing(site: Site) -> None:
    browser = logged_in(site.gateway)
    sid = _sid_of(site, browser)
    good = site.provider.logout_token(sid=sid)
    unsigned = site.provider.logout_token(header={"alg": "none"}, sid=sid).rpartition(".")[0] + "."
    header, claims, signature = good.split(".")
    grant = next(iter(site.provider.codes.values()))
    forged = [
        unsigned,
        site.provider.logout_token(Signer("ES256", "first"), sid=sid),
        f"{header}.{claims}.{signature[::-1]}",
        site.provider.id_token(grant, "x"),
        site.provider.logout_token(header={"typ": "at+jwt"}, sid=sid),
        "x",
        "a.b.c",
        "a" * 20_000,
    ]
    assert {_tell(site, token).status_code for token in forged} == {400}
    assert httpx.post(f"{site.gateway.url}{BACK_CHANNEL}", json={"logout_token": good}).status_code == 400
    assert httpx.post(f"{site.gateway.url}{BACK_CHANNEL}", params={"logout_token": good}).status_code == 400
    assert browser.fetch("/shop/orders").status_code == 200
    assert _tell(site, good).status_code == 200
    assert _tell(site, good).status_code == 400  # once


# Providers that are away, slow or wrong.


def test_a_provider_that_is_away_when_the_gateway_starts_and_later(make_site: Callable[..., Site]) -> None:
    site = make_site()
    site.provider.stop()
    site.restart()
    browser = Browser(site.gateway.url)
    away = browser.navigate("/shop/orders")
    assert (away.status_code, code_of(away)) == (503, "authenticate.login_unavailable")
    site.provider.start()
    time.sleep(1.1)
    assert browser.navigate("/shop/orders").status_code == 200
    site.provider.stop()
    assert browser.fetch("/shop/orders").status_code == 200
    late = Browser(site.gateway.url)
    begun(late)  # what is known of the provider holds
    assert late.navigate(f"{CALLBACK}?code=x&state=x").status_code == 400


@rows(
    ("path", "answer", "status"),
    [
        ("/token", silent, 503),
        ("/token", saying(b"not json"), 503),
        ("/token", saying(b"[]"), 503),
        ("/token", saying(b"{}"), 503),
        ("/token", saying(b'{"access_token": "a", "token_type": "mac", "id_token": "x"}'), 503),
        ("/token", saying(b'{"access_token": "a", "token_type": "Bearer"}'), 403),
        ("/token", saying(b'{"error": "invalid_client"}', 401), 503),
        ("/token", saying(b'{"error": "invalid_grant"}', 400), 403),
        ("/token", saying(b"x" * 2_000_000), 503),
        ("/token", saying(b"", 500), 503),
        ("/token", saying(b"", 302), 503),
    ],
)
def test_a_token_endpoint_that_says_anything_else(site: Site, path: str, answer: Any, status: int) -> None:
    site.provider.behaviours[path] = answer
    browser = Browser(site.gateway.url)
    refused = browser.navigate("/shop/orders")
    assert refused.status_code == status
    assert not set(browser.cookies) - {LOGIN}
    site.provider.behaviours.clear()
    assert browser.navigate("/shop/orders").status_code == 200


def test_a_discovery_document_or_keys_of_somebody_else_let_nobody_in(make_site: Callable[..., Site]) -> None:
    site = make_site()
    documents = (b"{}", b"[]", b'{"issuer": "https://evil.example"}', b"x" * 2_000_000)
    for document in documents:
        site.provider.behaviours[DISCOVERY] = saying(document)
        refused = wait_for(lambda: Browser(site.gateway.url).navigate("/shop/orders"), "an answer", 5)
        assert (refused.status_code, code_of(refused)) == (503, "authenticate.login_unavailable")
        time.sleep(1.1)
    site.provider.behaviours = {KEYS: saying(b'{"keys": []}')}
    assert Browser(site.gateway.url).navigate("/shop/orders").status_code in (403, 503)
    site.provider.behaviours = {KEYS: saying(str(key_set_of(Signer("ES256", "first"))).replace("'", '"').encode())}
    time.sleep(2.1)
    assert Browser(site.gateway.url).navigate("/shop/orders").status_code == 403
