from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
from bench import films
from bench.errors import StartError
from bench.model import MEBIBYTE
from bench.orders import STRIPPED
from bench.peers import Ground, SetupFunction, portcullis

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


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    """The key that the gateway's command makes."""

    def answer(argv: list[str], **_options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(argv, 0, '{"key": "pk_abc"}', "")

    monkeypatch.setattr(subprocess, "run", answer)
    return "pk_abc"


def test_the_policy_case_enforces_key_limit_and_schema(ground: Ground, key: str) -> None:
    setup = portcullis.policy(ground)
    shop = configuration(ground).apis["shop"]

    assert setup.credential == {"X-API-Key": key}
    assert shop.authenticate is not None
    assert shop.authenticate.any_of == ["partners"]
    assert shop.limit is not None
    assert shop.validate_ is not None
    assert {probe.status for probe in setup.probes} == {201, 400, 401}


@pytest.mark.parametrize(
    ("made", "routes", "asked"),
    [
        (portcullis.few_routes, 10, 10),
        (portcullis.many_routes, 200, 10),
        (portcullis.many_routes_spread, 200, 200),
    ],
)
def test_routes_are_declared_and_asked_for(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, made: SetupFunction, routes: int, asked: int
) -> None:
    monkeypatch.setattr(portcullis, "MANY", 200)
    setup = made(ground)

    assert len(json.loads((ground.folder / "shop.json").read_text())["paths"]) == routes
    assert len(set(setup.paths)) == asked


def test_films_may_be_as_big_as_they_are(ground: Ground) -> None:
    portcullis.streaming(ground)

    assert configuration(ground).apis["shop"].max_body == films.LARGEST * MEBIBYTE


@pytest.mark.usefixtures("key")
def test_the_whole_policy_takes_what_is_not_declared_out_of_the_answer(ground: Ground) -> None:
    setup = portcullis.policy_full(ground)

    assert setup.answer == STRIPPED
    assert setup.access_log
    assert {"an injection in the body", "security headers are set"} <= {probe.title for probe in setup.probes}


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize(
    ("control", "unproven"),
    [
        ("limit", "the limit is counted"),
        ("validate.request", "a field that is not declared"),
        ("inspect.injection", "an injection in the body"),
        ("protect.headers", "security headers are set"),
    ],
)
def test_a_control_that_is_off_is_off_in_the_file_and_not_probed(ground: Ground, control: str, unproven: str) -> None:
    every = {probe.title for probe in portcullis.policy_full(ground).probes}
    left = {probe.title for probe in portcullis.policy_full(ground, without=[control]).probes}

    settings = json.loads((ground.folder / "portcullis.yaml").read_text())["apis"]["shop"]
    for name in control.split("."):
        settings = settings[name]
    assert settings["mode"] == "off"
    assert unproven in every - left


@pytest.mark.usefixtures("key")
def test_without_response_validation_the_answer_comes_as_it_is(ground: Ground) -> None:
    assert portcullis.policy_full(ground, without=["validate.response"]).answer is None


@pytest.mark.usefixtures("key")
def test_without_an_access_log_none_is_written(ground: Ground) -> None:
    assert portcullis.policy_full(ground, without=["access_log"]).access_log is None
    assert configuration(ground).observe.access_log is None


def test_a_key_that_cannot_be_made_is_told_with_the_last_words(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(argv: list[str], **_options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(argv, 2, "", "first\nthe plan 'gold' is not in the file\n")

    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(StartError, match="plan 'gold'"):
        portcullis.policy(ground)
