"""Cases of the objects phase, played through the whole proxy on fake transports: callers with keys, a service."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import pytest

from portcullis.engine.compile import compile_snapshot
from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.config.load import load_configuration
from portcullis.engine.config.values import SecretReference
from portcullis.engine.identity import Consumer
from portcullis.engine.ports import KeyGrant, Ports
from portcullis.engine.record import Record
from portcullis.engine.snapshot import Snapshot
from portcullis.mounts.http1.response_head import parse_response_head
from portcullis.testing import (
    FakeClock,
    FakeCounters,
    FakeFiles,
    FakeKeys,
    FakeQuestions,
    FakeRelations,
    Playbook,
    settle,
)
from portcullis.testing.transport import FakeTransport

KEYS = FakeKeys()
ROLES = {
    "support": ["customers:read"],
    "finance": ["costs:read"],
    "lead": {"permissions": ["all:read"], "inherits": ["support"]},
}
"""Callers are told by their names; those with a role have it."""
CALLERS = {"alice": "", "bob": "", "sam": "support", "fred": "finance", "lena": "lead", "7": ""}


def key_of(name: str) -> str:
    return f"pcl_{name:0>8}_" + "0" * 49


SECRETS = {"key": b"a secret of enough bytes", "short": b"short"}

for _name, _role in CALLERS.items():
    _consumer = Consumer(_name, roles=frozenset((_role,) if _role else ()))
    KEYS.add(key_of(_name), KeyGrant(f"key-{_name}", _consumer))


class Secrets:
    """One secret, whatever is asked for."""

    def reveal(self, reference: SecretReference) -> bytes:
        return SECRETS[reference.name]


class Played(msgspec.Struct):
    """What came of a call: the client's answer, and what the service was asked, one request after the other."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    requests: Sequence[bytes]
    record: Record

    @property
    def codes(self) -> list[str]:
        return [f"{each.outcome} {each.code}" for each in self.record.verdicts if each.code]


class Scene:
    """A gateway with one API, ``shop``, and whoever calls it. ``file``: what else its file says."""

    def __init__(
        self,
        document: Mapping[str, Any],
        operations: Mapping[str, Any],
        file: Mapping[str, Any] | None = None,
        **api: Any,
    ) -> None:
        self.clock = FakeClock()
        self.counters = FakeCounters()
        self.relations = FakeRelations()
        self.questions = FakeQuestions()
        ports = Ports(self.clock, self.counters, KEYS, self.questions, secrets=Secrets(), relations=self.relations)
        self.snapshot = snapshot_of(document, operations, ports, file or {}, **api)

    def call(self, call: str, answers: Sequence[Any] = (), **how: Any) -> Played:
        """Make a call, ``GET /orders/1``, that the service gives ``answers``, one for each request it gets."""
        return asyncio.run(_play(self, call, answers, **how))


def snapshot_of(
    document: Mapping[str, Any], operations: Mapping[str, Any], ports: Ports, file: Mapping[str, Any], **api: Any
) -> Snapshot:
    """The API compiled; ``operations``: what the file says of ``objects`` there, or all settings if it begins so."""
    settings = {
        name: said if said.keys() & {"objects", "validate", "public", "max_response"} else {"objects": said}
        for name, said in operations.items()
    }
    configuration = {
        "listeners": {"public": {"bind": "127.0.0.1:0"}},
        "identities": {"people": {"api_key": {}}},
        "roles": ROLES,
        "apis": {
            "shop": {
                "hosts": ["shop"],
                "base_path": "/",
                "upstream": {"targets": ["http://127.0.0.1:9"]},
                "versions": {"v1": {"spec": "shop.json"}},
                "authenticate": ["people"],
                "authorize": {"every_caller": True},
                "operations": settings,
                **api,
            }
        },
        **file,
    }
    files = FakeFiles({"shop.json": json.dumps(document)})
    loaded = load_configuration(json.dumps(configuration), "portcullis.yaml", files)
    return compile_snapshot(loaded, files, ports)


