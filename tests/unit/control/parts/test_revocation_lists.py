"""Lists are told under the topics of their listeners."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from portcullis.control.metrics import Metrics
from portcullis.control.parts import ControlServices, revocation_lists
from portcullis.control.parts.revocation_lists import PART, RevocationLists
from portcullis.control.revocation_lists.settings import ListenerLists, OcspSource, RevocationListsSettings, topic_of
from portcullis.control.worker_hub import WorkerHub
from portcullis.engine.authentication.status_messages import (
    CertificateStatus,
    StatusQuestion,
    decode_answer,
    encode,
)
from portcullis.stores.files import ConfigurationFiles
from portcullis.testing.certificates import Authority, pem_of

MESH = Authority("mesh")
LISTS = ListenerLists("mesh", "ca.pem", ("mesh.crl",), 60.0)


class Hub(WorkerHub):
    """A hub without lines: what would be told."""

    def __init__(self) -> None:
        super().__init__(Metrics(lambda: 0), lambda _lines: None)
        self.published: list[str] = []
        self.told_twice = asyncio.Event()

    def publish(self, topic: str, known: bytes) -> None:
        assert known
        self.published.append(topic)
        if len(self.published) == 2:
            self.told_twice.set()

    def known(self, topic: str) -> bytes | None:
        return self._topics[topic]()


@pytest.fixture
def hub() -> Hub:
    return Hub()


@pytest.fixture
def part(tmp_path: Path, hub: Hub) -> RevocationLists:
    (tmp_path / "ca.pem").write_bytes(MESH.pem)
    (tmp_path / "mesh.crl").write_bytes(pem_of(MESH.revoked(number=1)))
    nothing: Any = None
    files = ConfigurationFiles(tmp_path / "portcullis.yaml")
    services = ControlServices(hub, nothing, files, tmp_path, time.time, nothing, nothing, nothing)
    made = PART.make(services)
    assert isinstance(made, RevocationLists)
    return made


def test_lists_are_told_at_once_and_to_those_who_come_later(part: RevocationLists, hub: Hub) -> None:
    part.take_over(RevocationListsSettings((LISTS,)))
    assert hub.published == [topic_of("mesh")]
    assert hub.known(topic_of("mesh"))
    assert list(part.routes()) == []
    assert b"portcullis_revocation_lists_left_seconds" in hub.metrics.exposition()


def test_a_reload_leaves_what_is_as_it_was_and_forgets_what_is_gone(part: RevocationLists, hub: Hub) -> None:
    part.take_over(RevocationListsSettings((LISTS,)))
    keeper = part.keepers["mesh"]
    part.take_over(RevocationListsSettings((LISTS,)))
    assert part.keepers["mesh"] is keeper
    part.take_over(RevocationListsSettings((ListenerLists("mesh", "ca.pem", ("mesh.crl",), 5.0),)))
    assert part.keepers["mesh"] is not keeper
    part.take_over(RevocationListsSettings())
    assert part.keepers == {}
    with pytest.raises(KeyError):
        hub.known(topic_of("mesh"))


async def test_it_looks_regularly(
    part: RevocationLists, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocation_lists, "LOOK_SECONDS", 0.001)
    part.take_over(RevocationListsSettings((LISTS,)))
    task = asyncio.create_task(part.run())
    (tmp_path / "mesh.crl").write_bytes(pem_of(MESH.revoked(MESH.issue(), number=2)))
    await asyncio.wait_for(hub.told_twice.wait(), 5)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_whoever_asks_about_a_chain_is_told_what_its_authorities_say(part: RevocationLists) -> None:
    class Asked:
        source = OcspSource("http://ocsp.example/")

        async def ask(self, certificate: Any, issuer: Any) -> CertificateStatus:
            name = issuer.subject.public_bytes()
            return CertificateStatus(name, certificate.serial_number.to_bytes(4), "good", 5.0)

    leaf = MESH.issue()
    part.take_over(RevocationListsSettings((LISTS,)))
    question = encode(StatusQuestion("mesh", (leaf.der, MESH.der)))
    assert decode_answer(await part._answer(question)) == ()
    asked: Any = Asked()
    part.responders["mesh"] = asked
    (told,) = decode_answer(await part._answer(question))
    assert (told.issuer, told.status) == (MESH.certificate.subject.public_bytes(), "good")
    assert decode_answer(await part._answer(encode(StatusQuestion("mesh", (b"garbage",))))) == ()
    assert decode_answer(await part._answer(encode(StatusQuestion("other", (leaf.der, MESH.der))))) == ()


def test_responders_follow_the_file(part: RevocationLists) -> None:
    asks = msgspec.structs.replace(LISTS, ocsp=OcspSource("http://ocsp.example/"))
    part.take_over(RevocationListsSettings((asks,)))
    first = part.responders["mesh"]
    part.take_over(RevocationListsSettings((asks,)))
    assert part.responders["mesh"] is first
    part.take_over(RevocationListsSettings((LISTS,)))
    assert part.responders == {}
