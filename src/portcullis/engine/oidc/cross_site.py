"""Requests that another site's page makes a browser send (CSRF, CWE-352).

A browser sends the session's cookie whoever wrote the page. So a request that can change something is taken only where
the browser says that a page of ours sent it: by ``Origin`` (RFC 6454), which it sends with every such request, and by
``Sec-Fetch-Site`` (Fetch Metadata). No page can forge either. ``SameSite=Lax`` is a second wall and not the first:
siblings of our domain are the same site. Who can't send them shows a token that only the session's owner can have read.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection
from typing import Final

from portcullis.engine.decision import Finding, Refuse, shorten
from portcullis.engine.oidc.codes import CROSS_SITE
from portcullis.engine.oidc.random_ids import as_text
from portcullis.engine.request import RequestView

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""RFC 9110 9.2.1: whoever lets these change something gives the protection up."""
_WANTED: Final = "a page of this site"


class CrossSiteCheck:
    """Tells requests of our own pages, at ``origins``, from those of others.

    ``header``: of the token (lower-case); ``require_token``: it must be there whatever else is. ``source``: where in
    the file that is said.
    """

    __slots__ = ("_header", "_origins", "_require_token", "_source")

    def __init__(self, origins: Collection[str], header: str, source: str, *, require_token: bool = False) -> None:
        self._origins = frozenset(origin.encode() for origin in origins)
        self._header = header.encode()
        self._require_token = require_token
        self._source = source

    def check(self, request: RequestView, session: bytes, token: str | None = None) -> Refuse | None:
        """The refusal of a request of another site; ``session``: the id that it came with, ``token``: of a form."""
        if request.method in SAFE_METHODS:
            return None
        shown = request.headers.get(self._header) if token is None else token.encode()
        has_token = shown is not None and hmac.compare_digest(shown, csrf_token(session).encode())
        origin, site = request.headers.get(b"origin"), request.headers.get(b"sec-fetch-site")
        if origin is not None and origin not in self._origins:
            return self._refuse("/header/origin", shorten(origin.decode("latin-1"), 80))
        if site is not None and site != b"same-origin" and origin is None:
            return self._refuse("/header/sec-fetch-site", shorten(site.decode("latin-1"), 40))
        if self._require_token and not has_token:
            return self._refuse(f"/header/{self._header.decode()}", "no token of this session, or a wrong one")
        if origin is None and site is None and not has_token:
            return self._refuse("/header/origin", "neither Origin nor Sec-Fetch-Site nor the session's token")
        return None

    def _refuse(self, pointer: str, found: str) -> Refuse:
        return Refuse(CROSS_SITE, finding=Finding(pointer, found, _WANTED, self._source))


def csrf_token(session: bytes) -> str:
    """What only a page of ours can have read of the session with this id: it tells nothing of the id itself."""
    return as_text(hmac.digest(session, b"portcullis csrf token", "sha256"))
