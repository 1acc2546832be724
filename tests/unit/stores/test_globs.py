"""Files below a folder by a glob."""

from __future__ import annotations

from pathlib import Path

import pytest
from rows import rows

from portcullis.stores import globs
from portcullis.stores.globs import matching


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "conf"
    for path in ("p.yaml", "apis/b.yaml", "apis/a.yaml", "apis/A.YAML", "apis/.hidden.yaml", "apis/a.txt"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)
    for path in ("apis/deep/er/c.yaml", "apis/.git/d.yaml", "teams/x/api.yaml", "teams/y/api.yaml"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)
    (tmp_path / "outside.yaml").write_text("outside")
    return folder


@rows(
    ("glob", "found"),
    [
        ("apis/*.yaml", ["apis/a.yaml", "apis/b.yaml"]),
        ("apis/?.yaml", ["apis/a.yaml", "apis/b.yaml"]),
        ("apis/[ax].yaml", ["apis/a.yaml"]),
        ("apis/.*.yaml", ["apis/.hidden.yaml"]),
        ("apis/a.yaml", ["apis/a.yaml"]),
        ("*.yaml", ["p.yaml"]),
        ("*", ["p.yaml"]),
        ("teams/*/api.yaml", ["teams/x/api.yaml", "teams/y/api.yaml"]),
        (
            "**/*.yaml",
            ["apis/a.yaml", "apis/b.yaml", "apis/deep/er/c.yaml", "p.yaml", "teams/x/api.yaml", "teams/y/api.yaml"],
        ),
        ("apis/**/c.yaml", ["apis/deep/er/c.yaml"]),
        ("**/**/c.yaml", ["apis/deep/er/c.yaml"]),
        ("apis/*.json", []),
        ("*/x/*.yaml", ["teams/x/api.yaml"]),
        ("*/none/*.yaml", []),
        ("p.yaml/*.yaml", []),
    ],
)
def test_what_a_glob_matches(folder: Path, glob: str, found: list[str]) -> None:
    assert matching(folder, glob) == found


@rows("glob", ["none.yaml", "none/*.yaml", "apis/none/**/*.yaml"])
def test_what_stands_before_the_first_wildcard_has_to_be_there(folder: Path, glob: str) -> None:
    with pytest.raises(FileNotFoundError):
        matching(folder, glob)


def test_a_link_that_leads_out_is_an_error_and_not_a_match(folder: Path, tmp_path: Path) -> None:
    (folder / "apis" / "z.yaml").symlink_to(tmp_path / "outside.yaml")
    with pytest.raises(OSError, match="a link leads it out of the folder") as caught:
        matching(folder, "apis/*.yaml")
    assert caught.value.filename == "apis/z.yaml"
    (folder / "away").symlink_to(tmp_path)
    with pytest.raises(OSError, match="a link leads it out of the folder"):
        matching(folder, "away/*.yaml")


def test_a_link_that_stays_inside_is_fine(folder: Path) -> None:
    (folder / "apis" / "z.yaml").symlink_to(".hidden.yaml")
    assert matching(folder, "apis/z.yaml") == ["apis/z.yaml"]
    (folder / "now").symlink_to("teams")
    assert matching(folder, "now/x/*.yaml") == ["now/x/api.yaml"]


def test_the_folder_itself_may_be_reached_by_a_link(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to("conf")
    assert matching(tmp_path / "current", "apis/*.yaml") == ["apis/a.yaml", "apis/b.yaml"]


def test_links_in_circles_are_not_followed(folder: Path) -> None:
    (folder / "apis" / "deep" / "round").symlink_to(folder)
    assert matching(folder, "apis/**/c.yaml") == ["apis/deep/er/c.yaml"]


def test_what_is_no_regular_file_is_an_error(folder: Path) -> None:
    with pytest.raises(OSError, match="not a regular file"):
        matching(folder, "apis/deep")
    (folder / "apis" / "broken.yaml").symlink_to("nothing.yaml")
    with pytest.raises(OSError, match="not a regular file") as caught:
        matching(folder, "apis/*.yaml")
    assert caught.value.filename == "apis/broken.yaml"


def test_a_walk_is_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(globs, "MAX_ENTRIES", 5)
    with pytest.raises(OSError, match="more than 5 files"):
        matching(folder, "**/*.yaml")
