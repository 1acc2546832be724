"""The fuzz harnesses, run on their committed corpora: what was once found, and that they notice what is wrong."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import fuzz_request_path
import fuzz_response_path
import mutations
import pytest
import world

FOLDER = Path(__file__).resolve().parents[2] / "fuzz"
pytestmark = pytest.mark.slow  # the first to be run compiles everything

HARNESSES = sorted(path.stem for path in FOLDER.glob("fuzz_*.py"))


@pytest.fixture(params=HARNESSES)
def harness(request: pytest.FixtureRequest) -> ModuleType:
    return import_module(request.param)


def corpus(harness: ModuleType) -> list[Path]:
    return sorted((FOLDER / "corpus" / harness.__name__).iterdir())


def test_every_harness_has_a_corpus_and_holds_on_it(harness: ModuleType) -> None:
    inputs = corpus(harness)
    assert len(inputs) >= 10
    for path in inputs:
        assert path.stat().st_size <= 4096, path.name
        harness.check(path.read_bytes())


@pytest.mark.parametrize("data", [b"", b"\0", b"\r\n", b"{}", b"\xff" * 100])
def test_every_harness_takes_anything(harness: ModuleType, data: bytes) -> None:
    harness.check(data)


def test_mutations_depend_on_chance_alone() -> None:
    data = (FOLDER / "corpus" / "fuzz_openapi" / "parameters.json").read_bytes()
    changed = [mutations.mutate_json(data, Random(seed)) for seed in range(50)]
    assert changed == [mutations.mutate_json(data, Random(seed)) for seed in range(50)]
    assert len(set(changed)) > 40
    assert mutations.mutate_json(b"{", Random(1)) is None


def test_a_message_that_nobody_sent_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that smuggles: each request to the service is followed by one more."""
    take = world.FakeTransport.take

    def smuggle(transport: world.FakeTransport) -> bytes:
        data = take(transport)
        return data + b"GET /admin HTTP/1.1\r\nHost: shop\r\n\r\n" if data.startswith(b"GET") else data

    monkeypatch.setattr(world.FakeTransport, "take", smuggle)
    with pytest.raises(world.BrokenRuleError, match="a message that nobody sent"):
        fuzz_request_path.check(b"GET /shop/open/x HTTP/1.1\r\nHost: shop\r\n\r\n")


def test_another_body_than_llhttp_reads_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz_response_path._ResponseReader, "on_body", lambda _self, _body: None)
    monkeypatch.setattr(fuzz_response_path, "REQUESTS", fuzz_response_path.REQUESTS[:1])
    with pytest.raises(world.BrokenRuleError, match="another body"):
        fuzz_response_path.check(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def test_a_fault_of_ours_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: Any) -> None:
        raise LookupError("on purpose")

    monkeypatch.setattr("portcullis.engine.exchange.Exchange.decide_head", fail)
    with pytest.raises(world.BrokenRuleError, match="a fault of ours"):
        fuzz_request_path.check(b"GET /shop/open/x HTTP/1.1\r\nHost: shop\r\n\r\n")
