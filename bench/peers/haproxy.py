"""HAProxy: a peer for pass-through. One thread; kept connections on both sides.

It writes no log file itself: what it logs goes to a socket or to a descriptor. Here it is its standard output, which is
a file: one JSON line a request, written at once.
"""

from __future__ import annotations

import resource

from bench.load import HOST
from bench.peers import Ground, Setup
from bench.processes import OUTPUT

MAX_CONNECTIONS = 9_600
_RESERVE = 200
"""Descriptors that are no connections."""

_LOG_FIELDS = {
    "time": '"%[date,ltime(%%Y-%%m-%%dT%%H:%%M:%%S%%z)]"',
    "request_id": '"%ID"',
    "client": '"%ci"',
    "method": '"%HM"',
    "host": '"%[var(txn.host),json(utf8s)]"',
    "path": '"%[capture.req.uri,json(utf8s)]"',
    "status": "%ST",
    "bytes_in": "%U",
    "bytes_out": "%B",
    "milliseconds": "%Ta",
    "upstream": '"%si:%sp"',
    "upstream_milliseconds": "%Tr",
    "state": '"%ts"',
    "user_agent": '"%[var(txn.agent),json(utf8s)]"',
    "traceparent": '"%[var(txn.trace),json(utf8s)]"',
}


def passthrough(ground: Ground) -> Setup:
    """A reverse proxy with the JSON log."""
    log = ",".join(f'"{name}":{value}' for name, value in _LOG_FIELDS.items())
    file = ground.folder / "haproxy.cfg"
    file.write_text(
        f"""global
  nbthread 1
  maxconn {most_connections(resource.getrlimit(resource.RLIMIT_NOFILE)[1])}
  log stdout len 4096 format raw local0

defaults
  mode http
  log global
  timeout connect 3s
  timeout client 1h
  timeout server 1h
  timeout http-request 10s
  timeout http-keep-alive 1h
  http-reuse always
  log-format '{{{log}}}'

frontend public
  bind 127.0.0.1:{ground.port} backlog 1024
  unique-id-format %[uuid()]
  http-request set-var(txn.host) req.hdr(host)
  http-request set-var(txn.agent) req.hdr(user-agent)
  http-request set-var(txn.trace) req.hdr(traceparent)
  http-request set-header X-Request-Id %[unique-id]
  http-request set-header X-Forwarded-Proto http
  option forwardfor
  http-request deny deny_status 421 unless {{ req.hdr(host),host_only -i {HOST} }}
  default_backend shop

backend shop
  server shop 127.0.0.1:{ground.upstream}
"""
    )
    # "-db": in the foreground, and no master process
    return Setup([str(ground.binary), "-db", "-f", str(file)], access_log=ground.folder / OUTPUT)


def most_connections(descriptors: int) -> int:
    """How many connections it can have with so many open files: it wants two for each, or does not start."""
    if descriptors == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return min(MAX_CONNECTIONS, max(1, (descriptors - _RESERVE) // 2))
