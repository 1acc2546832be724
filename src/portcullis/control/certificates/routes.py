"""What the control socket offers of managed certificates."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from portcullis.control.api_messages import decode_order, json_answer, read_body
from portcullis.control.certificates.orders import (
    REASONS,
    CertificateServiceError,
    InvalidCertificateOrder,
    Renewed,
    Revocation,
)
from portcullis.control.certificates.renewing import BusyError, ManagedCertificate, Renewer, RevocationError


def certificate_routes(
    renewer: Callable[[], Renewer | None], find: Callable[[str], ManagedCertificate | None]
) -> list[BaseRoute]:
    """``/v1/certificates/NAME/renew`` and ``/revoke``; each answers when it is done, or has failed."""

    def found(request: Request) -> tuple[Renewer, ManagedCertificate]:
        name = str(request.path_params["name"])
        certificate, at_work = find(name), renewer()
        if certificate is None or at_work is None:
            raise InvalidCertificateOrder(f"the gateway manages no certificate {name!r}")
        return at_work, certificate

    async def renew(request: Request) -> Response:
        at_work, certificate = found(request)
        return json_answer(200, await _renew(at_work, certificate))

    async def revoke(request: Request) -> Response:
        at_work, certificate = found(request)
        try:
            order = decode_order(await read_body(request), Revocation)
        except ValueError as error:
            raise InvalidCertificateOrder(str(error)) from error
        return json_answer(200, await _renew(at_work, certificate, REASONS[order.reason]))

    return [
        Route("/v1/certificates/{name}/renew", renew, methods=["POST"]),
        Route("/v1/certificates/{name}/revoke", revoke, methods=["POST"]),
    ]


async def _renew(renewer: Renewer, certificate: ManagedCertificate, revoke: int | None = None) -> Renewed:
    try:
        state = await renewer.renew_now(certificate, revoke=revoke)
    except BusyError:
        raise CertificateServiceError("it is being renewed already") from None
    except RevocationError as error:
        raise CertificateServiceError(f"it is not revoked: {error}") from None
    if state.failures:
        raise CertificateServiceError(state.error)
    held = renewer.held(certificate)
    if held is None:
        raise CertificateServiceError("what was issued can't be read")
    return Renewed(certificate.name, held.serial, held.life.end)
