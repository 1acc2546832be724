"""Logging in with a browser: your OpenID provider says who it is, and a session cookie says so from then on.

What
    For APIs that browsers call. Whoever comes without a session is sent to the provider (OpenID Connect Core 1.0,
    authorization code with PKCE), comes back with a code, which the control process exchanges, and gets a session: a
    cookie with a random id of 256 bits, ``__Host-``, ``Secure``, ``HttpOnly``, ``SameSite=Lax``. Only its SHA-256 is
    kept; what belongs to the session (claims, ID token, refresh token) is encrypted by a key made from the id, so that
    a stolen database opens nothing. No token ever reaches the browser or the service behind.

    The gateway itself serves, at ``origin``: ``login_path`` (``?return_to=/a/path`` of this site, and of no other),
    ``redirect_path``, where the provider sends browsers back to, ``logout_path`` (``POST``; it ends the session and
    then the one at the provider), ``session_path`` (who is logged in, and the token against cross-site requests), and
    ``backchannel_logout_path``, where the provider tells that a user has logged out (OpenID Connect Back-Channel Logout
    1.0): every worker refuses the session within a second.

    A session ends after ``session.idle`` without a call and ``session.lifetime`` after the login, and a new login
    always makes a new one. Where the provider gives a refresh token, claims and roles are renewed in the background
    before the access token ends; if the provider refuses to, the session is over. The consumer is
    ``<identity>:<subject>``, so that limits count each user; roles come from claims.

    A request by any other method than ``GET``, ``HEAD`` and ``OPTIONS`` is taken only if the browser says (``Origin``,
    ``Sec-Fetch-Site``) that a page of ``origin`` or of ``csrf.origins`` sent it; a client that sends neither shows the
    token that ``session_path`` gives, in the header ``csrf.header``.

Why
    API2:2023 Broken Authentication. Tokens in the storage of a page belong to whatever script gets into it; a cookie
    that no script sees, bound to one host, does not. What goes wrong around it is settled here: fixation, cross-site
    requests, logins that somebody else began, answers of another provider, redirects to anywhere.

Config
    ``issuer``, ``client_id`` and ``client_secret`` are those of your registration at the provider, which must know
    ``origin`` + ``redirect_path`` as a redirect URI. ``on_missing: redirect`` sends page loads (``Sec-Fetch-Mode:
    navigate``, or ``Accept: text/html``) to log in and refuses other calls; ``refuse`` refuses both. ``max_age`` and
    ``acr_values`` ask for a recent or a stronger login. A ``mode`` is set where the identity is used.

    ``origin`` is ``https``: browsers take ``__Host-`` cookies over a secure channel only. For development there is
    ``http://localhost:8080``: Chrome and Firefox take loopback for secure, Safari does not.

When it fails
    A page load without a session: 303 to ``login_path``. Other calls: 401 ``authenticate.failed`` with the challenge
    ``Cookie realm="<identity>"``, always the same; the record says whether there was no cookie, one that is none or
    several (``authenticate.missing``, ``authenticate.malformed_session``, ``authenticate.duplicate_credential``), or no
    such session any more (``authenticate.unknown_session``). 403 ``authenticate.cross_site`` for another site's
    request. 503 ``authenticate.unavailable`` where it can't be found out. Logins fail with 400
    ``authenticate.unknown_login`` in a browser that did not begin them (or too long ago, or twice), 403
    ``authenticate.login_refused`` where the provider says no or something that can't be trusted, and 503
    ``authenticate.login_unavailable`` while it can't be reached; at another host or scheme than that of ``origin``
    400 ``authenticate.wrong_origin``.

Example
    .. code-block:: yaml

        identities:
          people:
            oidc:
              issuer: https://id.example.com
              client_id: shop
              client_secret: "env:SHOP_CLIENT_SECRET"
              origin: https://shop.example.com
              roles: {claim: groups, map: {shop-clerks: clerk}}
        roles: {clerk: ["orders:read"]}
        apis:
          shop:
            authenticate: [people]
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from portcullis.engine.authentication.claim_mapping import ClaimMapping
from portcullis.engine.authentication.jose.errors import INVALID_CLAIMS
from portcullis.engine.authentication.jose.names import PUBLIC_ALGORITHMS, SignatureAlgorithm
from portcullis.engine.authentication.key_loading import reveal
from portcullis.engine.authentication.proof import (
    DUPLICATE_CREDENTIAL,
    MISSING,
    UNAVAILABLE,
    Authenticator,
    Outcome,
)
from portcullis.engine.config.names import BasePath, FieldName, PlanName, check_upstream, check_url
from portcullis.engine.config.section import Section
from portcullis.engine.config.values import Duration, Meaning, SecretReference, Size
from portcullis.engine.facts import Facts
from portcullis.engine.oidc.codes import (
    CROSS_SITE,
    LOGIN_REFUSED,
    LOGIN_UNAVAILABLE,
    MALFORMED_SESSION,
    UNKNOWN_LOGIN,
    UNKNOWN_SESSION,
    WRONG_ORIGIN,
)
from portcullis.engine.oidc.cookies import check_host_cookie
from portcullis.engine.oidc.messages import RelyingPartySource
from portcullis.engine.policies.authenticate.jwt import ClaimPath, RolesClaim
from portcullis.engine.policy import Policy, Probe
from portcullis.engine.ports import Ports
from portcullis.engine.request import RequestView

_CLIENT: Final = re.compile(r"[\x20-\x7e]{1,255}")
_SCOPE: Final = re.compile(r"[!#-\[\]-~]{1,200}")
_OPENID: Final = "openid"


def _check_client(value: str) -> str:
    if not _CLIENT.fullmatch(value):
        raise ValueError("the name that the provider gave the gateway, in printable ASCII (RFC 6749 A.1)")
    return value


def _check_scope(value: str) -> str:
    if not _SCOPE.fullmatch(value):
        raise ValueError("a scope, such as profile (RFC 6749 3.3)")
    return value


def _check_origin(value: str) -> str:
    try:
        check_upstream(value)
    except ValueError:
        value = ""
    parts = urlsplit(value)
    if not value or value.endswith("/") or value != value.lower() or _has_usual_port(value):
        raise ValueError(
            "an origin in lower case as browsers write it, https://shop.example.com: its cookies are taken over https "
            "only (for development http://localhost:8080 will do, in Chrome and Firefox)"
        )
    assert parts.hostname  # an origin has one
    return value


def _has_usual_port(origin: str) -> bool:
    return origin.endswith(":443" if origin.startswith("https:") else ":80")


Scope = Annotated[str, AfterValidator(_check_scope), Meaning("a scope", "profile")]
Origin = Annotated[str, AfterValidator(_check_origin), Meaning("an origin", "https://shop.example.com")]
Text = Annotated[str, Field(min_length=1, max_length=255), Meaning("text", "shop")]


class SessionSection(Section):
    """How long a session holds."""

    idle: Annotated[Duration, Field(ge=1.0, le=30 * 86400.0)] = 1800.0
    """How long it may go without a call, known to a tenth of it and a minute at most."""
    lifetime: Annotated[Duration, Field(ge=1.0, le=365 * 86400.0)] = 28800.0
    """How long after the login it ends in any case."""
    keep: Annotated[Duration, Field(ge=0.0, le=86400.0)] = 900.0
    """How long it goes on after its tokens have ended, while the provider can't be reached to renew them."""
    cookie: Annotated[str, AfterValidator(check_host_cookie), Meaning("a cookie's name", "__Host-session")] = (
        "__Host-portcullis"
    )
    """Name of its cookie; of the cookie for logins under way, with ``-login`` after it."""
    memory: Size = Field(16 * 1024 * 1024, le=1024 * 1024 * 1024)
    """Memory of one worker for sessions that are in use."""

    @property
    def login_cookie(self) -> str:
        """Name of the cookie for logins under way."""
        return f"{self.cookie}-login"

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.idle > self.lifetime:
            raise ValueError("idle is at most lifetime")
        return self


