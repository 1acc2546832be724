"""Services that call each other through a gateway with certificates of one mesh."""

from __future__ import annotations

import ipaddress
import re
import ssl
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from gateway import Gateway, read_all

from portcullis.testing.certificates import Authority, Issued, pem_of

NAME = "gateway.mesh.example"
CHECKOUT = "spiffe://example.internal/ns/prod/sa/checkout"
INVENTORY = "spiffe://example.internal/ns/prod/sa/inventory"


class Mesh:
    """An authority of workloads, the gateway's own certificate, and the files of both in ``directory``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.authority = Authority("mesh root")
        self.issuing = Authority("mesh issuing", self.authority)
        server = Authority("servers")
        self.trusted = server.certificate
        issued = server.issue(dns=[NAME], addresses=[ipaddress.ip_address("127.0.0.1")])
        issued.write(directory / "server.pem", directory / "server.key")
        (directory / "servers.pem").write_bytes(server.pem)
        (directory / "mesh.pem").write_bytes(self.authority.pem)

    def workload(self, *uris: str, **more: object) -> Issued:
        """A certificate for workloads, by the issuing authority."""
        return self.issuing.issue(uris=uris, **more)  # type: ignore[arg-type]

    def revoke(self, *those: Issued) -> None:
        """Write the lists of both authorities."""
        (self.directory / "issuing.crl").write_bytes(pem_of(self.issuing.revoked(*those)))
        (self.directory / "root.crl").write_bytes(pem_of(self.authority.revoked()))

    def client(self, issued: Issued | None, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
        """What a client with this certificate (or none) connects with."""
        context = ssl.create_default_context(cafile=str(self.directory / "servers.pem"))
        if version is not None:
            context.maximum_version = version
        if issued is not None:
            issued.write(self.directory / "client.pem", self.directory / "client.key")
            context.load_cert_chain(self.directory / "client.pem", self.directory / "client.key")
        return context


def connect(gateway: Gateway, context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> ssl.SSLSocket:
    """A connection whose handshake is done on the client's side."""
    return context.wrap_socket(gateway.connect(), server_hostname=NAME, session=session)


def request(target: str, method: str = "GET", fields: Sequence[str] = ()) -> bytes:
    """A request that ends its connection."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {NAME}", "Connection: close", *fields]
    return "\r\n".join([*lines, "", ""]).encode()


def call(
    gateway: Gateway,
    context: ssl.SSLContext,
    target: str = "/shop/orders",
    method: str = "GET",
    fields: Sequence[str] = (),
) -> tuple[int, str, str]:
    """Status, body and request id of one call on a connection of its own; status 0 if the connection was refused."""
    try:
        with closing(connect(gateway, context)) as secure:
            secure.sendall(request(target, method, fields))
            answer = read_all(secure)
    except (ssl.SSLError, ConnectionError, TimeoutError):
        return 0, "", ""
    return read(answer)


def read(answer: bytes) -> tuple[int, str, str]:
    """Status, body and request id of an answer; status 0 if there is none."""
    head, _, body = answer.decode("latin-1").partition("\r\n\r\n")
    if not head:
        return 0, "", ""
    found = re.search(r"(?im)^x-request-id: (\S+)\r?$", head)
    return int(head.split(" ")[1]), body, found[1] if found else ""
