"""Tokens that are bound to a client certificate (RFC 8705 3): worth nothing without its key.

A token says which certificate it is for: ``{"cnf": {"x5t#S256": "<thumbprint>"}}``. What was found out of a token may
be remembered; whether it comes with its certificate is asked for each call, as the same token may come again on
another connection. A token that is bound to anything else besides is none that a certificate alone confirms.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Mapping
from typing import Any, Final

from portcullis.engine.authentication.jose.errors import BOUND_TOKEN
from portcullis.engine.authentication.proof import NotMine, Outcome, Proven
from portcullis.engine.decision import Finding, Refuse
from portcullis.engine.identity import Identity
from portcullis.engine.request import RequestView

_CONFIRMATION: Final = "cnf"
_THUMBPRINT: Final = "x5t#S256"


def is_for_a_certificate(claims: Mapping[str, Any]) -> bool:
    """Whether a token with these claims is bound to a client certificate, and to nothing else."""
    confirmation = claims.get(_CONFIRMATION)
    return (
        isinstance(confirmation, dict)
        and confirmation.keys() == {_THUMBPRINT}
        and isinstance(confirmation[_THUMBPRINT], str)
    )


def bound_to_certificate(claims: Mapping[str, Any], request: RequestView) -> bool:
    """Whether ``request`` comes with the certificate that a token with these claims is bound to."""
    certificate = request.certificate
    if certificate is None or not is_for_a_certificate(claims):
        return False
    return hmac.compare_digest(certificate.thumbprint.encode(), claims[_CONFIRMATION][_THUMBPRINT].encode())


def confirmed(outcome: Outcome, request: RequestView, pointer: str, source: str) -> Outcome:
    """``outcome``, unless it is who a bound token proves and ``request`` comes without the token's certificate.

    ``pointer`` and ``source``: where the token is, and who takes it, for the record.
    """
    if isinstance(outcome, Identity):
        return outcome if _CONFIRMATION not in outcome.claims else _confirm(outcome, request, pointer, source)
    if isinstance(outcome, Refuse | NotMine | str):
        return outcome
    return _when_known(outcome, request, pointer, source)


async def _when_known(pending: Awaitable[Proven], request: RequestView, pointer: str, source: str) -> Proven:
    outcome = await pending
    if isinstance(outcome, Refuse) or _CONFIRMATION not in outcome.claims:
        return outcome
    return _confirm(outcome, request, pointer, source)


def _confirm(identity: Identity, request: RequestView, pointer: str, source: str) -> Proven:
    if bound_to_certificate(identity.claims, request):
        return identity
    found = "another client certificate" if request.certificate is not None else "no client certificate"
    return Refuse(BOUND_TOKEN, finding=Finding(pointer, found, "the certificate that the token is bound to", source))
