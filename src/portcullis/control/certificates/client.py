"""Managed certificates as a command sees them, through the control API of a running gateway."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import quote

from portcullis.control.certificates.orders import CertificateServiceError, InvalidCertificateOrder, Renewed
from portcullis.control.control_client import ControlClient, NoControlProcess
from portcullis.control.gateway_access import GatewayFile, listens

TIMEOUT_S: Final = 900.0
"""Of one order: the authorities of a certificate may be asked one after the other."""


def ask_gateway(file: Path, name: str, what: str, reason: str = "") -> Renewed:
    """Have the gateway that is configured by ``file`` ``renew`` or ``revoke`` the certificate ``name``.

    Raises :class:`~portcullis.control.control_client.NoControlProcess` where none runs,
    :class:`~portcullis.control.gateway_access.UnusableFile`, and
    :class:`~portcullis.control.certificates.orders.CertificateServiceError`.
    """
    socket = GatewayFile(file).paths.control_socket
    if not listens(socket):
        raise NoControlProcess
    listing = "portcullis certs status"
    with closing(ControlClient(socket, CertificateServiceError, InvalidCertificateOrder, listing)) as control:
        order = {"reason": reason} if reason else None
        path = f"/v1/certificates/{quote(name, safe='')}/{what}"
        return control.ask("POST", path, Renewed, order, timeout=TIMEOUT_S)
