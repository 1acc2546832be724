"""The examples on the pages, run as they stand there; see ``terminal``."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from rows import rows
from services import Made, Notes, Orders, Service, Told
from terminal import ROOT, Terminal, blocks

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="the pages call with curl, which is not installed")


class Page(NamedTuple):
    """A page below ``docs``: its ``service``, how many commands stand on it, and the paths that the service must see.

    ``least``: there are that many or more; ``seen``: ``None`` where the commands' output tells; ``batched``: see
    ``Terminal.follow``; ``needs``: a program that must be there.
    """

    name: str
    commands: int
    least: bool = False
    service: type[Notes] = Notes
    seen: list[str] | None = None
    batched: str = ""
    needs: str = ""


PAGES = [
    Page("quick-start.md", 10, least=True, seen=["/notes/", "/notes/?limt=5"]),
    Page(
        "authorization.md",
        12,
        least=True,
        service=Orders,
        seen=["/shop/v1/orders", "/shop/v1/orders/export"],
        batched="report",
    ),
    Page("tokens.md", 5, seen=["/notes/"]),
    Page("relations.md", 15, service=Made),
    Page("identity/users.md", 13),
    Page("identity/api-keys.md", 5),
    Page("identity/service-to-service.md", 6, batched="access.jsonl", needs="openssl"),
    Page("identity/which-method.md", 16, least=True, service=Told),
    Page("identity/token-service.md", 13, needs="openssl"),
]


class Followed(NamedTuple):
    """How many commands were typed, and what the service saw meanwhile."""

    typed: int
    seen: list[str]


def follow(page: Page, folder: Path) -> Followed:
    """Do in ``folder`` what ``page`` says, in front of a service of its own."""
    service = Service(page.service)
    terminal = Terminal(folder, {"8080": "0", "9901": "0", "9000": service.port})
    try:
        return Followed(terminal.follow(f"docs/{page.name}", page.batched), service.seen)
    finally:
        terminal.stop()
        service.stop()


@pytest.fixture(scope="module")
def followed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Followed]]]:
    """What comes of each page that is asked for. A page types one command after the other: so two at a time."""
    items: list[Any] = request.session.items
    pages = [item.callspec.params["page"] for item in items if request.fixturename in item.fixturenames]
    with ThreadPoolExecutor(2) as pool:
        yield {page.name: pool.submit(follow, page, tmp_path_factory.mktemp("page")) for page in pages}


@pytest.mark.parametrize("page", [pytest.param(page, id=page.name) for page in PAGES])
def test_a_page_does_what_it_says(page: Page, followed: dict[str, Future[Followed]]) -> None:
    if page.needs and shutil.which(page.needs) is None:
        pytest.skip(f"the page needs {page.needs}, which is not installed")
    done = followed[page.name].result()
    assert done.typed >= page.commands if page.least else done.typed == page.commands
    assert page.seen is None or done.seen == page.seen


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """A terminal beside a running demo, with its keys in the environment."""
    folder = tmp_path_factory.mktemp("demo")
    ports = ("--port", "0", "--admin-port", "0", "--api-port", "0")
    process = subprocess.Popen(
        [sys.executable, "-m", "portcullis", "demo", *ports], cwd=folder, stdout=subprocess.PIPE, text=True
    )
    terminal = Terminal(folder, {})
    assert process.stdout is not None
    for line in process.stdout:
        if match := re.search(r"http://127\.0\.0\.1:(\d+)/shop", line):
            terminal.ports["8080"] = match[1]
        if match := re.search(r"sample API +http://127\.0\.0\.1:(\d+)", line):
            terminal.ports["9000"] = match[1]
        if match := re.search(r"export (\w+)=(\w+)", line):
            terminal.environment[match[1]] = match[2]
        if line.startswith("Ctrl-C"):
            break
    yield terminal
    process.terminate()
    process.communicate(timeout=60)


@rows(("page", "least"), [("README.md", 2), ("docs/tutorial-closing-bola.md", 26)])
def test_a_page_beside_the_demo_does_what_it_says(demo: Terminal, page: str, least: int) -> None:
    assert demo.follow(page, batched="access.jsonl") >= least


def test_what_the_tutorial_shows_of_the_demos_file_is_in_it() -> None:
    file = (ROOT / "src" / "portcullis" / "demo" / "portcullis.yaml").read_text(encoding="utf-8")
    lines = {line.partition(" #")[0].rstrip() for line in file.splitlines()}
    for language, _, text in blocks("docs/tutorial-closing-bola.md"):
        if language == "yaml":
            assert set(text.splitlines()) <= lines


def test_every_configuration_on_a_page_is_one(tmp_path: Path) -> None:
    shutil.copy(ROOT / "src" / "portcullis" / "demo" / "bookshop.yaml", tmp_path)
    terminal = Terminal(tmp_path, {})
    for language, beside, text in blocks("README.md"):
        if language == "yaml" and not beside:
            terminal.write("portcullis.yaml", text)
            assert "no errors, no warnings" in terminal.type("portcullis check")