async def _play(
    scene: Scene,
    call: str,
    answers: Sequence[Any],
    *,
    by: str = "alice",
    body: Any = None,
    headers: Mapping[str, str] | None = None,
) -> Played:
    play = Playbook(scene.snapshot, clock=scene.clock)
    method, _, target = call.partition(" ")
    data = body.encode() if isinstance(body, str) else b"" if body is None else json.dumps(body).encode()
    fields = {"Host": "shop", **({"X-API-Key": key_of(by)} if by else {})}
    if data:
        fields |= {"Content-Type": "application/json", "Content-Length": str(len(data))}
    fields |= headers or {}
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    play.client_sends("\r\n".join(lines).encode() + data)
    requests: list[bytes] = []
    for answer in (*answers, None):
        await settle()
        play.gateway.outbox.flush()
        asked = _asked(play)
        if asked is None:
            break
        connection, transport = asked
        requests.append(transport.take())
        assert answer is not None, f"the service was asked once more: {requests[-1]!r}"
        if answer == "closed":
            transport.lose(connection, None)
        else:
            connection.data_received(written(answer))
    play.gateway.outbox.flush()
    assert len(requests) == len(answers), f"the service was asked {len(requests)} times"
    got = play.client_transport.take()
    head = parse_response_head(got, 65536, method)
    assert head is not None, f"the client was not answered: {got!r}"
    gateway_headers = {name.decode(): value.decode() for name, value in head.headers.items()}
    return Played(head.status, gateway_headers, got[head.length :], requests, play.records[0])


def _asked(play: Playbook) -> tuple[Any, FakeTransport] | None:
    """The connection to the service on which a request has come."""
    for connection, transport in play.service_connections:
        if transport.sent:
            return connection, transport
    return None


def written(answer: Any) -> bytes:
    """An answer of the service on the wire: a status, JSON, or a mapping with ``json``, ``text`` or ``base64``."""
    if isinstance(answer, int):
        answer = {"status": answer, "json": {}} if answer >= 300 else {"status": answer}
    if not isinstance(answer, Mapping) or not answer.keys() & {"json", "text", "base64", "status"}:
        answer = {"json": answer}
    body = json.dumps(answer["json"]).encode() if "json" in answer else answer.get("text", "").encode()
    body = base64.b64decode(answer["base64"]) if "base64" in answer else body
    status = answer.get("status", 200)
    headers = {"Content-Type": "application/json", **answer.get("headers", {})}
    if status not in (204, 304):
        headers.setdefault("Content-Length", str(len(body)))
    lines = [f"HTTP/1.1 {status} Fine", *(f"{k}: {v}" for k, v in headers.items() if v is not None), "", ""]
    return "\r\n".join(lines).encode() + body


def checked(case: Mapping[str, Any], played: Played) -> None:
    """What the case says under ``status``, ``told``, ``json``, ``text``, ``record``, ``found``, ``gets``, ``asks``."""
    assert played.status == case.get("status", 200), (played.body, played.codes)
    if "told" in case:
        assert json.loads(played.body)["code"] == case["told"]
    if "json" in case:
        assert json.loads(played.body) == case["json"]
    if "text" in case:
        assert played.body.decode() == case["text"]
    assert played.codes == case.get("record", [])
    for key, value in case.get("found", {}).items():
        findings = [verdict.finding for verdict in played.record.verdicts if verdict.finding is not None]
        assert getattr(findings[-1], key) == value
    for name, value in case.get("gets", {}).items():
        assert played.headers.get(name) == value, name
    for request, parts in zip(played.requests, case.get("asks", ()), strict=False):
        for part in [parts] if isinstance(parts, str) else parts:
            assert part.encode() in request, request
    for name in case.get("asks_without", ()):
        assert all(f"\r\n{name}:".encode() not in request.lower() for request in played.requests)


@pytest.fixture
def play_case() -> Callable[[Mapping[str, Any], Mapping[str, Any]], None]:
    """Plays one case of a file of cases and checks what it expects."""

    def play(file: Mapping[str, Any], case: Mapping[str, Any]) -> None:
        if "mistake" in case:
            with pytest.raises(ConfigurationError) as error:
                Scene(file["document"], {case["of"]: case["objects"]}, **case.get("api", {}))
            told = "\n".join(map(str, error.value.diagnostics))
            for part in [case["mistake"]] if isinstance(case["mistake"], str) else case["mistake"]:
                assert part in told, told
            return
        operations = {case["of"] if "of" in case else case["call"].partition("?")[0]: case["objects"]}
        scene = Scene(file["document"], operations, **case.get("api", {}))
        how = {key: case[key] for key in ("by", "body", "headers") if key in case}
        checked(case, scene.call(case["call"], case.get("answers", ()), **how))

    return play


@pytest.fixture
def scene() -> type[Scene]:
    return Scene


@pytest.fixture
def check_case() -> Callable[[Mapping[str, Any], Played], None]:
    """Checks what came of a call against a case of a file of cases."""
    return checked
