"""Names in client certificates: what the file may list, and which names of a certificate are listed.

Host names are compared without regard to case (RFC 4343) and everything else as it is written. What is no plain host
name in a certificate matches nothing: its wildcards are for servers, and a NUL or a blank is somebody's trick.
"""

from __future__ import annotations

import re
from typing import Final

_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")
_EMAIL: Final = re.compile(r"[!-?A-~]+@[A-Za-z0-9.-]+")
_MAX_HOST: Final = 253
_MAX: Final = 2048
_ANY_LABEL: Final = "*."


def check_dns(value: str) -> str:
    """``value`` if it is a host name in lower case, or ``*.`` and one; raises ``ValueError``."""
    if not is_host(value.removeprefix(_ANY_LABEL)):
        raise ValueError("a host name in lower case, such as checkout.mesh.example.internal, or *. and one")
    if value.startswith(_ANY_LABEL) and "." not in value.removeprefix(_ANY_LABEL):
        raise ValueError("with *. a domain of two labels at least: *.example.internal")
    return value


def check_uri(value: str) -> str:
    """``value`` if it is a URI; raises ``ValueError``."""
    if len(value) > _MAX or not _URI.fullmatch(value):
        raise ValueError("a URI, such as urn:shop:checkout")
    if value.startswith("spiffe:"):
        raise ValueError("SPIFFE names are accepted by trust_domain and spiffe, which keep their rules")
    return value


def check_email(value: str) -> str:
    """``value`` if it is an address; raises ``ValueError``."""
    if len(value) > _MAX or not _EMAIL.fullmatch(value):
        raise ValueError("an address, such as ops@shop.example")
    return value


def check_subject(value: str) -> str:
    """``value``, a subject by RFC 4514, as it is compared; raises ``ValueError``."""
    # Few files list subjects, and what reads them takes a while to load.
    from cryptography import x509  # noqa: PLC0415

    try:
        name = x509.Name.from_rfc4514_string(value)
    except ValueError:
        name = None
    if name is None or len(value) > _MAX or not name.rdns:
        raise ValueError("a subject as RFC 4514 writes it: CN=checkout,O=Shop")
    return name.rfc4514_string()


def is_host(text: str) -> bool:
    """Whether ``text`` is a host name in lower case, and no wildcard."""
    return len(text) <= _MAX_HOST and _HOST.fullmatch(text) is not None


def matches_host(pattern: str, host: str) -> bool:
    """Whether ``host``, a host name in lower case, is one that ``pattern`` describes."""
    if pattern.startswith(_ANY_LABEL):
        return host.partition(".")[2] == pattern.removeprefix(_ANY_LABEL)
    return host == pattern
