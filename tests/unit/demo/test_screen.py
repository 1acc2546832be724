from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from portcullis.demo.calls import CALLS
from portcullis.demo.check import Outcome
from portcullis.demo.processes import Site
from portcullis.demo.screen import show_calls, show_outcome, show_site

KEY = "pcl_" + "x" * 58


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=60)


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.chdir(tmp_path)
    keys = {"corner-shop": KEY, "night-reader": KEY, "back-office": KEY}
    return Site(tmp_path / ".demo", "http://127.0.0.1:1/shop/v1", "http://127.0.0.1:2", "http://127.0.0.1:3", keys)


def test_every_call_is_one_unbroken_line_however_narrow_the_screen(console: Console, site: Site) -> None:
    show_calls(console, site)
    lines = [line.strip() for line in shown(console).splitlines()]
    for call in CALLS:
        assert call.curl(site.public) in lines
    assert f"export SHOP_KEY={KEY}" in lines
    assert f"export READER_KEY={KEY}" in lines
    assert f"export CLERK_KEY={KEY}" in lines


def test_an_attack_is_told_with_its_place_in_owasps_list_and_what_the_api_gives_away(
    console: Console, site: Site
) -> None:
    show_calls(console, site)
    assert "Everybody's orders  200  API1:2023" in shown(console)
    assert "Without the gate the API says 200 and tells night-reader:" in shown(console)


def test_paths_are_told_as_seen_from_here(console: Console, site: Site) -> None:
    show_calls(console, site)
    assert "tail -n 1 .demo/access.jsonl | python3 -m json.tool" in shown(console)
    assert "explain -c .demo/portcullis.yaml 'POST /shop/v1/orders' -H" in shown(console)


def test_all_addresses_are_shown(console: Console, site: Site) -> None:
    show_site(console, site)
    for address in (site.public, site.api, site.admin):
        assert address in shown(console)


def test_an_outcome_shows_its_faults(console: Console) -> None:
    show_outcome(console, Outcome(CALLS[0], 200, ()))
    show_outcome(console, Outcome(CALLS[1], 500, ("status 500, not 201",)))
    assert "✓ Allowed" in shown(console)
    assert "status 500, not 201" in shown(console)
