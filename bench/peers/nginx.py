"""nginx: the upstream of most cases, and a peer for what it can do. One worker; kept connections on both sides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bench.catalogue import PREFIX
from bench.certificates import make_certificate
from bench.load import HOST
from bench.orders import ACCEPTED, CHECKED_OUT, ITEMS
from bench.peers import Ground, Setup

MODSECURITY = Path("/usr/lib/nginx/modules/ngx_http_modsecurity_module.so")
"""Debian's module of it for nginx."""

_KEPT = "keepalive_requests 1000000000; keepalive_timeout 1h;"

_JSON_LOG = """
  log_format json escape=json '{"time":"$time_iso8601","request_id":"$request_id","client":"$remote_addr",'
    '"method":"$request_method","host":"$host","path":"$request_uri","status":$status,"bytes_in":$request_length,'
    '"bytes_out":$bytes_sent,"seconds":$request_time,"upstream":"$upstream_addr",'
    '"upstream_status":"$upstream_status","upstream_seconds":"$upstream_response_time",'
    '"user_agent":"$http_user_agent","traceparent":"$http_traceparent"}';
"""


def upstream(ground: Ground) -> Setup:
    """The server behind most proxies: constant answers, no log; as cheap as a server can be."""
    return _setup(
        ground,
        "master_process off;",
        f"""
  access_log off;
  server {{
    listen 127.0.0.1:{ground.port} backlog=1024;
    {_KEPT}
    default_type application/json;
    location = /items {{ return 200 '{ITEMS}'; }}
    location = /orders {{ return 201 '{ACCEPTED}'; }}
    location = /checkouts {{ return 201 '{CHECKED_OUT}'; }}
    location {PREFIX} {{ return 200 '{ITEMS}'; }}
  }}""",
    )


def passthrough(ground: Ground) -> Setup:
    """A reverse proxy without an access log: the least that nginx can do."""
    return _proxy(ground, "access_log off;")


def passthrough_logged(ground: Ground) -> Setup:
    """The same with one JSON line a request, written through a buffer of 64 KiB."""
    log = _log_of(ground)
    return _proxy(ground, _logging_to(log), log=log)


def http2(ground: Ground) -> Setup:
    """Logged pass-through by HTTP/2 over TLS."""
    return secure(ground, "ssl http2 ")


def secure(ground: Ground, listen: str = "ssl ") -> Setup:
    """The same as logged pass-through, over TLS; sessions are resumed by tickets."""
    log = _log_of(ground)
    certificate, key = make_certificate(ground.folder)
    tls = f"ssl_certificate {certificate}; ssl_certificate_key {key}; ssl_protocols TLSv1.2 TLSv1.3;"
    return replace(_proxy(ground, f"{_logging_to(log)} {tls}", log=log, listen=listen), secure=True)


def streaming(ground: Ground) -> Setup:
    """The same, with bodies of any size, sent on in both directions as they come and never by way of the disk."""
    log = _log_of(ground)
    bodies = "client_max_body_size 0; proxy_request_buffering off; proxy_max_temp_file_size 0;"
    return _proxy(ground, f"{_logging_to(log)} {bodies}", log=log)


def inspected(ground: Ground, rules: Path) -> Setup:
    """The same as logged pass-through, with ModSecurity and these rules."""
    log = _log_of(ground)
    inspection = f"modsecurity on; modsecurity_rules_file {rules};"
    return _proxy(ground, f"{_logging_to(log)} {inspection}", log=log, modules=f"load_module {MODSECURITY};")


def _log_of(ground: Ground) -> Path:
    return ground.folder / "access.jsonl"


def _logging_to(log: Path) -> str:
    return f"{_JSON_LOG} access_log {log} json buffer=64k flush=1s;"


def _proxy(ground: Ground, settings: str, *, log: Path | None = None, modules: str = "", listen: str = "") -> Setup:
    return _setup(
        ground,
        f"{modules} worker_processes 1;",
        f"""
  {settings}
  upstream shop {{
    server 127.0.0.1:{ground.upstream};
    keepalive 64;
    {_KEPT}
  }}
  server {{
    listen 127.0.0.1:{ground.port} {listen}backlog=1024;
    server_name {HOST};
    {_KEPT}
    location / {{
      proxy_pass http://shop;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Request-Id $request_id;
    }}
  }}
  server {{ listen 127.0.0.1:{ground.port} {listen}default_server; {_KEPT} return 421; }}""",
        log,
    )


def _setup(ground: Ground, processes: str, http: str, log: Path | None = None) -> Setup:
    folder = ground.folder
    temporary = "\n  ".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"""daemon off; {processes}
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 16384; }}
http {{
  {temporary}
  server_tokens off; tcp_nodelay on;{http}
}}
"""
    )
    # "-e stderr": without it nginx opens the system's error log before it reads the file
    argv = [str(ground.binary), "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    return Setup(argv, access_log=log)
