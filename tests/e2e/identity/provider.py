"""An OpenID provider on a real socket, by the letter of OpenID Connect Core 1.0, and a browser that logs in at it.

Strict where a relying party could be lax: a code works once, for the redirect URI and the verifier it was made for; a
refresh token works once, and its second use revokes all that came of it (RFC 9700 4.14).
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlencode, urljoin, urlsplit

import httpx
from issuer import DISCOVERY, KEYS, Issuer, send

from portcullis.testing.tokens import Signer, encoded

CLIENT, SECRET = "web", "s3cret/with+signs"
EVENT = "http://schemas.openid.net/event/backchannel-logout"


@dataclass
class Grant:
    """What a code or a refresh token stands for."""

    nonce: str
    challenge: str
    redirect_uri: str
    sid: str
    refreshed: int = 0
    used: bool = False


@dataclass
class Provider(Issuer):
    """The issuer that people log in at. ``user``: who is; ``claims``: more of his; ``expires_in``: of access tokens."""

    user: str = "alice"
    claims: dict[str, Any] = field(default_factory=dict)
    expires_in: int = 300
    gives_refresh_tokens: bool = True
    names_itself: bool = True
    codes: dict[str, Grant] = field(default_factory=dict)
    refresh_tokens: dict[str, Grant] = field(default_factory=dict)
    change_id_token: Callable[[dict[str, Any]], dict[str, Any]] = lambda claims: claims
    sign_id_token: Callable[[dict[str, Any]], str] | None = None
    forms: list[dict[str, str]] = field(default_factory=list)
    revoked: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.lock = threading.Lock()
        self.audience = CLIENT

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}{KEYS}",
            "end_session_endpoint": f"{self.url}/end_session",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": self.names_itself,
            "backchannel_logout_supported": True,
            "backchannel_logout_session_supported": True,
        }

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        path = urlsplit(handler.path).path
        if path in (DISCOVERY, KEYS):
            super().answer(handler)
        elif path == "/authorize":
            self._authorize(handler)
        elif path == "/token":
            form: dict[str, str] = vars(handler)["form"]
            self._token(handler, form)
        else:
            send(handler, b"{}")

    def authorization(self, url: str) -> dict[str, str]:
        """What the provider gives back for the authorization request at ``url``."""
        asked = one_each(urlsplit(url).query)
        assert asked["response_type"] == "code", asked
        assert asked["client_id"] == CLIENT, asked
        assert "openid" in asked["scope"].split(), asked
        assert asked["code_challenge_method"] == "S256", asked
        assert len(asked["code_challenge"]) == 43, asked
        code = secrets.token_urlsafe(16)
        self.codes[code] = Grant(asked["nonce"], asked["code_challenge"], asked["redirect_uri"], secrets.token_hex(8))
        return {"code": code, "state": asked["state"], **({"iss": self.url} if self.names_itself else {})}

    def _authorize(self, handler: BaseHTTPRequestHandler) -> None:
        target = one_each(urlsplit(handler.path).query)["redirect_uri"]
        send(handler, b"", 303, Location=f"{target}?{urlencode(self.authorization(handler.path))}")

    def _token(self, handler: BaseHTTPRequestHandler, form: dict[str, str]) -> None:
        self.forms.append(form)
        expected = base64.b64encode(f"{quote_plus(CLIENT)}:{quote_plus(SECRET)}".encode()).decode()
        if handler.headers["Authorization"] != f"Basic {expected}":
            send(handler, b'{"error": "invalid_client"}', 401)
            return
        with self.lock:
            grant = self._granted(form)
        if grant is None:
            send(handler, b'{"error": "invalid_grant"}', 400)
            return
        send(handler, json.dumps(self.tokens(grant)).encode(), **{"Cache-Control": "no-store"})

    def _granted(self, form: dict[str, str]) -> Grant | None:
        if form["grant_type"] == "authorization_code":
            grant = self.codes.get(form["code"])
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            if grant is None or grant.used or grant.redirect_uri != form["redirect_uri"]:
                return None
            if encoded(digest) != grant.challenge:
                return None
        else:
            grant = self.refresh_tokens.get(form["refresh_token"])
            if grant is None or grant.sid in self.revoked:
                return None
            if grant.used:
                self.revoked.add(grant.sid)
                return None
        grant.used = True
        return grant

    def tokens(self, grant: Grant) -> dict[str, Any]:
        access_token = secrets.token_urlsafe(24)
        answer = {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": self.expires_in,
            "id_token": self.id_token(grant, access_token),
        }
        if self.gives_refresh_tokens:
            answer["refresh_token"] = secrets.token_urlsafe(24)
            self.refresh_tokens[answer["refresh_token"]] = Grant("", "", "", grant.sid, grant.refreshed + 1)
        return answer

    def id_token(self, grant: Grant, access_token: str) -> str:
        digest = hashlib.sha256(access_token.encode()).digest()
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "sub": self.user,
            "iat": now,
            "exp": now + self.expires_in,
            "auth_time": now if not grant.refreshed else None,
            "nonce": grant.nonce or None,
            "sid": grant.sid,
            "at_hash": encoded(digest[:16]),
            "refreshed": grant.refreshed,
            **self.claims,
        }
        changed = self.change_id_token({name: value for name, value in claims.items() if value is not None})
        return self.signers[0].token(changed) if self.sign_id_token is None else self.sign_id_token(changed)

    def logout_token(self, signer: Signer | None = None, header: dict[str, Any] | None = None, **claims: Any) -> str:
        now = int(time.time())
        usual = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 120, "jti": secrets.token_hex(8)}
        all_claims = {**usual, "events": {EVENT: {}}, **claims}
        kept = {name: value for name, value in all_claims.items() if value is not None}
        return (signer or self.signers[0]).token(kept, {"typ": "logout+jwt", **(header or {})})


def one_each(text: str) -> dict[str, str]:
    """The parameters of a form or a query, each of which stands once."""
    parsed = parse_qs(text, strict_parsing=True)
    assert all(len(values) == 1 for values in parsed.values()), parsed
    return {name: values[0] for name, values in parsed.items()}


_CLIENT = httpx.Client(timeout=15, limits=httpx.Limits(max_keepalive_connections=0), follow_redirects=False)


@dataclass
class Browser:
    """Takes cookies as browsers do, for one host, and says what they say of where a request comes from."""

    origin: str
    cookies: dict[str, str] = field(default_factory=dict)
    visited: list[str] = field(default_factory=list)

    def navigate(self, url: str, follow: bool = True) -> httpx.Response:
        """Load a page, from redirect to redirect, also through the provider."""
        for _ in range(10):
            url = urljoin(self.origin, url)
            fields = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document", "accept": "text/html"}
            response = self.send("GET", url, fields)
            self.visited.append(url)
            if not follow or response.status_code not in (302, 303):
                return response
            url = urljoin(url, response.headers["location"])
        raise AssertionError(f"too many redirects: {self.visited}")

    def fetch(
        self, path: str, method: str = "GET", fields: dict[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        """What a script of the same origin asks for."""
        usual = {"sec-fetch-mode": "cors", "sec-fetch-site": "same-origin", "accept": "*/*"}
        if method != "GET":
            usual["origin"] = self.origin
        return self.send(method, self.origin + path, {**usual, **(fields or {})}, **more)

    def send(self, method: str, url: str, fields: dict[str, str], **more: Any) -> httpx.Response:
        is_ours = url.startswith(self.origin + "/")
        if is_ours and self.cookies and "cookie" not in fields:
            fields = {**fields, "cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        response = self.exchange(method, url, fields, **more)
        if is_ours:
            for cookie in response.headers.get_list("set-cookie"):
                self._take(cookie)
        return response

    def exchange(self, method: str, url: str, fields: dict[str, str], **more: Any) -> httpx.Response:
        """Send a request as it is."""
        return _CLIENT.request(method, url, headers=fields, **more)

    def _take(self, cookie: str) -> None:
        pair, *attributes = [part.strip() for part in cookie.split(";")]
        name, _, value = pair.partition("=")
        assert name.startswith("__Host-")
        assert {"Path=/", "Secure", "HttpOnly", "SameSite=Lax"} <= set(attributes), cookie
        assert not any(each.lower().startswith("domain") for each in attributes), cookie
        if "Max-Age=0" in attributes:
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = value
