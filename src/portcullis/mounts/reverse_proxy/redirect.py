"""Plain HTTP on a redirector: every request is sent to the same URL under https, and goes nowhere else."""

from __future__ import annotations

from portcullis.engine.codes import HTTPS_REQUIRED
from portcullis.engine.decision import Refuse
from portcullis.engine.target import TargetError, parse_host, split_target
from portcullis.mounts.http1.request_head import RequestHead


def https_required(head: RequestHead, port: int) -> Refuse:
    """The redirect to the same URL under https: 308, so that method and body are kept (RFC 9110 15.4.9)."""
    try:
        authority, path, query = split_target(head.target)
        host = parse_host(authority or head.headers.get(b"host", b"").decode("latin-1"))
    except TargetError as error:
        return Refuse(error.code, error.detail)
    location = f"https://{host}{'' if port == 443 else f':{port}'}{path}{f'?{query}' if query else ''}"
    return Refuse(HTTPS_REQUIRED, fields=((b"location", location.encode("latin-1")),))
