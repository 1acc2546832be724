"""How commands read the configuration file, and how they end when it can't be used."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from portcullis.cli.loading import guarded, keys_from, read_configuration, usable_keys
from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic

TEXT = """\
listeners: {public: {bind: "127.0.0.1:8080"}}
apis:
  shop:
    hosts: ["*"]
    upstream: {targets: ["http://127.0.0.1:9000"]}
    versions: {v1: {spec: shop.yaml}}
"""


def test_a_file_is_read_by_the_path_the_user_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "p.yaml").write_text(TEXT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert read_configuration(Path("a/p.yaml")).file == "a/p.yaml"


@pytest.mark.parametrize("name", ["nothing.yaml", ".", "a/b"])
def test_a_file_that_can_not_be_read_is_a_configuration_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="can't be read"):
        read_configuration(tmp_path / name)


def test_bytes_that_are_no_text_are_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_bytes(b"a: \xff")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        read_configuration(tmp_path / "p.yaml")


def test_a_guarded_command_ends_with_2_and_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as caught, guarded(Path("p.yaml")):
        raise ConfigurationError([Diagnostic("p.yaml", 0, 0, "apis", "is wrong", "write it right")])
    assert caught.value.exit_code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "p.yaml: error: apis: is wrong\n  help: write it right\n\n"


def test_a_guarded_command_that_works_is_left_alone() -> None:
    with guarded(Path("p.yaml")):
        pass


def test_without_a_database_there_are_no_keys(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(TEXT, encoding="utf-8")
    assert usable_keys(read_configuration(file), file) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.yaml"]


def test_keys_that_can_not_be_read_are_a_configuration_error(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(TEXT + "state: {directory: s}\n", encoding="utf-8")

    def fail(_configuration: object, _file: Path) -> None:
        raise OSError("no such luck")

    with pytest.raises(ConfigurationError, match="the keys can't be read: no such luck") as caught:
        keys_from(fail, read_configuration(file), file)
    assert caught.value.diagnostics[0].line == 7
