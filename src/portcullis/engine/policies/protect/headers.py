"""Header fields that tell a browser how to treat an answer, and none that tell an attacker what made it.

What
    Every answer, the service's and the gateway's own, gets ``Strict-Transport-Security`` (where the client came by
    https), ``X-Content-Type-Options: nosniff`` and, unless the service says otherwise itself, ``Cache-Control:
    no-store``, ``Content-Security-Policy: default-src 'none'; frame-ancestors 'none'``, ``X-Frame-Options: DENY`` and
    ``Referrer-Policy: no-referrer``. Fields that name software and versions (``X-AspNet-Version``, ``X-Runtime``,
    ``X-Generator`` and their kin) are taken out; ``Server`` and ``X-Powered-By`` never cross, whatever the mode.

    A refusal of a path or method that nobody declares gets the fields of the API below whose base path it is. Where no
    API can be told (another path of a host, an unknown host, bytes that are no request) it gets those on which all
    APIs agree that could be meant: of the host, or of the whole file.

Why
    API8:2023 Security Misconfiguration: missing security headers are its fourth example. The values are those
    that OWASP's REST Security Cheat Sheet asks of an API. ``Strict-Transport-Security`` is RFC 6797, where a field over
    plain http has no meaning.

Config
    ``mode``: ``enforce``, ``monitor`` (change nothing) or ``off``; on unless it is turned off. ``hsts``: for how long a
    browser keeps to https, ``0`` for no such field; ``hsts_subdomains``. ``set``: fields of your own, which replace
    those of the service; a value of ``null`` leaves a field of the above to the service. ``remove``: more names that
    must not cross.

When it fails
    It never refuses. In ``monitor`` mode the record says ``protect.headers`` for an answer that lacked one of them.

Example
    .. code-block:: yaml

        apis:
          shop:
            protect:
              headers:
                hsts: 365d
                set: {Permissions-Policy: "geolocation=()", X-Frame-Options: null}
                remove: [X-Debug-Token]
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache, reduce
from typing import TYPE_CHECKING, Final

from pydantic import field_validator

from portcullis.engine.codes import Code
from portcullis.engine.config.names import FieldName
from portcullis.engine.config.section import Section
from portcullis.engine.config.values import Duration
from portcullis.engine.decision import Finding, Modify, Refuse
from portcullis.engine.facts import Facts
from portcullis.engine.policy import Mode, Policy, Probe, Step
from portcullis.engine.response import ResponseView

if TYPE_CHECKING:
    from portcullis.engine.operation import OperationContext

HEADERS: Final = Code("protect.headers", 502, "The answer lacks security headers")

_ALWAYS: Final = {b"x-content-type-options": b"nosniff"}
_UNLESS_GIVEN: Final = {
    b"cache-control": b"no-store",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
}
_HSTS: Final = b"strict-transport-security"
USUAL: Final = frozenset(name.decode() for name in (*_ALWAYS, *_UNLESS_GIVEN, _HSTS))
"""Names of the fields that are written by themselves, and may be left to the service."""
_TELLTALE: Final = frozenset(
    (
        *(b"x-aspnet-version", b"x-aspnetmvc-version", b"x-runtime", b"x-generator", b"x-powered-by-plesk"),
        *(b"x-powered-cms", b"x-php-version", b"x-debug-token", b"x-debug-token-link", b"x-drupal-cache"),
        *(
            b"x-rack-cache",
            b"x-server",
            b"x-servername",
            b"x-backend-server",
            b"x-backend",
            b"x-envoy-decorator-operation",
        ),
        *(b"x-envoy-upstream-service-time", b"x-application-context", b"x-jenkins", b"x-varnish", b"x-varnish-backend"),
        *(b"x-turbo-charged-by", b"x-owa-version", b"x-cf-powered-by", b"x-litespeed-tag", b"x-mod-pagespeed"),
        *(b"sourcemap", b"x-sourcemap", b"x-old-content-length", b"microsoftsharepointteamservices", b"product"),
    )
)
_VALUE: Final = re.compile(r"[\t\x20-\x7e]*+")
# What frames the message, or is said by the gateway itself, can't be a matter of configuration.
_NOT_YOURS: Final = frozenset(
    ("connection", "content-length", "content-type", "content-encoding", "transfer-encoding", "x-request-id", "date")
)


class HeadersConfig(Section):
    """Security headers of answers."""

    mode: Mode = "enforce"
    """``enforce``, ``monitor`` (change nothing) or ``off``."""
    hsts: Duration = 365 * 86_400.0
    """How long a browser keeps to https after an answer over https; ``0`` for no such field."""
    hsts_subdomains: bool = False
    """Whether that holds for all hosts below this one, too."""
    set: dict[FieldName, str | None] = {}
    """Fields by name, instead of those of the service; ``null`` leaves one of the usual ones to the service."""
    remove: list[FieldName] = []
    """Names of fields that do not cross."""

    @field_validator("set")
    @classmethod
    def _is_writable(cls, value: dict[str, str | None]) -> dict[str, str | None]:
        for name, text in value.items():
            if name.lower() in _NOT_YOURS:
                raise ValueError(f"{name} is written by the gateway")
            if text is not None and not _VALUE.fullmatch(text):
                raise ValueError(f"the value of {name} must be visible ASCII characters and blanks")
        return value


def compile_headers(config: HeadersConfig, _context: OperationContext) -> tuple[Step, ...]:
    """The step that changes the fields of every answer of one operation."""
    if config.mode == "off":
        return ()
    plain, secure = _changes_of(config)
    if config.mode == "monitor":
        return (Step(POLICY.name, "answer", _report(plain, secure), monitor=True),)
    return (_changing(plain, secure),)


def say_no_store(context: OperationContext) -> bool:
    """Whether answers of an operation say something of caches, whatever the service says: ``no-store`` by default."""
    config: HeadersConfig = POLICY.config_in(context.settings.protect)
    left = {name.lower() for name, value in config.set.items() if value is None}
    return config.mode == "enforce" and "cache-control" not in left


def common_steps(configs: Sequence[HeadersConfig]) -> tuple[Step, ...]:
    """The step that changes the fields of an answer as all of ``configs`` would: only what none of them would not."""
    if not configs or any(config.mode != "enforce" for config in configs):
        return ()
    plain, secure = zip(*map(_changes_of, configs), strict=True)
    return (_changing(reduce(_common, plain), reduce(_common, secure)),)


def _changing(plain: Modify, secure: Modify) -> Step:
    def change(response: ResponseView, _facts: Facts) -> Modify:
        return secure if response.request.scheme == "https" else plain

    return Step(POLICY.name, "answer", change)


def _common(one: Modify, other: Modify) -> Modify:
    return Modify(
        set_fields=tuple(field for field in one.set_fields if field in other.set_fields),
        remove_fields=one.remove_fields & other.remove_fields,
        default_fields=tuple(field for field in one.default_fields if field in other.default_fields),
    )


def _changes_of(config: HeadersConfig) -> tuple[Modify, Modify]:
    """What is changed in answers over http, and over https."""
    settings = (tuple(config.set.items()), tuple(config.remove), config.hsts, config.hsts_subdomains)
    return _changes(*settings, secure=False), _changes(*settings, secure=True)


@lru_cache(maxsize=256)
def _changes(
    wishes: tuple[tuple[str, str | None], ...],
    unwanted: tuple[str, ...],
    hsts: float,
    subdomains: bool,
    *,
    secure: bool,
) -> Modify:
    """The same object for the same settings: an estate has many operations, and mounts remember what it comes to."""
    wanted = {name.lower().encode(): value for name, value in wishes}
    always = {name: value for name, value in _ALWAYS.items() if name not in wanted}
    if secure and hsts and _HSTS not in wanted:
        below = b"; includeSubDomains" if subdomains else b""
        always[_HSTS] = b"max-age=%d%b" % (hsts, below)
    always |= {name: value.encode() for name, value in wanted.items() if value is not None}
    removed = {name.lower().encode() for name in unwanted}
    return Modify(
        set_fields=tuple(always.items()),
        remove_fields=frozenset(_TELLTALE - always.keys() | removed),
        default_fields=tuple((name, value) for name, value in _UNLESS_GIVEN.items() if name not in wanted),
    )


def _report(plain: Modify, secure: Modify) -> Callable[[ResponseView, Facts], Refuse | None]:
    """In monitor mode: what of the fields that would be set an answer lacks."""

    def report(response: ResponseView, _facts: Facts) -> Refuse | None:
        change = secure if response.request.scheme == "https" else plain
        lacking = [
            name.decode() for name, _ in (*change.set_fields, *change.default_fields) if name not in response.headers
        ]
        if not lacking:
            return None
        return Refuse(HEADERS, finding=Finding("/response/header", "", ", ".join(lacking)))

    return report


POLICY = Policy(
    phase="protect",
    key="headers",
    config=HeadersConfig,
    codes=(HEADERS,),
    probes=(Probe("an answer without security headers, in monitor mode", "missing_security_headers", HEADERS),),
    compile=compile_headers,
)
