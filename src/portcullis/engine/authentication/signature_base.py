"""What an HTTP message signature is over (RFC 9421 2): the signature base, made of a request.

A signer names components: fields (``"content-type"``), and what is derived of a request (``"@method"``). A component
that can't be read one way only has no value here, so a signature that names it is refused: a field that is not there,
a query parameter that is there twice, a parameter of a component that is not known.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl, quote

import http_sf

from portcullis.engine.authentication.request_signing import (
    MALFORMED_SIGNATURE,
    SignatureError,
    path_and_query,
)
from portcullis.engine.decision import shorten
from portcullis.engine.request import RequestView

Component: TypeAlias = tuple[str, Mapping[str, Any]]
"""A component's name and its parameters."""
MAX_COMPONENTS: Final = 64
MAX_QUERY_PARAMETERS: Final = 256
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}


def signature_base(request: RequestView, components: Sequence[Any], parameters: Mapping[str, Any]) -> bytes:
    """The signature base. Raises :class:`SignatureError` for components that have no value, or are named twice."""
    if len(components) > MAX_COMPONENTS:
        raise _malformed(f"{len(components)} components", f"at most {MAX_COMPONENTS}")
    lines: dict[str, bytes] = {}
    for component in components:
        name, said = checked(component)
        identifier = http_sf.ser((name, dict(said)))
        if identifier in lines:
            raise _malformed(f"{shorten(identifier, 60)} twice", "each component once")
        lines[identifier] = _value(request, name, said)
    body = b"".join(identifier.encode("ascii") + b": " + value + b"\n" for identifier, value in lines.items())
    inner = http_sf.ser([(list(components), dict(parameters))])
    return body + b'"@signature-params": ' + inner.encode("ascii")


def checked(component: Any) -> Component:
    """``component`` of an inner list, if it can be one. Raises :class:`SignatureError`."""
    if isinstance(component, tuple) and len(component) == 2:
        name, parameters = component
        if type(name) is str and name and name == name.lower() and name.isascii():
            return name, parameters
    raise _malformed("a component that is no lower-case string", 'names such as "content-type"')


def plain_names(components: Iterable[Any]) -> frozenset[str]:
    """The names of those ``components`` that have no parameters: which are covered as they are."""
    return frozenset(name for name, parameters in map(checked, components) if not parameters)


def _value(request: RequestView, name: str, parameters: Mapping[str, Any]) -> bytes:
    if name == "@query-param":
        return _query_parameter(request, parameters).encode("ascii")
    if name.startswith("@"):
        derive = _DERIVED.get(name)
        if derive is None or parameters:
            raise _malformed(f"the component {shorten(_shown(name, parameters), 60)}", ", ".join(sorted(_DERIVED)))
        return derive(request).encode("utf-8", "surrogateescape")
    return _field(request, name, parameters)


def _field(request: RequestView, name: str, parameters: Mapping[str, Any]) -> bytes:
    wanted = name.encode("ascii")
    values = [value.strip(b" \t") for field, value in request.fields if field == wanted]
    if not values:
        raise _malformed(f"the field {shorten(name, 60)} is not there", "fields of the request")
    if not parameters:
        return b", ".join(values)
    if parameters.keys() == {"bs"} and parameters["bs"] is True:
        return b", ".join(b":" + base64.b64encode(value) + b":" for value in values)
    if parameters.keys() == {"key"} and type(parameters["key"]) is str:
        return _member(b", ".join(values), parameters["key"])
    raise _malformed(f"the component {shorten(_shown(name, parameters), 60)}", "no parameter, bs or key")


def _member(field: bytes, key: str) -> bytes:
    """The member ``key`` of the dictionary that ``field`` is (RFC 9421 2.1.2)."""
    try:
        parsed: Any = http_sf.parse(field, tltype="dictionary")
        member = parsed[key]
        return http_sf.ser([member] if isinstance(member[0], list) else member).encode("ascii")
    except (ValueError, TypeError, KeyError, IndexError):
        raise _malformed(f"no member {shorten(key, 40)}", "a member of a dictionary (RFC 8941 3.2)") from None


def _query_parameter(request: RequestView, parameters: Mapping[str, Any]) -> str:
    """The one query parameter of that name, encoded anew (RFC 9421 2.2.8)."""
    name = parameters.get("name")
    if parameters.keys() != {"name"} or type(name) is not str:
        raise _malformed("@query-param without a name alone", '"@query-param";name="page"')
    query = path_and_query(request)[1] or ""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_QUERY_PARAMETERS)
    except ValueError:
        raise _malformed("many query parameters", f"at most {MAX_QUERY_PARAMETERS}") from None
    values = [value for key, value in pairs if _encoded(key) == name]
    if len(values) != 1:
        raise _malformed(f"{len(values)} query parameters {shorten(name, 40)}", "one of that name")
    return _encoded(values[0])


def _encoded(text: str) -> str:
    """As forms encode, but with %20 for blanks."""
    return quote(text, safe="*-._").replace("~", "%7E")


def authority(request: RequestView) -> str:
    """The host, with a port that is not the scheme's own (RFC 9421 2.2.3)."""
    host = request.headers.get(b"host", b"").strip(b" \t").decode("latin-1").lower()
    # The host that was routed by; the field only adds the port. In the absolute form the field may say anything.
    if not host.startswith(request.host) or host[len(request.host) :][:1] not in ("", ":"):
        return request.host
    return host.removesuffix(_DEFAULT_PORTS.get(request.scheme, "")).removesuffix(":")


def _path(request: RequestView) -> str:
    return path_and_query(request)[0]


def _query(request: RequestView) -> str:
    return f"?{path_and_query(request)[1] or ''}"


def _target_uri(request: RequestView) -> str:
    path, query = path_and_query(request)
    return f"{request.scheme}://{authority(request)}{path}" + ("" if query is None else f"?{query}")


_DERIVED: Final[Mapping[str, Callable[[RequestView], str]]] = {
    "@method": lambda request: request.method,
    "@authority": authority,
    "@scheme": lambda request: request.scheme,
    "@target-uri": _target_uri,
    "@request-target": lambda request: request.target,
    "@path": _path,
    "@query": _query,
}
DERIVED: Final = frozenset(_DERIVED)
"""Names of what can be derived of a request; ``@query-param`` is besides."""
COVERED_BY: Final[Mapping[str, frozenset[str]]] = {
    "@authority": frozenset({"@authority", "@target-uri"}),
    "@scheme": frozenset({"@scheme", "@target-uri"}),
    "@path": frozenset({"@path", "@target-uri", "@request-target"}),
    "@query": frozenset({"@query", "@target-uri", "@request-target"}),
}
"""What has to be covered is also covered by what it is a part of."""


def _shown(name: str, parameters: Mapping[str, Any]) -> str:
    return ";".join([name, *parameters])


def _malformed(found: str, allowed: str) -> SignatureError:
    return SignatureError(MALFORMED_SIGNATURE, found, allowed)
