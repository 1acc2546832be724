"""The session cookie of a request: whose it is, whether a page of ours sent it, and where else a browser is sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import msgspec

from portcullis.engine.authentication.proof import (
    ABSENT,
    DUPLICATE_CREDENTIAL,
    MISSING,
    NotMine,
    Outcome,
    Proven,
)
from portcullis.engine.decision import Finding, Refuse
from portcullis.engine.identity import Identity
from portcullis.engine.oidc.codes import MALFORMED_SESSION
from portcullis.engine.oidc.cookies import DuplicateCookieError, read_cookie
from portcullis.engine.oidc.cross_site import CrossSiteCheck
from portcullis.engine.oidc.random_ids import read_id
from portcullis.engine.oidc.return_path import HOME, safe_return_path
from portcullis.engine.oidc.sessions import SessionJudge
from portcullis.engine.ports import Ports
from portcullis.engine.request import RequestView

if TYPE_CHECKING:
    from portcullis.engine.policies.authenticate.oidc import OidcConfig

UNSTORED: Final = (b"cache-control", b"no-store")
_SEE_OTHER: Final = 303
_UNAUTHORIZED: Final = 401
Read = Callable[[Mapping[str, Any], str], Identity]


class BrowserSessions:
    """Proves who calls by the session cookie of ``config``. ``source``: its place in the file."""

    def __init__(self, source: str, realm: str, config: OidcConfig, read: Read, ports: Ports) -> None:
        cookie = config.session.cookie
        self._cookie = cookie.encode()
        self._pointer = f"/cookie/{cookie}"
        self._source = source
        self._redirects = config.on_missing == "redirect"
        self._login_path = config.login_path
        self._login_url = config.origin + config.login_path
        self._own_paths = config.own_paths
        self._judge = SessionJudge(source, realm, self._pointer, read, config.session.memory, ports).judge
        self.cross_site = cross_site_check(source, config)

    def challenge(self, name: str) -> bytes:
        """The challenge of a refusal. No scheme of cookies is registered; this is the one that was drafted."""
        parameters = {"realm": name, "form-action": self._login_path, "cookie-name": self._cookie.decode()}
        return ("Cookie " + ", ".join(f'{key}="{value}"' for key, value in parameters.items())).encode()

    def prove(self, request: RequestView) -> Outcome:
        """See :class:`~portcullis.engine.authentication.proof.Authenticator`."""
        try:
            value = read_cookie(request, self._cookie)
        except DuplicateCookieError as error:
            return self._refuse(DUPLICATE_CREDENTIAL, str(error), "one cookie")
        if value is None:
            if not self._is_sent_to_log_in(request):
                return ABSENT
            found = Finding(allowed="a session")
            return NotMine(self._sent_to_log_in(request, Refuse(MISSING, finding=found)))
        session = read_id(value)
        if session is None:
            return self._unproven(
                request, self._refuse(MALFORMED_SESSION, f"{len(value)} bytes that are no id", "an id of a session")
            )
        if (refusal := self.cross_site.check(request, session)) is not None:
            return refusal
        proven = self._judge(session)
        if isinstance(proven, Identity):
            return proven
        return self._unproven(request, proven) if isinstance(proven, Refuse) else self._awaited(request, proven)

    def stands(self, request: RequestView) -> Outcome:
        """Whether the session of ``request``, which proved its caller before, still is one."""
        try:
            session = read_id(read_cookie(request, self._cookie) or b"")
        except DuplicateCookieError:
            return ABSENT
        return ABSENT if session is None else self._judge(session)

    async def _awaited(self, request: RequestView, pending: Awaitable[Proven]) -> Proven:
        proven = await pending
        return self._unproven(request, proven) if isinstance(proven, Refuse) else proven

    def _unproven(self, request: RequestView, refusal: Refuse) -> Refuse:
        """``refusal``, by which a page load is sent to log in anew."""
        if refusal.status == _UNAUTHORIZED and self._is_sent_to_log_in(request):
            return self._sent_to_log_in(request, refusal)
        return refusal

    def _is_sent_to_log_in(self, request: RequestView) -> bool:
        return self._redirects and is_page_load(request)

    def _sent_to_log_in(self, request: RequestView, refusal: Refuse) -> Refuse:
        target = safe_return_path(request.target, self._own_paths)
        query = "" if target == HOME else f"?return_to={quote(target, safe='/')}"
        fields = ((b"location", (self._login_url + query).encode()), UNSTORED)
        return msgspec.structs.replace(refusal, fields=fields, status=_SEE_OTHER)

    def _refuse(self, code: Any, found: str, allowed: str) -> Refuse:
        return Refuse(code, finding=Finding(self._pointer, found, allowed, self._source))


def cross_site_check(source: str, config: OidcConfig) -> CrossSiteCheck:
    """What tells other sites' requests, by ``config``."""
    csrf = config.csrf
    return CrossSiteCheck(
        (config.origin, *csrf.origins), csrf.header.lower(), f"{source}/csrf", require_token=csrf.require_token
    )


def is_page_load(request: RequestView) -> bool:
    """Whether a browser asks for a page that it will show, and not a script for data (Fetch Metadata)."""
    if request.method != "GET":
        return False
    mode = request.headers.get(b"sec-fetch-mode")
    if mode is not None:
        return mode == b"navigate" and request.headers.get(b"sec-fetch-dest", b"document") == b"document"
    return b"text/html" in request.headers.get(b"accept", b"")
