from __future__ import annotations

import msgspec
import pytest

from portcullis.control import parts
from portcullis.control.parts import PartKind, part_kinds, read_settings, settings_of
from portcullis.engine.config.model import Configuration


class Settings(msgspec.Struct):
    names: list[str] = []


def configuration() -> Configuration:
    api = {"hosts": ["*"], "upstream": {"targets": ["http://127.0.0.1:1"]}, "versions": {"v1": {"spec": "a.yaml"}}}
    return Configuration.model_validate({"listeners": {"a": {"bind": "127.0.0.1:0"}}, "apis": {"shop": api}})


def test_settings_of_a_part_travel_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = PartKind("names", Settings, lambda configuration: Settings(list(configuration.apis)), lambda _services: None)  # type: ignore[arg-type, return-value]
    monkeypatch.setattr(parts, "part_kinds", lambda: (kind,))
    sent = settings_of(configuration())
    assert read_settings(kind, msgspec.json.decode(msgspec.json.encode(sent), type=dict[str, msgspec.Raw])) == Settings(
        ["shop"]
    )
    assert read_settings(kind, {}) == Settings()


def test_every_part_has_its_own_name_and_settings_that_mean_nothing_to_do() -> None:
    kinds = part_kinds()
    assert len({kind.name for kind in kinds}) == len(kinds)
    assert set(settings_of(configuration())) == {kind.name for kind in kinds}
    for kind in kinds:
        assert isinstance(kind.settings(), kind.settings)
