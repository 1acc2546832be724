"""The paths of logging in with a browser, for each identity that does so: login, callback, logout, back-channel logout,
and who is logged in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from typing import Any, Final

from portcullis.engine.authentication.deciding import first_present_decides
from portcullis.engine.calls_by_address import count_by_address
from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic
from portcullis.engine.decision import Answer
from portcullis.engine.endpoints.endpoint import Endpoint, EndpointContext, make_endpoint
from portcullis.engine.facts import Facts
from portcullis.engine.policies.authenticate.oidc import POLICY, OidcConfig, compile_oidc, source_of
from portcullis.engine.policy import Step
from portcullis.engine.request import RequestView

MOST_LOGOUTS: Final = 6_000
"""Back-channel logouts from one address in a minute, and at once."""
_MINUTE: Final = 60


def find(context: EndpointContext) -> Iterator[Endpoint]:
    """The endpoints of all identities of this kind. Raises ``ConfigurationError`` where two of them collide."""
    served: dict[tuple[str, str], str] = {}
    for name, identity in context.configuration.identities.items():
        if identity.oidc is not None:
            _check_apart(served, name, identity.oidc)
            yield from _of(name, identity.oidc, context)


def _of(name: str, config: OidcConfig, context: EndpointContext) -> Iterator[Endpoint]:
    # What logs in takes a while to load, and is needed only where somebody does.
    from portcullis.engine.oidc.login import Login  # noqa: PLC0415
    from portcullis.engine.oidc.logout import Logout  # noqa: PLC0415

    source, party, ports = f"#/identities/{name}/oidc", source_of(name, config), context.ports
    login, logout = Login(source, party, config, ports), Logout(source, party, config, ports)
    key = ("identities", name)
    if key not in context.shared:
        context.shared[key] = compile_oidc(name, config, ports)
    counted = Step(
        POLICY.name,
        "head",
        count_by_address(f"oidc/{name}", config.logins_per_address, _MINUTE, ports, f"{source}/logins_per_address"),
    )
    shared: dict[str, Any] = {"place": ("identities", name, "oidc"), "policy": POLICY.name}
    host = config.host
    yield make_endpoint(host, "GET", config.login_path, login.begin, before=(counted,), **shared)
    yield make_endpoint(host, "GET", config.redirect_path, login.complete, before=(counted,), **shared)
    yield make_endpoint(host, "POST", config.logout_path, logout.log_out, before=(counted,), needs="body", **shared)
    # All of them come from the provider's address, which may log out many at once.
    told = Step(POLICY.name, "head", count_by_address(f"oidc/{name}/told", MOST_LOGOUTS, _MINUTE, ports, source))
    yield make_endpoint(
        host, "POST", config.backchannel_logout_path, logout.told, before=(told,), needs="body", **shared
    )
    proven = Step(POLICY.name, "head", first_present_decides([context.shared[key]]))
    page = _SessionPage(config)
    yield make_endpoint(host, "GET", config.session_path, page.answer, before=(counted, proven), **shared)


class _SessionPage:
    """Who is logged in, for pages of the same origin: no other page is let read it."""

    def __init__(self, config: OidcConfig) -> None:
        self._cookie = config.session.cookie.encode()
        self._paths = {"login": config.login_path, "logout": config.logout_path}

    def answer(self, request: RequestView, facts: Facts) -> Answer | Awaitable[Answer]:
        """The session that was proven."""
        from portcullis.engine.oidc.answers import json_answer  # noqa: PLC0415
        from portcullis.engine.oidc.cookies import read_cookie  # noqa: PLC0415
        from portcullis.engine.oidc.cross_site import csrf_token  # noqa: PLC0415
        from portcullis.engine.oidc.random_ids import read_id  # noqa: PLC0415

        identity = facts.identity
        session = read_id(read_cookie(request, self._cookie) or b"")
        assert session is not None  # the step before has seen it
        return json_answer(
            {
                "subject": identity.subject,
                "name": identity.claims.get("name"),
                "roles": sorted(identity.roles),
                "ends": identity.expires,
                "csrf_token": csrf_token(session),
                **self._paths,
            }
        )


def _check_apart(served: dict[tuple[str, str], str], name: str, config: OidcConfig) -> None:
    for what in (*config.own_paths, f"cookie {config.session.cookie}"):
        other = served.setdefault((config.host, what), name)
        if other != name:
            message = f'"{other}" has the same at {config.origin}: {what}'
            where = f"identities.{name}.oidc"
            hint = "give one of them paths and a cookie of its own"
            raise ConfigurationError([Diagnostic("", 0, 0, where, message, hint)])
