"""Which header fields of a request cross the gateway.

A service believes some fields because of where they ought to come from: a proxy before it, a party that ends TLS or
authenticates, an earlier hop. A client can write the same names, so these never cross:

- what belongs to one connection (RFC 9110 7.6.1),
- what tells an upstream who the client was: the gateway writes that itself, and believes others only from
  ``trusted_proxies``,
- what makes frameworks read another method, host or path than the one that was decided about, or steers a proxy,
- what carries what another party has proven, by the names that gateways and identity proxies are known to use.

Two more kinds cross only where the document declares them as parameters, or where a credential is in them: names that
services commonly read the caller's identity from, and names with an underscore. To services behind CGI and WSGI
``X_User`` and ``X-User`` are one name (RFC 3875 4.1.18), so an underscore hides a field from whoever looks at names;
nginx drops these too. All other fields cross.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from portcullis.mounts.forwarding import HOP_BY_HOP, REMEMBERED_BYTES, FieldPairs, nominated

_WRITTEN_BY_US: Final = frozenset({b"host", b"content-length", b"expect", b"traceparent", b"x-request-id"})
_FORWARDING: Final = frozenset(
    {
        *(b"cf-connecting-ip", b"cf-connecting-ipv6", b"cf-pseudo-ipv4", b"client-ip", b"fastly-client-ip"),
        *(b"fly-client-ip", b"forwarded", b"proxy-client-ip", b"true-client-ip", b"wl-proxy-client-ip"),
        *(b"x-appengine-user-ip", b"x-azure-clientip", b"x-azure-socketip", b"x-client-ip", b"x-cluster-client-ip"),
        *(b"x-forwarded", b"x-host", b"x-originating-ip", b"x-proxyuser-ip", b"x-real-ip", b"x-real-port"),
        *(b"x-scheme", b"x-url-scheme", b"front-end-https"),
    }
)
_OVERRIDES: Final = frozenset(
    {
        *(b"x-http-host-override", b"x-http-method", b"x-http-method-override", b"x-method", b"x-method-override"),
        *(b"proxy", b"x-override-url", b"x-script-name", b"x-sendfile-type"),
    }
)
_PROOFS: Final = frozenset(
    {
        *(b"x-anonymous-consumer", b"x-apigateway-api-userinfo", b"x-client-dn", b"x-endpoint-api-userinfo"),
        *(b"x-goog-iap-jwt-assertion", b"x-jwt-assertion", b"x-jwt-payload", b"x-token-subject"),
        *(b"impersonate-group", b"impersonate-uid", b"impersonate-user"),
    }
)
_FAMILIES: Final = (
    # Forwarding and overrides.
    *(b"x-forwarded-", b"x-original-", b"x-rewrite-", b"x-accel-", b"x-envoy-", b"x-middleware-", b"x-remote-"),
    # Proofs: TLS (RFC 9440 2.4: to be removed by whoever ends TLS), and what identity proxies write.
    *(b"client-cert", b"ssl-client-", b"x-client-cert", b"x-ssl-", b"x-tls-client-", b"remote-"),
    *(b"cf-access-", b"impersonate-extra-", b"tailscale-user-", b"x-amzn-oidc-", b"x-auth-request-"),
    *(b"x-authenticated-", b"x-authentik-", b"x-consumer-", b"x-credential-", b"x-goog-authenticated-user-"),
    *(b"x-ms-client-principal", b"x-ms-token-", b"x-pomerium-", b"x-vouch-", b"x-webauth-"),
)
_IDENTITIES: Final = frozenset(
    {
        *(b"x-admin", b"x-auth-email", b"x-auth-groups", b"x-auth-roles", b"x-auth-user", b"x-auth-userid"),
        *(b"x-auth-username", b"x-caller", b"x-consumer", b"x-email", b"x-groups", b"x-identity", b"x-is-admin"),
        *(b"x-principal", b"x-role", b"x-roles", b"x-scope", b"x-scopes", b"x-subject", b"x-user", b"x-user-email"),
        *(b"x-user-group", b"x-user-groups", b"x-user-id", b"x-user-name", b"x-user-permissions", b"x-user-role"),
        *(b"x-user-roles", b"x-user-scopes", b"x-userid", b"x-userinfo", b"x-username"),
    }
)
_NEVER_BY_NAME: Final = HOP_BY_HOP | _WRITTEN_BY_US | _FORWARDING | _OVERRIDES | _PROOFS


class Crossing(IntEnum):
    """Whether a field crosses: never, if the operation declares it, or always."""

    NEVER = 0
    DECLARED = 1
    ALWAYS = 2


def crossing(name: bytes) -> Crossing:
    """Whether the field ``name`` (lower-case) of a request crosses."""
    spelt = name.replace(b"_", b"-")
    if spelt in _NEVER_BY_NAME or spelt.startswith(_FAMILIES):
        return Crossing.NEVER
    if b"_" in name or spelt in _IDENTITIES:
        return Crossing.DECLARED
    return Crossing.ALWAYS


class _Judged(dict[bytes, Crossing]):
    """What :func:`crossing` said of names. Clients choose the names, so they are kept up to a number and a length."""

    def __missing__(self, name: bytes) -> Crossing:
        judged = crossing(name)
        if len(name) <= _MAX_NAME and len(self) < _MAX_NAMES:
            self[name] = judged
        return judged


_MAX_NAMES: Final = 4096
_MAX_NAME: Final = 64
_judged: Final = _Judged()
_NOTHING: Final[frozenset[bytes]] = frozenset()


class RequestFieldRenderer:
    """Renders the fields of requests that cross, and remembers the last result: on a kept connection heads repeat."""

    __slots__ = ("_declared", "_fields", "_removed", "_rendered")

    def __init__(self) -> None:
        self._fields: object = None
        self._removed: frozenset[bytes] | None = None
        self._declared: frozenset[bytes] | None = None
        self._rendered = b""

    def render(
        self,
        fields: FieldPairs,
        headers: Mapping[bytes, bytes],
        removed: frozenset[bytes],
        declared: frozenset[bytes] = _NOTHING,
    ) -> bytes:
        """``fields`` on the wire, without what does not cross and without ``removed``; ``headers``: the same by name.

        ``declared``: names that the operation knows. The same objects give the same result without looking at them
        again, so they must not be changed.
        """
        if fields is self._fields and removed is self._removed and declared is self._declared:
            return self._rendered
        judged, always = _judged, Crossing.ALWAYS
        gone = removed | nominated(headers.get(b"connection"))
        rendered = b"".join(
            [
                b"%b: %b\r\n" % field
                for field in fields
                if field[0] not in gone
                and (judged[field[0]] is always or _crosses_if_declared(field[0], declared, headers))
            ]
        )
        if len(rendered) <= REMEMBERED_BYTES:
            self._fields, self._removed, self._declared, self._rendered = fields, removed, declared, rendered
        else:
            self.forget()
        return rendered

    def forget(self) -> None:
        """Keep nothing of the last result: what it was made of may be much larger than it."""
        self._fields, self._removed, self._declared, self._rendered = None, None, None, b""


def _crosses_if_declared(name: bytes, declared: frozenset[bytes], headers: Mapping[bytes, bytes]) -> bool:
    """Whether a doubtful field crosses: one that is declared, and does not stand beside itself in another spelling."""
    if name not in declared or _judged[name] is Crossing.NEVER:
        return False
    return b"_" not in name or name.replace(b"_", b"-") not in headers
