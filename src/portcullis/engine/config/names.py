"""Names, paths and URLs of the configuration file, and what may be in them.

They end up in routes, records, metrics and on command lines, so each has a narrow set of characters. A check returns
the value as it is, or raises ``ValueError`` with what would be right.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from portcullis.engine.authorization.permissions import check_pattern, check_permission
from portcullis.engine.config.values import Meaning, Refers
from portcullis.engine.public_key_pins import check_pin

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_ORIGIN = re.compile(r"(https?)://([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?/?")
_SPIFFE_ID = re.compile(r"spiffe://[a-z0-9._-]{1,255}+(?:/[A-Za-z0-9._-]++)+")
_URL = re.compile(r"(https?)://([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?(/[!$&-;=@-Z_a-z~%]*)?")
_BASE_PATH = re.compile(r"/|(?:/[A-Za-z0-9._~-]{1,128})+")
_FIELD_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_OPERATION = re.compile(r"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|TRACE) (/[\x21-\x7e]*)")
_TEMPLATE = re.compile(r"(?:[^{}]|\{[^{}/]+\})*")
_MAX_HOST: Final = 253
_MAX_PATH: Final = 1024


def check_name(value: str) -> str:
    """``value`` if it can name something: it becomes a part of paths, records and metrics."""
    if not _NAME.fullmatch(value):
        raise ValueError("letters, digits, '.', '_' and '-', beginning with a letter or digit, at most 64")
    return value


def check_host(value: str) -> str:
    """``value`` if it is a lower-case host name or IP address, ``*``, or ``*.`` and a domain."""
    if value != value.lower():
        raise ValueError(f"host names are written in lower case: {value.lower()}")
    if "://" in value or "/" in value:
        raise ValueError("a host name alone, without scheme and path: api.shop.example")
    if value.count(":") == 1:
        raise ValueError("a host name without a port: any port is meant")
    if value == "*" or _is_domain(value.removeprefix("*.")) or _is_bracketed_address(value):
        return value
    raise ValueError("a host name (api.shop.example), * for any, or *.shop.example for all below a domain")


def check_certificate_host(value: str) -> str:
    """``value`` if an authority can sign it: a host name in lower case, or ``*.`` and a domain."""
    if not _is_domain(value.removeprefix("*.")) or "." not in value.removeprefix("*."):
        raise ValueError("a host name in lower case, without port: shop.example, or *.shop.example with dns-01")
    return value


def check_server_name(value: str) -> str:
    """``value`` if it is a host name in lower case."""
    if not _is_domain(value):
        raise ValueError("a host name in lower case, without port and wildcard: shop.internal")
    return value


def check_base_path(value: str) -> str:
    """``value`` if it is a plain, normalised path; a trailing slash is not."""
    segments = value.split("/")
    if not _BASE_PATH.fullmatch(value) or "." in segments or ".." in segments:
        raise ValueError("a path such as /shop: begins with /, does not end with one, and has nothing to decode in it")
    return value


def check_upstream(value: str) -> str:
    """``value`` if it is the origin of a service; plain http is for loopback only."""
    _scheme, mark, rest = value.partition("://")
    if mark and "@" in rest:
        raise ValueError("without user name and password: what is written here ends up in logs")
    if mark and any(part in rest.rstrip("/") for part in "/?#"):
        raise ValueError("scheme, host and port only; the path is decided by upstream.path")
    match = _ORIGIN.fullmatch(value)
    if match is None or not _is_host_of_url(match[2].lower()) or not 1 <= int(match[3] or 1) <= 65535:
        raise ValueError("a URL such as https://shop.internal:9000 or http://127.0.0.1:9000")
    if match[1] == "http" and not is_loopback(match[2]):
        raise ValueError("https: plain http is for services on this machine only (127.0.0.1, localhost)")
    return value


def check_url(value: str) -> str:
    """``value`` if it is the URL of something that the gateway calls; plain http is for loopback only."""
    match = _URL.fullmatch(value)
    if match is None or len(value) > _MAX_PATH or not _is_host_of_url(match[2].lower()):
        raise ValueError("a URL such as https://id.example.com/keys, without user name, query and fragment")
    if not 1 <= int(match[3] or 1) <= 65535:
        raise ValueError("a port between 1 and 65535")
    if match[1] == "http" and not is_loopback(match[2]):
        raise ValueError("https: plain http is for services on this machine only (127.0.0.1, localhost)")
    return value


def is_list_url(value: str) -> bool:
    """Whether a revocation list is to be fetched, and not a file."""
    return "://" in value


def check_list_place(value: str) -> str:
    """``value`` if it is where a revocation list can be: a file, or a URL; lists are signed, so plain http is fine."""
    if not is_list_url(value):
        return check_file_path(value)
    match = _URL.fullmatch(value)
    if match is None or len(value) > _MAX_PATH or not _is_host_of_url(match[2].lower()):
        raise ValueError("a URL such as http://pki.example.com/root.crl, without user name, query and fragment")
    if not 1 <= int(match[3] or 1) <= 65535:
        raise ValueError("a port between 1 and 65535")
    return value


def check_responder(value: str) -> str:
    """``value`` if it is the URL of a responder (OCSP); answers are signed, so plain http is fine."""
    return check_list_place(value) if is_list_url(value) else check_list_place(f"{value}://")


def check_spiffe_id(value: str) -> str:
    """``value`` if it names a workload (SPIFFE-ID 2): a trust domain and a path."""
    if len(value) > 2048 or _SPIFFE_ID.fullmatch(value) is None or any(each in value for each in ("/./", "/../")):
        raise ValueError("spiffe://, a trust domain in lower case, and a path without . and ..")
    return value


def check_proxy(value: str) -> str:
    """``value`` if it is the origin of an HTTP proxy."""
    match = _ORIGIN.fullmatch(value)
    if match is None or not _is_host_of_url(match[2].lower()) or not 1 <= int(match[3] or 1) <= 65535:
        raise ValueError("a URL such as http://proxy.internal:3128, without user name and path")
    return value


def check_file_path(value: str) -> str:
    """``value`` if it can be the path of a file or directory."""
    if not value or len(value) > _MAX_PATH or not value.isprintable():
        raise ValueError("a path relative to this file, or an absolute one")
    return value


def has_wildcard(glob: str) -> bool:
    """Whether ``glob`` can match more than the one path that it spells."""
    return any(mark in glob for mark in "*?[")


def check_include(value: str) -> str:
    """``value`` if it is a glob for files below the folder of the configuration file."""
    segments = value.split("/")
    if not value or len(value) > _MAX_PATH or not value.isprintable():
        raise ValueError("the path of a file relative to this one, with * for any text: apis/*.yaml")
    if segments[0] == "" or ".." in segments:
        raise ValueError("files are included from below the folder of this file: a path without .. and / at its start")
    if "" in segments or "." in segments:
        raise ValueError("a path without . and empty segments: apis/*.yaml")
    if segments[-1] == "**" or any("**" in segment and segment != "**" for segment in segments):
        raise ValueError("** stands for any number of folders, between slashes: apis/**/*.yaml")
    return value


def check_database(value: str) -> str:
    """``value`` if it is the URL of an SQLite file."""
    if not value.startswith("sqlite:///") or not value.isprintable() or "?" in value or len(value) > _MAX_PATH:
        raise ValueError("an SQLite file, relative to this file: sqlite:///var/portcullis.db")
    return value


def check_field_name(value: str) -> str:
    """``value`` if it is a header field's name (RFC 9110 5.1)."""
    if not _FIELD_NAME.fullmatch(value):
        raise ValueError("the name of a header field, such as API-Version")
    return value


