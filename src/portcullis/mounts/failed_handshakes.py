"""Handshakes with clients that failed, counted by why: those clients never make a call, so no record tells of them."""

from __future__ import annotations

import ssl
from collections import Counter
from collections.abc import Callable
from typing import Final

from portcullis.mounts.judging_context import RefusedCertificateError

_OF_OPENSSL: Final = {
    "HTTP_REQUEST": "plain_http",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "certificate",
    "CALLBACK_FAILED": "server_name",
    "NO_SHARED_CIPHER": "parameters",
    "UNSUPPORTED_PROTOCOL": "parameters",
    "NO_SUITABLE_KEY_SHARE": "parameters",
    "NO_SUITABLE_SIGNATURE_ALGORITHM": "parameters",
}
"""By the name of OpenSSL's reason; the rest is ``protocol``."""


def reason_of(error: Exception) -> str:
    """Why a handshake failed, in one word.

    ``timeout``; ``closed`` by the client; its ``certificate``; the ``server_name`` it asked for; ``parameters``
    (version, cipher, group) that are not the listener's; ``plain_http``; ``protocol``: what came is not TLS, or the
    client gave up.
    """
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, RefusedCertificateError | ssl.SSLCertVerificationError):
        return "certificate"
    if isinstance(error, ssl.SSLEOFError) or not isinstance(error, ssl.SSLError):
        return "closed"
    return _OF_OPENSSL.get(getattr(error, "reason", ""), "protocol")


class FailedHandshakes:
    """Counts them in ``counts``; ``told`` hears of each as well."""

    __slots__ = ("_counts", "_told")

    def __init__(self, counts: Counter[str], told: Callable[[Exception], object]) -> None:
        self._counts = counts
        self._told = told

    def note(self, error: Exception) -> None:
        """A handshake has failed."""
        self._counts[reason_of(error)] += 1
        self._told(error)
