from __future__ import annotations

from typing import Any

import httpx
import pytest

from portcullis.control.api import create_control_api
from portcullis.control.certificates.renewing import BusyError, ManagedCertificate, RevocationError
from portcullis.control.certificates.routes import certificate_routes
from portcullis.control.certificates.states import Held
from portcullis.engine.certificates.renewal import Life, RenewalState

SHOP = ManagedCertificate("shop", ("shop.example",), (), "http-01")


class Renewer:
    def __init__(self, outcome: Any = None) -> None:
        self.outcome = outcome or RenewalState()
        self.revoked: list[int | None] = []

    async def renew_now(self, certificate: ManagedCertificate, *, revoke: int | None = None) -> RenewalState:
        self.revoked.append(revoke)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        state: RenewalState = self.outcome
        return state

    def held(self, certificate: ManagedCertificate) -> Held | None:
        return Held("ab12", Life(0.0, 7.0), frozenset())


async def ask(renewer: Any, path: str, content: bytes = b"") -> httpx.Response:
    keys: Any = None
    routes = certificate_routes(lambda: renewer, {"shop": SHOP}.get)
    transport = httpx.ASGITransport(app=create_control_api(keys, routes))
    async with httpx.AsyncClient(transport=transport, base_url="http://control") as client:
        return await client.post(path, content=content)


async def test_what_is_there_afterwards_is_told() -> None:
    renewer = Renewer()
    answer = await ask(renewer, "/v1/certificates/shop/renew")
    assert (answer.status_code, answer.json()) == (200, {"name": "shop", "serial": "ab12", "not_after": 7.0})
    assert renewer.revoked == [None]
    assert (await ask(renewer, "/v1/certificates/shop/revoke", b'{"reason": "keyCompromise"}')).status_code == 200
    assert renewer.revoked == [None, 1]


@pytest.mark.parametrize(
    ("outcome", "detail"),
    [
        (BusyError(), "it is being renewed already"),
        (RevocationError("first: no"), "it is not revoked: first: no"),
        (RenewalState(failures=1, error="first: away"), "first: away"),
    ],
)
async def test_why_it_could_not_be_done_is_told(outcome: Any, detail: str) -> None:
    answer = await ask(Renewer(outcome), "/v1/certificates/shop/renew")
    assert (answer.status_code, answer.json()["code"], answer.json()["detail"]) == (502, "certificates.failed", detail)


async def test_what_makes_no_sense_is_told() -> None:
    answer = await ask(Renewer(), "/v1/certificates/other/renew")
    assert (answer.status_code, answer.json()["detail"]) == (400, "the gateway manages no certificate 'other'")
    assert (await ask(None, "/v1/certificates/shop/renew")).status_code == 400
    assert (await ask(Renewer(), "/v1/certificates/shop/revoke", b'{"reason": "x"}')).status_code == 400