def check_operation(value: str) -> str:
    """``value`` if it reads like an operation, ``"GET /orders/{order_id}"``; whether it exists is another question."""
    match = _OPERATION.fullmatch(value)
    if match is None and _OPERATION.fullmatch(value[:8].upper() + value[8:]):
        raise ValueError(f"methods are written in capitals: {value.partition(' ')[0].upper()}")
    if match is None or not _TEMPLATE.fullmatch(match[2]):
        raise ValueError('a method and a path as in the OpenAPI document: "GET /orders/{order_id}"')
    return value


def is_loopback(host: str) -> bool:
    """Whether a host of a URL or an address is this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _is_domain(text: str) -> bool:
    return len(text) <= _MAX_HOST and _DOMAIN.fullmatch(text) is not None


def _is_host_of_url(text: str) -> bool:
    return _is_domain(text) or _is_bracketed_address(text)


def _is_bracketed_address(text: str) -> bool:
    try:
        return text[:1] == "[" and text[-1:] == "]" and ipaddress.IPv6Address(text[1:-1]).scope_id is None
    except ValueError:
        return False


Name = Annotated[
    str,
    AfterValidator(check_name),
    WithJsonSchema({"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"}),
    Meaning("a name", "shop"),
]
"""What something declared in the file is called."""

Host = Annotated[str, AfterValidator(check_host), Meaning("a host name", "api.shop.example")]
"""A host that requests may be for."""

BasePath = Annotated[str, AfterValidator(check_base_path), Meaning("a path", "/shop")]
"""A path before other paths."""

ServerName = Annotated[str, AfterValidator(check_server_name), Meaning("a host name", "shop.internal")]
"""The name that a server's certificate is for."""