class CsrfSection(Section):
    """Whose pages may send requests that change something."""

    origins: list[Origin] = Field([], max_length=64)
    """Other origins than ``origin`` whose pages may; browsers need CORS for that too."""
    header: FieldName = "X-CSRF-Token"
    """Header field with the token of the session."""
    require_token: bool = False
    """Whether the token must always be there."""


class OidcConfig(Section):
    """A login at an OpenID provider, and the session that comes of it."""

    issuer: Annotated[str, AfterValidator(check_url), Meaning("an issuer", "https://id.example.com")]
    """The provider, to the letter as its discovery document and its ID tokens say it."""
    client_id: Annotated[str, AfterValidator(_check_client), Meaning("a client's name", "shop")]
    """The name that the provider gave the gateway."""
    client_secret: SecretReference | None = None
    """Its secret there; without one it is a public client, which PKCE alone protects."""
    client_method: Literal["client_secret_basic", "client_secret_post"] = "client_secret_basic"
    """How the secret is sent: as HTTP Basic, or in the form."""
    origin: Origin
    """Where browsers reach the API: scheme, host, and port where it is not the usual one."""
    scopes: list[Scope] = Field([_OPENID, "profile", "email"], max_length=32)
    """What is asked for; ``offline_access`` or the like where the provider gives refresh tokens only then."""
    redirect_path: BasePath = "/.portcullis/callback"
    """Where the provider sends browsers back to."""
    login_path: BasePath = "/.portcullis/login"
    """Where a login begins."""
    logout_path: BasePath = "/.portcullis/logout"
    """Where it ends."""
    session_path: BasePath = "/.portcullis/session"
    """Where a page learns who is logged in."""
    backchannel_logout_path: BasePath = "/.portcullis/backchannel-logout"
    """Where the provider tells that a user has logged out."""
    after_logout: BasePath = "/"
    """Where a browser is sent after it has logged out; the provider must know it too."""
    id_token_hint: bool = True
    """Whether the provider is told by the ID token who logs out: else it asks the user. It is in a URL then."""
    session: SessionSection = SessionSection()
    """How long a session holds."""
    csrf: CsrfSection = CsrfSection()
    """Whose pages may send requests that change something."""
    on_missing: Literal["redirect", "refuse"] = "redirect"
    """What becomes of page loads without a session."""
    algorithms: list[SignatureAlgorithm] | None = Field(None, min_length=1)
    """Signature algorithms of ID tokens; default: what each key is for."""
    audiences: list[Text] = Field([], max_length=32)
    """Others that ID tokens may be for, besides the gateway."""
    max_age: Annotated[Duration, Field(ge=1.0)] | None = None
    """How long ago a user may have proven himself to the provider when he logs in."""
    acr_values: list[Text] = Field([], max_length=16)
    """Classes of authentication, one of which must be proven."""
    leeway: Annotated[Duration, Field(ge=0.0, le=600.0)] = 30.0
    """By how much the provider's clock may differ."""
    subject: ClaimPath = "sub"
    """Claim that says who the user is."""
    claim_scopes: ClaimPath | None = None
    """Claim with the scopes; default: those that the provider granted."""
    roles: RolesClaim | None = None
    """Roles of the user."""
    plan: PlanName | None = None
    """Plan of the users, for ``limit: {plan: {of: consumer}}``."""
    logins_per_address: int = Field(60, ge=1, le=100_000)
    """Logins, and other calls of these paths, from one address in a minute, and at once."""

    @property
    def host(self) -> str:
        """The host that its paths are served at."""
        host = urlsplit(self.origin).hostname or ""
        return f"[{host}]" if ":" in host else host

    @property
    def own_paths(self) -> tuple[str, ...]:
        """The paths that the gateway itself serves."""
        return (
            self.login_path,
            self.redirect_path,
            self.logout_path,
            self.session_path,
            self.backchannel_logout_path,
        )

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if len(set(self.own_paths)) < len(self.own_paths):
            raise ValueError("each of its paths is another one")
        if _OPENID not in self.scopes:
            raise ValueError("scopes has openid: it makes the answer an ID token (OpenID Connect Core 3.1.2.1)")
        if wrong := set(self.algorithms or ()) - PUBLIC_ALGORITHMS:
            raise ValueError(f"{min(wrong)} is for a shared secret; ID tokens are signed by the provider's own key")
        if self.client_secret is None and "client_method" in self.model_fields_set:
            raise ValueError("client_method says how a secret is sent: only with client_secret")
        return self


