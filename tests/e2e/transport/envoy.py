"""Envoy itself, before the gateway or behind it, as the listeners and clusters that a test names."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from bench.errors import InstallError
from bench.install import envoy_binary
from gateway import wait_for

BUILD = Path(__file__).resolve().parents[3] / "build"
_EXTENSIONS = "type.googleapis.com/envoy.extensions"
_ANY_PORT = {"socket_address": {"address": "127.0.0.1", "port_value": 0}}


@dataclass(frozen=True)
class Cluster:
    """A service that Envoy calls.

    ``protocol``: ``http/1.1`` or ``h2``, and for that ``http2`` as ``http2_protocol_options`` has it; with ``ca`` by
    TLS, where Envoy offers the protocol and asks for ``name``. ``requests``: after so many it opens another
    connection, 0 for never.
    """

    port: int
    protocol: str = "http/1.1"
    ca: Path | None = None
    name: str = "shop.example"
    requests: int = 0
    http2: dict[str, Any] | None = None


@dataclass(frozen=True)
class Listener:
    """Where Envoy is called. In clear it takes HTTP/1.1 and HTTP/2, by TLS whichever is agreed on.

    ``routes``: clusters by the prefix of the path, the first that fits; ``certificate``: chain and key.
    ``connection``: what ends a connection, as ``common_http_protocol_options`` has it; ``http2``: what one of HTTP/2
    takes, as ``http2_protocol_options``.
    """

    routes: dict[str, str]
    certificate: tuple[Path, Path] | None = None
    connection: dict[str, Any] | None = None
    http2: dict[str, Any] | None = None


class Envoy:
    """A running one; ``ports`` by the listener's name."""

    def __init__(self, admin: str) -> None:
        self._admin = httpx.Client(base_url=f"http://{admin}", timeout=10)
        found = self._admin.get("/listeners", params={"format": "json"}).json()["listener_statuses"]
        self.ports = {each["name"]: each["local_address"]["socket_address"]["port_value"] for each in found}

    def url(self, listener: str) -> str:
        return f"http://127.0.0.1:{self.ports[listener]}"

    def count(self, name: str) -> int:
        """A number of its statistics, such as ``cluster.shop.upstream_cx_total``."""
        text = self._admin.get("/stats", params={"filter": f"^{name}$"}).text
        return int(text.rpartition(": ")[2] or 0)

    def close(self) -> None:
        self._admin.close()


@cache
def envoy_program() -> Path:
    """Envoy's program; who uses it is skipped where it can't be had."""
    try:
        return envoy_binary(BUILD)
    except (InstallError, OSError) as error:
        pytest.skip(f"Envoy can't be had: {error}")


@contextmanager
def running_envoy(folder: Path, listeners: dict[str, Listener], clusters: dict[str, Cluster]) -> Iterator[Envoy]:
    """An Envoy with one thread, as soon as it listens, until the block ends."""
    admin = folder / "admin.txt"
    config = {
        "admin": {"address": _ANY_PORT},
        "static_resources": {
            "listeners": [_listener(name, each) for name, each in listeners.items()],
            "clusters": [_cluster(name, each) for name, each in clusters.items()],
        },
    }
    (folder / "envoy.json").write_text(json.dumps(config, indent=1))
    argv = [str(envoy_program()), "-c", str(folder / "envoy.json"), "--admin-address-path", str(admin)]
    argv += ["--concurrency", "1", "--disable-hot-restart", "-l", "warning"]
    with (folder / "envoy.txt").open("wb") as errors:
        process = subprocess.Popen(argv, stdout=errors, stderr=errors)
    try:
        wait_for(lambda: process.poll() is not None or _is_ready(admin), "Envoy to be ready")
        assert process.poll() is None, (folder / "envoy.txt").read_text()
        running = Envoy(admin.read_text())
        try:
            yield running
        finally:
            running.close()
    finally:
        process.kill()
        process.wait()


def _is_ready(admin: Path) -> bool:
    try:
        return httpx.get(f"http://{admin.read_text()}/ready").text == "LIVE\n"
    except (OSError, httpx.HTTPError, httpx.InvalidURL):
        return False


def _listener(name: str, listener: Listener) -> dict[str, Any]:
    routes = [{"match": {"prefix": prefix}, "route": {"cluster": each}} for prefix, each in listener.routes.items()]
    manager = {
        "@type": f"{_EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "use_remote_address": True,
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "common_http_protocol_options": listener.connection or {},
        "http2_protocol_options": listener.http2 or {},
        "drain_timeout": "0.1s",
        "delayed_close_timeout": "0.3s",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{_EXTENSIONS}.filters.http.router.v3.Router"},
            }
        ],
    }
    chain: dict[str, Any] = {
        "filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    }
    if listener.certificate is not None:
        certificate, key = map(str, listener.certificate)
        pair = {"certificate_chain": {"filename": certificate}, "private_key": {"filename": key}}
        chain["transport_socket"] = _tls("Downstream", ["h2", "http/1.1"], tls_certificates=[pair])
    return {"name": name, "address": _ANY_PORT, "filter_chains": [chain]}


def _cluster(name: str, cluster: Cluster) -> dict[str, Any]:
    how = {"http2_protocol_options": cluster.http2 or {}} if cluster.protocol == "h2" else {"http_protocol_options": {}}
    options: dict[str, Any] = {
        "@type": f"{_EXTENSIONS}.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": how,
    }
    if cluster.requests:
        options["common_http_protocol_options"] = {"max_requests_per_connection": cluster.requests}
    address = {"socket_address": {"address": "127.0.0.1", "port_value": cluster.port}}
    made: dict[str, Any] = {
        "name": name,
        "type": "STATIC",
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options},
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    }
    if cluster.ca is not None:
        names = [{"san_type": "DNS", "matcher": {"exact": cluster.name}}]
        trusted = {"trusted_ca": {"filename": str(cluster.ca)}, "match_typed_subject_alt_names": names}
        made["transport_socket"] = _tls("Upstream", [cluster.protocol], validation_context=trusted, sni=cluster.name)
    return made


def _tls(side: str, protocols: Sequence[str], *, sni: str = "", **common: Any) -> dict[str, Any]:
    context: dict[str, Any] = {
        "@type": f"{_EXTENSIONS}.transport_sockets.tls.v3.{side}TlsContext",
        "common_tls_context": {"alpn_protocols": list(protocols), **common},
    }
    if sni:
        context["sni"] = sni
    return {"name": "envoy.transport_sockets.tls", "typed_config": context}
