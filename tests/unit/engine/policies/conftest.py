"""An operation that is compiled without files; and cases of policies, played through the whole proxy in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from portcullis.engine.compile import compile_snapshot
from portcullis.engine.config.callers import RoleConfig, ServiceConfig
from portcullis.engine.config.load import load_configuration
from portcullis.engine.config.merge import effective
from portcullis.engine.config.model import ApiConfig
from portcullis.engine.openapi.security import Security
from portcullis.engine.operation import OperationContext
from portcullis.engine.ports import Ports
from portcullis.engine.record import Record
from portcullis.mounts.http1.response_head import parse_response_head
from portcullis.testing import FakeClock, FakeCounters, FakeFiles, FakeKeys, Playbook, settle
from portcullis.testing.playbook import LISTENER

OPERATION = "GET /orders"


class Played(msgspec.Struct):
    """What came of a case: the answer that the client got, the request that the service got (``b""``: none)."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    request: bytes
    record: Record


def snapshot_of(document: Mapping[str, Any], settings: Mapping[str, Any]) -> Any:
    """An API with these ``settings`` and this ``document``, compiled."""
    configuration = {
        "listeners": {"public": {"bind": "127.0.0.1:0", "trusted_proxies": ["127.0.0.1"]}},
        "apis": {
            "shop": {
                "hosts": ["shop"],
                "base_path": "/",
                "upstream": {"targets": ["http://127.0.0.1:9"]},
                "versions": {"v1": {"spec": "shop.json"}},
                "public": True,
                **settings,
            }
        },
    }
    files = FakeFiles({"shop.json": json.dumps(document)})
    ports = Ports(FakeClock(), FakeCounters(), FakeKeys())
    return compile_snapshot(load_configuration(json.dumps(configuration), "portcullis.yaml"), files, ports)


async def _play(snapshot: Any, case: Mapping[str, Any]) -> Played:
    listener = msgspec.structs.replace(LISTENER, scheme=case.get("scheme", "http"))
    play = Playbook(snapshot, listener)
    method, _, target = case.get("call", "GET /orders").partition(" ")
    sent = {"Host": "shop", **case.get("headers", {})}
    body = json.dumps(case["body"]).encode() if "body" in case else b""
    if body:
        sent |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
    play.client_sends("\r\n".join(lines).encode() + body)
    await settle()
    play.gateway.outbox.flush()
    request = play.service[1].take() if play.service_connections else b""
    if request:
        play.service_sends(_written(case.get("answer", {})))
        await settle()
    play.gateway.outbox.flush()
    got = play.client_transport.take()
    head = parse_response_head(got, 65536, method)
    assert head is not None, f"the client was not answered: {got!r}"
    headers = {name.decode(): value.decode() for name, value in head.headers.items()}
    return Played(head.status, headers, got[head.length :], request, play.records[0])


def _written(answer: Mapping[str, Any]) -> bytes:
    """The service's answer on the wire: ``json`` or ``text`` with the content type that goes with it."""
    body = json.dumps(answer["json"]).encode() if "json" in answer else answer.get("text", "").encode()
    kind = "application/json" if "json" in answer else "text/plain"
    headers = {"Content-Type": kind, **answer.get("headers", {})}
    status = answer.get("status", 200)
    if status not in (204, 304):
        headers["Content-Length"] = str(len(body))
    lines = [f"HTTP/1.1 {status} Fine", *(f"{k}: {v}" for k, v in headers.items() if v is not None), "", ""]
    return "\r\n".join(lines).encode() + body


def check_case(case: Mapping[str, Any], played: Played) -> None:
    """What the case says under ``gets``, ``lacks``, ``status``, ``json``, ``text``, ``record`` and ``asks``."""
    assert played.status == case.get("status", 200)
    for name, value in case.get("gets", {}).items():
        assert played.headers.get(name) == value, name
    for name in case.get("lacks", ()):
        assert name not in played.headers
    if "json" in case:
        assert json.loads(played.body) == case["json"]
    if "text" in case:
        assert played.body.decode() == case["text"]
    if "refused" in case:
        assert played.record.code == case["refused"]
        assert json.loads(played.body)["code"] == case.get("told", case["refused"])
    if "record" in case:
        verdicts = [verdict for verdict in played.record.verdicts if verdict.code]
        assert [f"{verdict.outcome} {verdict.code}" for verdict in verdicts] == case["record"]
    for name in case.get("asks_without", ()):
        assert f"\r\n{name}:".encode() not in played.request.lower()
    if "found" in case:
        findings = [verdict.finding for verdict in played.record.verdicts if verdict.finding is not None]
        for key, value in case["found"].items():
            assert getattr(findings[-1], key) == value


@pytest.fixture(scope="session")
def context() -> Callable[..., OperationContext]:
    """Makes the context of an operation with these settings of its own, and those of its API.

    ``roles`` and ``services`` are those of the file, ``security`` is what the document asks for.
    """

    def make(
        operation: dict[str, Any] | None = None,
        api: dict[str, Any] | None = None,
        roles: dict[str, Any] | None = None,
        security: Security | None = None,
        services: dict[str, Any] | None = None,
    ) -> OperationContext:
        shop = ApiConfig.model_validate(
            {
                "hosts": ["*"],
                "upstream": {"targets": ["http://127.0.0.1:1"]},
                "versions": {"v1": {"spec": "s.yaml"}},
                "operations": {OPERATION: operation or {}},
                **(api or {}),
            }
        )
        nothing: Any = None
        configuration: Any = SimpleNamespace(
            roles={name: RoleConfig.model_validate(role) for name, role in (roles or {}).items()},
            identities={name: SimpleNamespace(mtls=name == "mesh" or None) for name in ("mesh", "tokens", "users")},
            services={name: ServiceConfig.model_validate(each) for name, each in (services or {}).items()},
        )
        document: Any = SimpleNamespace(reference=lambda pointer: f"s.yaml#{pointer}")
        declared: Any = SimpleNamespace(name=OPERATION, security=security)
        return OperationContext(
            configuration=configuration,
            api_name="shop",
            api=shop,
            version="v1",
            settings=effective(shop, shop.versions["v1"], OPERATION),
            document=document,
            operation=declared,
            ports=nothing,
            where=("apis", "shop", "operations", OPERATION),
        )

    return make


@pytest.fixture(autouse=True)
def quick_documents(documents_loaded_once: None) -> None:
    """Nearly all cases of a policy have the same document."""


@pytest.fixture(scope="session")
def play_case() -> Callable[..., Played]:
    """Plays a case of ``document``, and checks what it expects."""

    def play(document: Mapping[str, Any], case: Mapping[str, Any]) -> Played:
        played = asyncio.run(_play(snapshot_of(document, case.get("settings", {})), case))
        check_case(case, played)
        return played

    return play