def source_of(name: str, config: OidcConfig) -> RelyingPartySource:
    """What the control process has to know of identity ``name``."""
    secret = config.client_secret
    return RelyingPartySource(
        name=name,
        issuer=config.issuer,
        client=config.client_id,
        origin=config.origin,
        redirect_uri=config.origin + config.redirect_path,
        secret="" if secret is None else f"{secret.kind}:{secret.name}",
        method="none" if secret is None else config.client_method,
        scopes=tuple(config.scopes),
        audiences=tuple(config.audiences),
        algorithms=None if config.algorithms is None else tuple(sorted(config.algorithms)),
        acr_values=tuple(config.acr_values),
        leeway=config.leeway,
        max_age=config.max_age,
        idle=config.session.idle,
        lifetime=config.session.lifetime,
        keep=config.session.keep,
    )


def compile_oidc(name: str, config: OidcConfig, ports: Ports) -> Authenticator:
    """The authenticator of identity ``name``. Raises ``ConfigurationError`` for a secret that is not there."""
    from portcullis.engine.oidc.browser import BrowserSessions  # noqa: PLC0415 - needed only where there are logins

    if config.client_secret is not None:
        # Workers don't use it: the control process does. Where it is missing the start should say so, and not a login.
        reveal(("identities", name, "oidc", "client_secret"), config.client_secret, ports)
    sessions = BrowserSessions(
        f"#/identities/{name}/oidc",
        source_of(name, config).realm,
        config,
        ClaimMapping.of(name, POLICY.key, config, config.claim_scopes).reader(),
        ports,
    )

    def prove(request: RequestView, _facts: Facts) -> Outcome:
        return sessions.prove(request)

    return Authenticator(
        POLICY.name,
        prove,
        sessions.challenge(name),
        cookie=config.session.cookie,
        companions=(config.session.login_cookie,),
        repeats=True,
        looks=lambda request, _seconds: sessions.stands(request),
    )


POLICY = Policy(
    phase="authenticate",
    key="oidc",
    config=OidcConfig,
    codes=(
        MISSING,
        DUPLICATE_CREDENTIAL,
        MALFORMED_SESSION,
        UNKNOWN_SESSION,
        INVALID_CLAIMS,
        CROSS_SITE,
        UNKNOWN_LOGIN,
        LOGIN_REFUSED,
        LOGIN_UNAVAILABLE,
        WRONG_ORIGIN,
        UNAVAILABLE,
    ),
    probes=(
        Probe("a call without its session", "remove_credential", MISSING),
        Probe("a session's id with a character that is none of base64url", "corrupt_credential", MALFORMED_SESSION),
        Probe("a session's cookie given twice", "duplicate_credential", DUPLICATE_CREDENTIAL),
    ),
    compile=compile_oidc,
)
