"""Pebble, the test server of Let's Encrypt, as the authority; renewal information, which it lacks, is put before it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from debian import debian_program
from gateway import wait_for
from ports import free_port

from portcullis.testing.certificates import Authority

AUTHORITY = Authority("tls of the authority")


_HOP = ("content-length", "connection", "transfer-encoding")


class Pebble:
    """An authority in ``folder`` that proves names at ``http_port`` and ``tls_port``, whatever their addresses are."""

    def __init__(
        self, folder: Path, life: int = 0, bound_key: tuple[str, str] | None = None, responder: str = ""
    ) -> None:
        self.folder = folder
        self.port, self.management, self.http_port, self.tls_port = (free_port() for _ in range(4))
        self.dns_port, self.dns_management = free_port(), free_port()
        self.ca = folder / "authority-tls.pem"
        self.process: subprocess.Popen[bytes] | None = None
        self._names: subprocess.Popen[bytes] | None = None
        settings: dict[str, Any] = {
            "listenAddress": f"127.0.0.1:{self.port}",
            "managementListenAddress": f"127.0.0.1:{self.management}",
            "certificate": str(folder / "authority.pem"),
            "privateKey": str(folder / "authority.key"),
            "httpPort": self.http_port,
            "tlsPort": self.tls_port,
            "ocspResponderURL": responder,
            "externalAccountBindingRequired": bound_key is not None,
        }
        if bound_key is not None:
            settings["externalAccountMACKeys"] = dict([bound_key])
        if life:
            settings["certificateValidityPeriod"] = life
        folder.mkdir(exist_ok=True)
        (folder / "pebble.json").write_text(json.dumps({"pebble": settings}))
        issued = AUTHORITY.issue(dns=["localhost"], addresses=[ip_address("127.0.0.1")])
        issued.write(folder / "authority.pem", folder / "authority.key")
        self.ca.write_bytes(AUTHORITY.certificate.public_bytes(Encoding.PEM))

    @property
    def directory(self) -> str:
        return f"https://127.0.0.1:{self.port}/dir"

    def start(self) -> None:
        """Start it, with a server of names for which every name is this machine."""
        names = debian_program("pebble-challtestsrv", "pebble")
        program = debian_program("pebble", "pebble")
        if self._names is None:
            off = ["-http01", "", "-https01", "", "-tlsalpn01", "", "-defaultIPv6", ""]
            ports = ["-dns01", f"127.0.0.1:{self.dns_port}", "-management", f"127.0.0.1:{self.dns_management}"]
            self._names = self._run([names, *off, *ports], "names.txt")
            wait_for(lambda: _answers(self.dns_management), "the server of names")
        command = [program, "-config", "pebble.json", "-dnsserver", f"127.0.0.1:{self.dns_port}"]
        self.process = self._run(command, "pebble.txt")
        wait_for(lambda: _answers(self.port), "the authority", 20)

    def _run(self, command: list[str], log: str) -> subprocess.Popen[bytes]:
        settings = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "20", "PEBBLE_AUTHZREUSE": "0"}
        with (self.folder / log).open("ab") as file:
            return subprocess.Popen(
                command, cwd=self.folder, env={**os.environ, **settings}, stdout=file, stderr=subprocess.STDOUT
            )

    def stop(self) -> None:
        """Stop the authority; the server of names stays."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def close(self) -> None:
        self.stop()
        if self._names is not None:
            self._names.kill()
            self._names.wait()

    def root(self) -> str:
        """The root that it made for itself at its start, in PEM."""
        return self._manage("/roots/0")

    def issuer(self) -> tuple[x509.Certificate, Any]:
        """The authority that signs certificates, and its key."""
        key = load_pem_private_key(self._manage("/intermediate-keys/0").encode(), None)
        return x509.load_pem_x509_certificate(self._manage("/intermediates/0").encode()), key

    def status(self, certificate: x509.Certificate) -> str:
        """``Valid`` or ``Revoked``."""
        return str(json.loads(self._manage(f"/cert-status-by-serial/{certificate.serial_number:x}"))["Status"])

    def _manage(self, path: str) -> str:
        context = ssl.create_default_context(cafile=str(self.ca))
        made = http.client.HTTPSConnection("127.0.0.1", self.management, context=context, timeout=10)
        with contextlib.closing(made) as connection:
            connection.request("GET", path)
            return connection.getresponse().read().decode()


def _answers(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running(folder: Path, **options: Any) -> Iterator[Pebble]:
    pebble = Pebble(folder, **options)
    try:
        pebble.start()
        yield pebble
    finally:
        pebble.close()


class RenewalInformation:
    """Stands before an authority, passes all on, and adds renewal information (RFC 9773): ``window``, Unix seconds."""

    def __init__(self, pebble: Pebble) -> None:
        self.window = (time.time() + 86_400, time.time() + 2 * 86_400)
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                if self.path.startswith("/renewal-info/"):
                    outer.asked.append(self.path.rpartition("/")[2])
                    start, end = (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(each)) for each in outer.window)
                    document = {
                        "suggestedWindow": {"start": start, "end": end},
                        "explanationURL": "https://x.example/why",
                    }
                    self._answer(200, [("Retry-After", "60")], json.dumps(document).encode())
                else:
                    self._pass_on(b"")

            def do_HEAD(self) -> None:
                self._pass_on(b"")

            def do_POST(self) -> None:
                self._pass_on(self.rfile.read(int(self.headers["Content-Length"])))

            def _pass_on(self, body: bytes) -> None:
                context = ssl.create_default_context(cafile=str(pebble.ca))
                connection = http.client.HTTPSConnection("127.0.0.1", pebble.port, context=context, timeout=10)
                own = f"127.0.0.1:{outer.port}"
                fields = {key: value for key, value in self.headers.items() if key.lower() != "content-length"}
                connection.request(self.command, self.path, body or None, {**fields, "Host": own})
                answer = connection.getresponse()
                content = answer.read()
                connection.close()
                if self.path == "/dir":
                    document = json.loads(content)
                    document["renewalInfo"] = f"https://{own}/renewal-info"
                    content = json.dumps(document).encode()
                kept = [(k, v) for k, v in answer.getheaders() if k.lower() not in _HOP]
                self._answer(answer.status, kept, content)

            def _answer(self, status: int, fields: list[tuple[str, str]], content: bytes) -> None:
                self.send_response(status)
                for key, value in fields:
                    self.send_header(key, value)
                if not any(key.lower() == "content-type" for key, _ in fields):
                    self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pebble.folder / "authority.pem", pebble.folder / "authority.key")
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def directory(self) -> str:
        return f"https://127.0.0.1:{self.port}/dir"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
