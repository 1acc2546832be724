from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from portcullis.control.parts import settings_of
from portcullis.engine.config.model import Configuration
from portcullis.serve.control_settings import ControlSettings, LogSettings


def configuration(**sections: object) -> Configuration:
    api = {"hosts": ["*"], "upstream": {"targets": ["http://127.0.0.1:1"]}, "versions": {"v1": {"spec": "a.yaml"}}}
    return Configuration.model_validate({"listeners": {"a": {"bind": "127.0.0.1:0"}}, "apis": {"a": api}, **sections})


FULL = configuration(
    plans={"free": {}, "gold": {}},
    roles={"clerk": ["orders:read"], "auditor": {"permissions": ["*"], "exclusive_with": ["clerk"]}},
    observe={"access_log": {"path": "logs/access.jsonl", "rotate_at": "1MiB", "keep": 3}},
    process={"drain": "7s"},
)


def test_they_are_what_of_the_file_concerns_the_control_process() -> None:
    log = LogSettings("/etc/portcullis/logs/access.jsonl", 1024 * 1024, 3)
    settings = ControlSettings.of(FULL, Path("/etc/portcullis/p.yaml"))
    roles = ["clerk", "auditor"]
    parts = settings_of(FULL)
    wanted = ControlSettings(["free", "gold"], roles, log, 7.0, parts=parts)
    assert settings == msgspec.structs.replace(wanted, exclusive=[("auditor", "clerk")], apis=["a"])


def test_a_file_may_leave_all_of_it_out() -> None:
    parts = settings_of(configuration())
    assert ControlSettings.of(configuration(), Path("/p.yaml")) == ControlSettings(
        [], [], None, 30.0, parts=parts, apis=["a"]
    )


def test_the_log_has_the_same_path_wherever_a_process_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    log = ControlSettings.of(FULL, Path("conf/p.yaml")).log
    assert log is not None
    assert log.path == str(tmp_path / "conf" / "logs" / "access.jsonl")


def test_they_travel_as_text() -> None:
    settings = ControlSettings.of(FULL, Path("/p.yaml"))
    assert ControlSettings.decode(settings.encode()) == settings
    assert "\n" not in settings.encode()
