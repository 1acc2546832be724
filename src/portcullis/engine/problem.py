"""Refusals as RFC 9457 problem documents: a stable code, a request id, and no inner detail."""

from __future__ import annotations

import msgspec

from portcullis.engine.decision import Refuse

PROBLEM_TYPE = b"application/problem+json"

_encode = msgspec.json.Encoder().encode


class _Problem(msgspec.Struct, omit_defaults=True):
    """Members of RFC 9457 section 3.1, and ours: ``code`` and ``request_id``."""

    type: str
    title: str
    status: int
    code: str
    request_id: str
    detail: str = ""


def problem_document(refusal: Refuse, request_id: str) -> bytes:
    """The body of the answer to a refused request: JSON of type ``application/problem+json``."""
    code = refusal.code.visible
    return _encode(
        _Problem(
            type=f"urn:portcullis:{code.name}",
            title=code.title,
            status=refusal.status,
            code=code.name,
            request_id=request_id,
            detail=refusal.detail,
        )
    )
