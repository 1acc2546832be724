"""Pages made from the code: complete, readable, and found out when they are stale."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from portcullis.engine.codes import ENGINE_CODES
from portcullis.engine.config.model import Configuration
from portcullis.engine.config.shape import fields_of, sections
from portcullis.engine.inspection.pattern import all_patterns
from portcullis.engine.policy import all_policies

DOCSTRING = """\
Locks: a door that stays shut.

What
    It reads ``key`` (see :mod:`portcullis.engine.gcra` and :class:`~a.b.Door`).

    A second paragraph.

Why
    API1:2023.

Config
    None.

When it fails
    403 ``lock.shut``.

Example
    Shut:

    .. code-block:: yaml

        locks:
          front: {shut: true}

    That was it.
"""


@pytest.fixture(scope="module")
def docs(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("generate_docs")


@pytest.fixture(scope="module")
def pages(docs: ModuleType) -> dict[str, str]:
    return {path.as_posix(): text for path, text in docs.pages().items()}


def test_every_pattern_is_listed_with_what_it_finds(pages: dict[str, str]) -> None:
    page = pages["docs/reference/patterns.md"]
    for pattern in all_patterns():
        assert f"| `{pattern.id}` | {pattern.description} |" in page
    assert "| `crlf-101` | a header field after a line end | cookie, header, path, query |" in page
    assert "plain `{{name}}` is none (CWE-1336)." in page


def test_every_key_of_the_file_is_in_the_reference(pages: dict[str, str]) -> None:
    page = pages["docs/reference/configuration.md"]
    for path, model in sections(Configuration):
        _, _, after = page.partition(f"## `{'.'.join(path)}`\n" if path else "## The top level\n")
        section, _, _ = after.partition("\n## ")
        inherited = "It also takes the keys of" in section
        assert after, path
        assert inherited or all(f"| `{key}` |" in section for key in fields_of(model)), path


def test_links_of_the_reference_lead_to_its_sections(pages: dict[str, str]) -> None:
    page = pages["docs/reference/configuration.md"]
    anchors = {re.sub(r"[^\w\- ]", "", line[3:].lower()) for line in page.splitlines() if line.startswith("## ")}
    links = set(re.findall(r"\]\(#([^)]*)\)", page))
    assert links
    assert links <= anchors


def test_every_policy_has_a_page_with_all_headings(docs: ModuleType, pages: dict[str, str]) -> None:
    for policy in all_policies():
        page = pages[f"docs/policies/{policy.phase}/{policy.key}.md"]
        for heading in docs.HEADINGS:
            _, _, after = page.partition(f"\n## {heading}\n\n")
            assert after.partition("\n## ")[0].strip(), (policy.name, heading)
        assert all(f"`{probe.expects.name}`" in page for probe in policy.probes)
        assert f"({policy.phase}/{policy.key}.md)" in pages["docs/policies/index.md"]


def test_every_code_is_listed(pages: dict[str, str]) -> None:
    page = pages["docs/reference/codes.md"]
    for code in [*ENGINE_CODES, *(code for policy in all_policies() for code in policy.codes)]:
        assert f"| `{code.name}` | {code.status} |" in page
        assert f"| `{code.visible.name}` | {code.visible.status} |" in page


def test_no_page_holds_marks_of_docstrings(pages: dict[str, str]) -> None:
    for name, page in pages.items():
        assert not re.search(
            r"``(?!`)(?<!```)|:(mod|class|func|data|attr|meth):|code-block", page.replace("```", "")
        ), name


def test_a_docstring_becomes_sections(docs: ModuleType) -> None:
    summary, parts = docs.split_docstring(DOCSTRING)
    assert summary == "Locks: a door that stays shut."
    assert list(parts) == list(docs.HEADINGS)
    assert parts["What"] == "It reads `key` (see `gcra` and `Door`).\n\nA second paragraph."
    assert parts["Example"] == "Shut:\n\n```yaml\nlocks:\n  front: {shut: true}\n```\nThat was it."


def test_cells_are_on_one_line(docs: ModuleType) -> None:
    assert docs.cell("a\n  b | c") == "a b \\| c"


def test_written_pages_are_up_to_date_until_something_changes(
    docs: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert docs.main(["--check"], tmp_path) == 1
    assert "docs/reference/codes.md: missing" in capsys.readouterr().out
    assert docs.main([], tmp_path) == 0
    assert docs.main(["--check"], tmp_path) == 0
    (tmp_path / "docs/reference/codes.md").write_text("old", encoding="utf-8")
    (tmp_path / "docs/policies/limit/gone.md").write_text("old", encoding="utf-8")
    assert docs.main(["--check"], tmp_path) == 1
    out = capsys.readouterr().out
    assert "docs/reference/codes.md: not up to date" in out
    assert "docs/policies/limit/gone.md: made from nothing that is there" in out
    assert docs.main([], tmp_path) == 0
    assert not (tmp_path / "docs/policies/limit/gone.md").exists()


def test_wrong_usage_is_told(docs: ModuleType, tmp_path: Path) -> None:
    assert docs.main(["--chek"], tmp_path) == 2
    assert list(tmp_path.iterdir()) == []
