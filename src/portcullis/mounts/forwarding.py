"""Which header fields of answers cross the gateway, and which fields it writes itself (RFC 9110 7.6, RFC 7239).

Hop-by-hop fields end here. What tells an upstream who the client was (``Forwarded`` and the ``X-Forwarded-*`` trio)
is always written by the gateway; what a client sends under these names is believed only from ``trusted_proxies``.
Which fields of requests cross is :mod:`portcullis.mounts.request_fields`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from portcullis.engine.decision import Modify

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, str]
FieldPairs = Iterable[tuple[bytes, bytes]]
Fields = Sequence[tuple[bytes, bytes]]

HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"http2-settings",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
# Alt-Svc names other places of the service itself, where the gateway is not (RFC 7838).
DROPPED_FROM_RESPONSES: Final = HOP_BY_HOP | {
    b"alt-svc",
    b"content-length",
    b"server",
    b"x-powered-by",
    b"x-request-id",
}
VIA: Final = b"via: 1.1 portcullis\r\n"

# A result longer than this is not remembered: an idle connection must stay small.
REMEMBERED_BYTES: Final = 4096

_NEVER_NOMINATED: Final = frozenset({b"host", b"content-length", b"transfer-encoding"})
_NOTHING: Final[frozenset[bytes]] = frozenset()
_USUAL_OPTIONS: Final = frozenset(
    {b"keep-alive", b"Keep-Alive", b"close", b"Close", b"upgrade", b"Upgrade", b"keep-alive, Upgrade"}
)


def nominated(connection: bytes | None) -> frozenset[bytes]:
    """The names that a ``Connection`` field nominates: fields that end here (RFC 9110 7.6.1).

    Fields that frame a message can't be nominated away.
    """
    if connection is None or connection in _USUAL_OPTIONS:
        return _NOTHING
    return frozenset({name.strip(b" \t").lower() for name in connection.split(b",")}) - _NEVER_NOMINATED


def end_to_end(fields: Fields, headers: Mapping[bytes, bytes]) -> tuple[Fields, Mapping[bytes, bytes]]:
    """``fields``, and the same by name, without those that the ``Connection`` field nominates.

    To be done before anything is decided: were they dropped only on the way to the service, a client could show the
    gateway a field (a tenant, a media type, a condition) that the service then does not get. Gives the same objects
    back where there is nothing to drop.
    """
    gone = nominated(headers.get(b"connection"))
    if not gone:
        return fields, headers
    gone -= {b"connection"}
    if gone.isdisjoint(headers):
        return fields, headers
    kept = [field for field in fields if field[0] not in gone]
    return kept, {name: value for name, value in headers.items() if name not in gone}


def render_fields(fields: FieldPairs, dropped: frozenset[bytes] | tuple[()] = ()) -> bytes:
    """``fields`` as they stand on the wire, without those whose (lower-case) names are in ``dropped``."""
    return b"".join([b"%b: %b\r\n" % field for field in fields if field[0] not in dropped])


@lru_cache(maxsize=256)
def render_own_fields(fields: tuple[tuple[bytes, bytes], ...], changes: tuple[Modify, ...]) -> bytes:
    """``fields`` of an answer of the gateway's own on the wire, as ``changes`` leave them."""
    removed, added = changed(dict(fields), changes)
    return render_fields(fields, removed) + render_fields(added.items())


class FieldRenderer:
    """Renders the fields of answers that cross, and remembers the last result: on a kept connection most heads repeat.

    ``dropped``: names that never cross; beside them go those that the ``Connection`` field nominates.
    """

    __slots__ = (
        "_changed",
        "_changed_fields",
        "_changes",
        "_dropped",
        "_fields",
        "_removed",
        "_rendered",
    )

    def __init__(self, dropped: frozenset[bytes]) -> None:
        self._dropped = dropped
        self._fields: object = None
        self._removed: frozenset[bytes] | None = None
        self._rendered = b""
        self._changed_fields: object = None
        self._changes: tuple[Modify, ...] = ()
        self._changed = b""

    def render(self, fields: FieldPairs, headers: Mapping[bytes, bytes], removed: frozenset[bytes]) -> bytes:
        """``fields`` on the wire, without what does not cross and without ``removed``; ``headers``: the same by name.

        The same objects give the same result without looking at them again, so they must not be changed.
        """
        if fields is self._fields and removed is self._removed:
            return self._rendered
        dropped = self._dropped
        gone = removed | nominated(headers.get(b"connection"))
        rendered = b"".join(
            [b"%b: %b\r\n" % field for field in fields if field[0] not in dropped and field[0] not in gone]
        )
        if len(rendered) <= REMEMBERED_BYTES:
            self._fields, self._removed, self._rendered = fields, removed, rendered
        else:
            self.forget()
        return rendered

    def render_changed(self, fields: FieldPairs, headers: Mapping[bytes, bytes], changes: tuple[Modify, ...]) -> bytes:
        """``fields`` on the wire as ``changes`` leave them; remembered like the result of :meth:`render`."""
        # Mostly the very same changes, made once for an operation: these are compared as objects first.
        if fields is self._changed_fields and changes == self._changes:
            return self._changed
        removed, added = changed(headers, changes)
        rendered = self.render(fields, headers, removed) + render_fields(added.items())
        if len(rendered) <= REMEMBERED_BYTES:
            self._changed_fields, self._changes, self._changed = fields, changes, rendered
        return rendered

    def forget(self) -> None:
        """Keep nothing of the last result: what it was made of may be much larger than it."""
        self._fields, self._removed, self._rendered = None, None, b""
        self._changed_fields, self._changes, self._changed = None, (), b""


