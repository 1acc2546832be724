from __future__ import annotations

from pathlib import Path

import pytest
from rows import rows

from portcullis.engine.config.values import SecretReference
from portcullis.engine.ports import SecretError
from portcullis.stores.files import ConfigurationFiles
from portcullis.stores.secrets import MAX_SECRET, SourceSecrets


@pytest.fixture
def reveal(tmp_path: Path) -> SourceSecrets:
    return SourceSecrets(ConfigurationFiles(tmp_path / "p.yaml"))


def test_a_secret_of_the_environment(reveal: SourceSecrets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_SECRET", "s\u00e9cret ")
    assert reveal.reveal(SecretReference("env", "SHOP_SECRET")) == "s\u00e9cret ".encode()


@rows(("content", "secret"), [(b"s", b"s"), (b"s\n", b"s"), (b"s\r\n", b"s"), (b"s \n\n", b"s \n")])
def test_a_secret_of_a_file_ends_before_its_line_break(
    reveal: SourceSecrets, tmp_path: Path, content: bytes, secret: bytes
) -> None:
    (tmp_path / "secret").write_bytes(content)
    assert reveal.reveal(SecretReference("file", "secret")) == secret


def test_what_is_not_there_is_told_by_its_place_alone(
    reveal: SourceSecrets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOT_THERE", raising=False)
    monkeypatch.setenv("EMPTY", "")
    (tmp_path / "large").write_bytes(b"x" * (MAX_SECRET + 1))
    (tmp_path / "empty").write_bytes(b"\n")
    told = {}
    for kind, name in (("env", "NOT_THERE"), ("env", "EMPTY"), ("file", "none"), ("file", "empty"), ("file", "large")):
        with pytest.raises(SecretError) as caught:
            reveal.reveal(SecretReference(kind, name))
        told[kind, name] = str(caught.value)
    assert told == {
        ("env", "NOT_THERE"): "the environment has no NOT_THERE",
        ("env", "EMPTY"): "env:EMPTY is empty",
        ("file", "none"): "none can't be read: No such file or directory",
        ("file", "empty"): "file:empty is empty",
        ("file", "large"): "file:large has more than 65536 bytes",
    }
