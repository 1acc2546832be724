"""An authority that speaks ACME, in this process: its answers are given by the test."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import requests
from requests.adapters import BaseAdapter

Reply = tuple[int, dict[str, str], bytes]


class Scripted(BaseAdapter):
    """Answers calls by ``reply``; ``asked``: methods and URLs; ``payloads``: what was signed."""

    def __init__(self, reply: Callable[[str, str], Reply]) -> None:
        super().__init__()
        self.reply = reply
        self.asked: list[tuple[str, str]] = []
        self.verified: list[Any] = []
        self.timeouts: list[Any] = []

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        self.asked.append((str(request.method), str(request.url)))
        self.verified.append(options["verify"])
        self.timeouts.append(options["timeout"])
        status, fields, body = self.reply(str(request.method), str(request.url))
        response = requests.Response()
        response.status_code = status
        response.headers.update({"Content-Type": "application/json", "Replay-Nonce": "bm9uY2U", **fields})
        response.raw = BytesIO(body)
        response.request = request
        response.url = str(request.url)
        return response

    def close(self) -> None:
        pass


def problem(status: int, kind: str, detail: str, **fields: str) -> Reply:
    """An error as authorities tell it (RFC 8555 6.7)."""
    document = {"type": f"urn:ietf:params:acme:error:{kind}", "detail": detail}
    return status, {"Content-Type": "application/problem+json", **fields}, json.dumps(document).encode()