def changed(headers: Mapping[bytes, bytes], changes: Iterable[Modify]) -> tuple[frozenset[bytes], dict[bytes, bytes]]:
    """What ``changes``, one after the other, take out of an answer with these ``headers``, and what they put in."""
    removed: frozenset[bytes] = frozenset()
    added: dict[bytes, bytes] = {}
    for change in changes:
        removed |= change.remove_fields
        for name in change.remove_fields & added.keys():
            del added[name]
        added.update(change.set_fields)
        for name, value in change.default_fields:
            if name not in headers or name in removed:
                added.setdefault(name, value)
    return removed | added.keys(), added


# Who the client is.

_MAX_HOPS: Final = 32
_PORT: Final = r"(?::[0-9]{1,5}+)?"
_IPV4: Final = rf"([0-9.]{{7,15}}+){_PORT}"
_BRACKETED: Final = rf"\[([0-9A-Fa-f]{{0,4}}+:[0-9A-Fa-f:.]{{1,44}}+)\]{_PORT}"
_IPV6: Final = r"([0-9A-Fa-f]{0,4}+:[0-9A-Fa-f:.]{1,44}+)"
_NODE = re.compile(f"{_IPV4}|{_BRACKETED}|{_IPV6}")
_PAIR: Final = r"([A-Za-z]++)=(?:([!#$%&'*+.^_`|~0-9A-Za-z-]++)|\"([^\"\\]*+)\")"
_PAIRS = re.compile(_PAIR)
_ELEMENT = re.compile(rf"{_PAIR}(?:[ \t]*+;[ \t]*+{_PAIR})*")
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++")


def plain_address(address: str) -> str:
    """``address`` without an IPv6 zone, and an IPv4-mapped one (RFC 4291 2.5.5.2) as IPv4; what is none as it is."""
    if ":" not in address:
        return address
    parsed = _parse(address.partition("%")[0])
    return address if parsed is None else parsed[1]


def is_trusted(address: str, networks: Sequence[Network]) -> bool:
    """Whether ``address`` (as text) lies in one of ``networks``. What is no address is not trusted."""
    parsed = _parse(address.partition("%")[0])
    return parsed is not None and any(parsed[0] in network for network in networks)


def reported_client(headers: Mapping[bytes, bytes], peer: str, networks: Sequence[Network]) -> str:
    """The client's address as trusted proxies report it: the last one, from the right, that is not trusted itself.

    What is left of the first entry that is no address (``unknown``, ``_hidden``, garbage) may be anybody's, so the
    one right of it is as far as is known. Where both ``X-Forwarded-For`` and ``Forwarded`` are there the former
    counts: nearly all proxies write it, and many of them let pass what a client says in the latter.
    """
    if (value := headers.get(b"x-forwarded-for")) is not None:
        read = _read_node
    elif (value := headers.get(b"forwarded")) is not None:
        read = _read_element
    else:
        return peer
    client = peer
    for entry in reversed(value.decode("latin-1").rsplit(",", _MAX_HOPS)[-_MAX_HOPS:]):
        parsed = read(entry.strip(" \t"))
        if parsed is None:
            break
        address, client = parsed
        if not any(address in network for network in networks):
            break
    return client


@lru_cache(maxsize=4096)
def _parse(text: str) -> Address | None:
    """The address that ``text`` is. Remembered, since behind a proxy every request names its client."""
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return None
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return parsed, str(parsed)


def _read_node(text: str) -> Address | None:
    """The address of a node, perhaps with a port (RFC 7239 6; ``X-Forwarded-For`` has bare IPv6 addresses too)."""
    match = _NODE.fullmatch(text)
    return None if match is None else _parse(match[1] or match[2] or match[3])


def _read_element(text: str) -> Address | None:
    """The address that an element of ``Forwarded`` is for; ``None`` if it is malformed, or says it not exactly once."""
    if not _ELEMENT.fullmatch(text):
        return None
    nodes = [token or quoted for name, token, quoted in _PAIRS.findall(text) if name.lower() == "for"]
    return _read_node(nodes[0]) if len(nodes) == 1 else None


def forwarding_fields(client: str, host: bytes, scheme: str) -> bytes:
    """``Forwarded`` and the ``X-Forwarded-*`` trio for the upstream, on the wire. ``host``: as in the Host field."""
    address, protocol = client.encode(), scheme.encode()
    node = b'"[%b]"' % address if b":" in address else address or b"unknown"
    forwarded = b"forwarded: for=%b%b;proto=%b\r\n" % (node, b";host=" + _quoted(host) if host else b"", protocol)
    lines = [forwarded]
    if address:
        lines.append(b"x-forwarded-for: %b\r\n" % address)
    if host:
        lines.append(b"x-forwarded-host: %b\r\n" % host)
    lines.append(b"x-forwarded-proto: %b\r\n" % protocol)
    return b"".join(lines)


def _quoted(value: bytes) -> bytes:
    """``value`` as a token if it is one, else as a quoted string (RFC 9110 5.6.4)."""
    return value if _TOKEN.fullmatch(value) else b'"%b"' % value.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
