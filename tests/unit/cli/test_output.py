"""How diagnostics and data are printed."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from portcullis.cli.output import lines_on, print_diagnostics, print_json, text_beside
from portcullis.engine.config.diagnostics import Diagnostic


def printed(*diagnostics: Diagnostic, text: str | None = None, terminal: bool = False) -> str:
    out = io.StringIO()
    console = Console(file=out, highlight=False, force_terminal=terminal, width=40)
    print_diagnostics(console, diagnostics, lambda _file: text)
    return out.getvalue()


def test_a_diagnostic_shows_its_line_with_a_caret_below_its_column() -> None:
    told = printed(Diagnostic("p.yaml", 2, 7, "a.b", "is wrong", "write it right"), text="a:\n  b: [x]\n")
    assert told == (
        "p.yaml:2:7: error: a.b: is wrong\n"
        "      2 |   b: [x]\n"
        "        |       ^\n"
        "  help: write it right\n"
        "\n"
    )  # fmt: skip


def test_without_the_file_only_the_words_are_there() -> None:
    told = printed(Diagnostic("p.yaml", 2, 7, "a.b", "is wrong", severity="warning"))
    assert told == "p.yaml:2:7: warning: a.b: is wrong\n\n"


def test_a_place_behind_the_end_is_no_failure() -> None:
    assert "^" in printed(Diagnostic("p.yaml", 1, 99, "", "ends too soon"), text="a: 'x")
    assert "^" not in printed(Diagnostic("p.yaml", 9, 1, "", "ends too soon"), text="a: 'x")


def test_long_messages_are_not_wrapped() -> None:
    assert printed(Diagnostic("p.yaml", 0, 0, "", "x" * 300)).splitlines()[0].endswith("x" * 300)


def test_of_a_long_line_the_part_around_the_place_is_shown() -> None:
    text = "a: [" + "x, " * 400 + "HERE" + ", y" * 100 + "]"
    shown = printed(Diagnostic("p.yaml", 1, text.index("HERE") + 1, "", "is wrong"), text=text).splitlines()
    assert len(shown[1]) < 200
    assert shown[1][shown[2].index("^") :].startswith("HERE")


def test_secrets_are_never_quoted() -> None:
    masked = printed(Diagnostic("p.yaml", 1, 1, "", "is wrong"), text="secret: hunter2")
    private = printed(Diagnostic("p.yaml", 1, 1, "", "is wrong", private=True), text="x: hunter2")
    assert "secret: ***" in masked
    assert "hunter2" not in masked + private


def test_nothing_printed_can_command_a_terminal() -> None:
    told = printed(Diagnostic("p.yaml", 1, 1, "a", "is \x1b[31mred", "\x07"), text="a: \x1b[2J\u202e")
    assert not any(character in told for character in "\x1b\x07\u202e")


def test_brackets_are_no_markup() -> None:
    assert "write it as a list: [bold]" in printed(Diagnostic("p.yaml", 0, 0, "", "x", "write it as a list: [bold]"))


def test_colours_are_for_terminals_only() -> None:
    diagnostic = Diagnostic("p.yaml", 1, 1, "a", "is wrong", "write it right")
    assert "\x1b[" in printed(diagnostic, text="a: 1", terminal=True)
    assert "\x1b[" not in printed(diagnostic, text="a: 1")


def test_files_are_read_beside_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbfa: \xff")
    assert text_beside(tmp_path)("a.yaml") == "a: \ufffd"
    assert text_beside(tmp_path)("b.yaml") is None


def test_json_is_one_document(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    print_json({"a": [Diagnostic("p.yaml", 1, 2, "x", "é")]})
    out = capsysbinary.readouterr().out
    assert json.loads(out)["a"][0]["message"] == "é"
    assert out.endswith(b"}\n")


def test_a_line_is_put_together_and_never_wrapped() -> None:
    out = io.StringIO()
    line = lines_on(Console(file=out, highlight=False, width=20))
    line("a [b] ", ("c" * 40, "bold red"), "  ")
    line()
    assert out.getvalue() == f"a [b] {'c' * 40}\n\n"
