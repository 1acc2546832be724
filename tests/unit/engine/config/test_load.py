"""From text to a sound configuration, whatever the text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic, TextDiagnostic
from portcullis.engine.config.load import LoadedConfiguration, load_configuration
from portcullis.engine.config.reader import lines
from portcullis.testing import FakeFiles

WORDS = (
    """null true 0 -1 1e9 999999999999999999999 x plan consumer authenticate: public: GET... {of: !!int &a *a [[[["""
)
FRAGMENTS = [
    *" \n\t[]{}'\"|>#%~?*:-\0é\ufeff\u2028",
    *WORDS.split(),
    "",
    "\n  ",
    ": ",
    "- ",
    "---\n",
    "<<: *a",
    "GET /x",
]


@pytest.fixture(scope="session")
def loaded(complete: str, beside: FakeFiles) -> LoadedConfiguration:
    return load_configuration(complete, "shop/f.yaml", beside)


def test_a_sound_file_is_read_with_its_values(loaded: LoadedConfiguration) -> None:
    api = loaded.configuration.apis["shop"]
    assert loaded.configuration.listeners["public"].bind == ("::", 8443)
    assert api.upstream.timeouts.connect == 0.5
    assert api.versions["v2"].max_body == 10 * 1024**2
    assert api.authenticate is not None
    assert api.authenticate.any_of == ["partners"]
    assert loaded.file == "shop/f.yaml"


def test_a_place_is_found_by_its_path(loaded: LoadedConfiguration, complete: str) -> None:
    line, column = loaded.locate(("apis", "shop", "upstream", "targets", 1))
    assert complete.splitlines()[line - 1][column - 1 :].startswith('"http://[::1]:1'[:12])


def line_of(complete: str, part: str) -> int:
    return next(number for number, line in enumerate(complete.splitlines(), 1) if part in line)


def test_a_diagnostic_is_made_for_a_path(loaded: LoadedConfiguration, complete: str) -> None:
    found = loaded.diagnostic(("apis", "shop", "hosts", 1), "is wrong", "write another")
    line = line_of(complete, "hosts: [api.shop.example")
    assert str(found) == f"shop/f.yaml:{line}:31: error: apis.shop.hosts[1]: is wrong (write another)"


def test_a_diagnostic_without_a_place_is_given_one(loaded: LoadedConfiguration, complete: str) -> None:
    without = Diagnostic("", 0, 0, "apis.shop.operations.POST /orders.limit.plan", "is wrong")
    placed = loaded.placed(without)
    assert (placed.file, placed.line, placed.column) == ("shop/f.yaml", line_of(complete, "limit: {plan: gold}"), 17)
    assert loaded.placed(placed) is placed


def test_a_diagnostic_about_a_part_of_a_text_is_given_the_place_of_that_part(complete: str, beside: FakeFiles) -> None:
    text = complete.replace(
        "    authorize: {}\n", "    authorize:\n      when: |\n        api.name == 'a' &&\n          b\n"
    )
    assert text != complete
    loaded = load_configuration(text, "shop/f.yaml", beside)
    line = line_of(text, "      when: |")
    for pointer in ("apis.shop.authorize.when", "apis.shop.authorize.when.rule"):
        placed = loaded.placed(TextDiagnostic("", 0, 0, pointer, "no b", offset=21))
        assert type(placed) is Diagnostic
        assert (placed.line, placed.column, placed.pointer) == (line + 2, 11, "apis.shop.authorize.when")
    nowhere = loaded.placed(TextDiagnostic("", 0, 0, "apis.shop.upstream", "no b", offset=21))
    assert (nowhere.line, nowhere.pointer) == (line_of(text, "    upstream:"), "apis.shop.upstream")


def test_all_errors_are_told_in_the_order_of_the_file(complete: str, beside: FakeFiles) -> None:
    broken = (
        complete.replace("workers: auto", "workers: x\n  workers: 1")
        .replace("by: consumer", "by: x")
        .replace("plan: gold", "plan: x")
    )
    with pytest.raises(ConfigurationError) as caught:
        load_configuration(broken, "f.yaml", beside)
    lines = [diagnostic.line for diagnostic in caught.value.diagnostics]
    assert lines == sorted(lines)
    assert len(lines) == 4


def test_required_parts_are_named() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_configuration("state: {}\n", "f.yaml")
    assert [d.message for d in caught.value.diagnostics] == ['"apis" is missing', '"listeners" is missing']


def read_or_refused(text: str) -> None:
    try:
        load_configuration(text, "f.yaml", FakeFiles({"apis/more.yaml": "apis: {}\n"}))
    except ConfigurationError as error:
        diagnostics = error.diagnostics
    else:
        return
    assert diagnostics
    assert all(diagnostic.message for diagnostic in diagnostics)
    assert all(0 <= diagnostic.line <= len(lines(text)) + 1 for diagnostic in diagnostics)


@given(st.text())
def test_no_text_fails_in_another_way(text: str) -> None:
    read_or_refused(text)


@st.composite
def mutants(draw: st.DrawFn, text: str) -> str:
    """``text`` with a few pieces replaced, moved, doubled or left out."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = start + draw(st.sampled_from([0, 1, 2, 5, 20, 200]))
        other = draw(st.integers(0, len(text)))
        moved = st.sampled_from([text[other : other + length] for length in (1, 10, 100)])
        doubled = st.sampled_from([text[start:end] * 2, text[start:end] * 3])
        piece = draw(st.one_of(st.sampled_from(FRAGMENTS), moved, doubled, st.text(max_size=5)))
        text = text[:start] + piece + text[end:]
    return text


COMPLETE = Path(__file__).with_name("complete.yaml").read_text(encoding="utf-8")


@pytest.mark.slow
@settings(max_examples=3 * settings.default.max_examples)
@given(mutants(COMPLETE))
@pytest.mark.slow
def test_a_mutated_file_is_read_or_refused(text: str) -> None:
    read_or_refused(text)
