from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
from bench.errors import StartError
from bench.peers import Ground, portcullis

from portcullis.engine.config.model import Configuration


def configuration(ground: Ground) -> Configuration:
    return Configuration.model_validate(json.loads((ground.folder / "portcullis.yaml").read_text()))


def test_pass_through_is_public_and_logged(ground: Ground) -> None:
    setup = portcullis.passthrough(ground)
    config = configuration(ground)

    assert config.apis["shop"].public is True
    assert config.observe.access_log is not None
    assert setup.access_log == ground.folder / config.observe.access_log.path
    assert setup.argv[1:] == ["serve", "-c", str(ground.folder / "portcullis.yaml"), "--workers", "1"]


def test_the_policy_case_enforces_key_limit_and_schema(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(argv: list[str], **_options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(argv, 0, '{"key": "pk_abc"}', "")

    monkeypatch.setattr(subprocess, "run", answer)
    setup = portcullis.policy(ground)
    shop = configuration(ground).apis["shop"]

    assert setup.credential == {"X-API-Key": "pk_abc"}
    assert shop.authenticate is not None
    assert shop.authenticate.any_of == ["partners"]
    assert shop.limit is not None
    assert shop.validate_ is not None
    assert {probe.status for probe in setup.probes} == {201, 400, 401}


def test_a_key_that_cannot_be_made_is_told_with_the_last_words(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(argv: list[str], **_options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(argv, 2, "", "first\nthe plan 'gold' is not in the file\n")

    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(StartError, match="plan 'gold'"):
        portcullis.policy(ground)
