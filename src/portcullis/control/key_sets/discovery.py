"""Where an issuer publishes its keys: OpenID Connect Discovery 1.0 and RFC 8414.

The document must be of that very issuer (RFC 8414 3.3): whoever can place a document on the issuer's host must not be
able to speak for another one.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from portcullis.control.outgoing import Outgoing, OutgoingError
from portcullis.engine import strict_json
from portcullis.engine.config.names import check_url
from portcullis.engine.decision import shorten

_LIMITS = strict_json.Limits(depth=16, keys=2_000, string=65_536, digits=64)


class DiscoveryError(Exception):
    """An issuer does not say where its keys are. The message tells why, in words for the log."""


def discovery_urls(issuer: str) -> tuple[str, str]:
    """Where the document of ``issuer`` may be: after its path (OpenID Connect), or before it (RFC 8414 3.1)."""
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    origin = f"{parts.scheme}://{parts.netloc}"
    return f"{origin}{path}/.well-known/openid-configuration", f"{origin}/.well-known/oauth-authorization-server{path}"


async def find_key_set(issuer: str, outgoing: Outgoing) -> str:
    """The URL of the keys of ``issuer``. Raises :class:`DiscoveryError` and :class:`OutgoingError`."""
    first, second = discovery_urls(issuer)
    try:
        return key_set_in(await _document(first, outgoing), issuer)
    except OutgoingError as error:
        if error.status // 100 != 4:
            raise
    return key_set_in(await _document(second, outgoing), issuer)


def key_set_in(document: Any, issuer: str) -> str:
    """The URL of the keys in the ``document`` of ``issuer``. Raises :class:`DiscoveryError`."""
    if not isinstance(document, dict):
        raise DiscoveryError("the discovery document is no JSON object")
    if document.get("issuer") != issuer:
        raise DiscoveryError(f"the discovery document is of another issuer, {shorten(document.get('issuer'), 80)}")
    url = document.get("jwks_uri")
    try:
        checked = check_url(url if isinstance(url, str) else "")
    except ValueError as error:
        raise DiscoveryError(f"the jwks_uri of the discovery document is not {error}") from None
    if issuer.startswith("https:") and not checked.startswith("https:"):
        raise DiscoveryError("the jwks_uri of the discovery document is not https, as the issuer is")
    return checked


async def _document(url: str, outgoing: Outgoing) -> Any:
    fetched = await outgoing.get(url)
    try:
        return strict_json.loads(fetched.content, _LIMITS)
    except strict_json.MalformedJsonError as error:
        raise DiscoveryError(f"{url} is no JSON that can be read one way only: {error}") from None
