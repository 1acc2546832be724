"""Where certificates say that the lists are which would name them (RFC 5280 4.2.1.13), as far as the file lets them."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from cryptography import x509


def points_of(certificate: x509.Certificate, hosts: Collection[str] | None) -> list[str]:
    """The URLs at ``hosts`` of complete lists of the certificate's own issuer; ``None``: wherever they are."""
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    # One for some reasons only, or of another issuer (indirect), is no list that decides alone.
    names = [name for point in points if not point.reasons and not point.crl_issuer for name in point.full_name or ()]
    found = [name.value for name in names if isinstance(name, x509.UniformResourceIdentifier)]
    return [url for url in dict.fromkeys(found) if is_at(url, hosts)]


def is_at(url: str, hosts: Collection[str] | None) -> bool:
    """Whether ``url`` is one of http or https at one of ``hosts``, on the usual port unless it is on loopback.

    ``None`` for any host.
    """
    if not url.isprintable():
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    host = (parts.hostname or "").lower()
    if parts.scheme not in ("http", "https") or parts.username is not None:
        return False
    if not host or (hosts is not None and host not in hosts):
        return False
    return port in (None, 80, 443) or _is_loopback(host)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
