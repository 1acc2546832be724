"""Plain HTTP on a redirector: every request is sent to the same URL under https, and goes nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portcullis.engine.clear_text import ClearText
from portcullis.engine.decision import Refuse
from portcullis.engine.target import TargetError, parse_host, split_target
from portcullis.mounts.http1.request_head import RequestHead

if TYPE_CHECKING:
    from portcullis.engine.exchange import Exchange


def https_required(head: RequestHead, port: int, exchange: Exchange, clear_text: ClearText) -> Refuse:
    """The redirect to the same URL under https: 308, so that method and body are kept (RFC 9110 15.4.9).

    A credential that was sent in clear is recorded, with the caller whose it is.
    """
    sent = clear_text.look(exchange.request)
    exchange.facts.identity = sent.identity
    try:
        authority, path, query = split_target(head.target)
        host = parse_host(authority or head.headers.get(b"host", b"").decode("latin-1"))
    except TargetError as error:
        return Refuse(error.code, error.detail)
    location = f"https://{host}{'' if port == 443 else f':{port}'}{path}{f'?{query}' if query else ''}"
    return Refuse(sent.code, finding=sent.finding, fields=((b"location", location.encode("latin-1")),))