Pin = Annotated[str, AfterValidator(check_pin), Meaning("a pin", f"sha256/{'A' * 43}=")]
"""A public key, by its SHA-256."""

UpstreamUrl = Annotated[
    str, AfterValidator(check_upstream), Meaning("the URL of a service", "https://shop.internal:9000")
]
"""Where a service listens."""

CallUrl = Annotated[str, AfterValidator(check_url), Meaning("a URL", "https://id.example.com/keys")]
"""What the gateway itself calls."""

ProxyUrl = Annotated[str, AfterValidator(check_proxy), Meaning("the URL of a proxy", "http://proxy.internal:3128")]
"""An HTTP proxy."""

SpiffeId = Annotated[str, AfterValidator(check_spiffe_id), Meaning("a SPIFFE ID", "spiffe://shop.internal/orders")]
"""The name of a workload."""

CertificateHost = Annotated[str, AfterValidator(check_certificate_host), Meaning("a host name", "shop.example")]
"""A name that a certificate is to be for."""

FieldName = Annotated[str, AfterValidator(check_field_name), Meaning("the name of a header field", "API-Version")]
"""The name of a header field."""

OperationName = Annotated[str, AfterValidator(check_operation), Meaning("an operation", "GET /orders/{order_id}")]
"""Method and path template of an operation, as in its OpenAPI document."""

FilePath = Annotated[
    str, AfterValidator(check_file_path), Meaning("the path of a file", "specs/shop.yaml", relative=True)
]
"""A file, relative to the file it is named in; absolute paths and ``..`` are fine: the file is the operator's own."""

RevocationListPlace = Annotated[
    str, AfterValidator(check_list_place), Meaning("a file or a URL", "http://pki.example.com/root.crl", relative=True)
]
"""Where a revocation list is."""

ResponderUrl = Annotated[
    str, AfterValidator(check_responder), Meaning("the URL of a responder", "http://ocsp.example.com/")
]
"""Who is asked about certificates (OCSP)."""

Include = Annotated[
    list[Annotated[str, AfterValidator(check_include), Meaning("a glob", "apis/*.yaml")]],
    BeforeValidator(lambda value: [value] if isinstance(value, str) else value, json_schema_input_type=str | list[str]),
]
"""Files below the folder of the configuration file, as one glob or a list of globs."""

DatabaseUrl = Annotated[
    str, AfterValidator(check_database), Meaning("the URL of a database", "sqlite:///var/portcullis.db")
]
"""The database of consumers and keys."""

Permission = Annotated[str, AfterValidator(check_permission), Meaning("a permission", "orders:read")]
"""What an operation asks of its callers."""

PermissionPattern = Annotated[str, AfterValidator(check_pattern), Meaning("a permission", "orders:*")]
"""What a role gives; ``*`` stands for a segment, at the end for all that follow."""

RoleName = Annotated[str, Refers("roles", "role"), Meaning("the name of a role", "clerk")]
"""Names one of ``roles``."""

PlanName = Annotated[str, Refers("plans", "plan"), Meaning("the name of a plan", "free")]
"""Names one of ``plans``."""

IdentityName = Annotated[str, Refers("identities", "identity"), Meaning("the name of an identity", "partners")]
"""Names one of ``identities``."""

CertificateName = Annotated[str, Refers("certificates", "certificate"), Meaning("the name of a certificate", "shop")]
"""Names one of ``certificates``."""

CertificateAuthorityName = Annotated[
    str,
    Refers("certificate_authorities", "certificate authority"),
    Meaning("the name of a certificate authority", "letsencrypt"),
]
"""Names one of ``certificate_authorities``."""

DecisionPointName = Annotated[
    str, Refers("decision_points", "decision point"), Meaning("the name of a decision point", "opa")
]
"""Names one of ``decision_points``."""
