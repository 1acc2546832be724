"""The examples on the pages, run as they stand there: files are written, commands typed, and what they print compared.

A block ```` ```yaml title="x.yaml" ```` is a file. In a ```` ```console ```` block a line with ``$`` is a command, and
what follows must be its output. Compared are words, not columns; keys, ids and dates stand for any others. Ports
are replaced by free ones.
"""

from __future__ import annotations

import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from rows import rows

ROOT = Path(__file__).resolve().parents[3]
BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TITLE = re.compile(r'title="([^"]+)"')
KEY = re.compile(r"pcl_[0-9a-z]{8}_[0-9A-Za-z]{49}")
VARIES = (
    (KEY, "a-key"),
    (re.compile(r"\b([Kk]eys?) +[0-9a-z]{8}\b"), r"\1 an-id"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "an-id"),
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z"), "a-time"),
    (re.compile(r'"(us_\w+|credential)":("?)\w+("?)'), r'"\1":\2any\3'),
)

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="the pages call with curl, which is not installed")


def blocks(page: str) -> list[tuple[str, str, str]]:
    """The fenced blocks of a page: language, what stands beside it, text."""
    return BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))


def commands(text: str) -> Iterator[tuple[str, str]]:
    """The commands of a console block, each with the output that must follow."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        while command.endswith("\\"):
            more, _, output = output.partition("\n")
            command = f"{command}\n{more}"
        yield command, output


def words(text: str) -> str:
    for pattern, replacement in VARIES:
        text = pattern.sub(replacement, text)
    return " ".join(text.split())


class Notes(http.server.BaseHTTPRequestHandler):
    """The API that the quick start is about."""

    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[str]] = []
    content = b'["buy milk"]\n'

    def do_GET(self) -> None:
        self.seen.append(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        self.wfile.write(self.content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def notes_port() -> Iterator[int]:
    yield from served(Notes)


def served(handler: type[Notes]) -> Iterator[int]:
    """The port of a server with this handler, until the next step."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


class Terminal:
    """Types the commands of a page into a folder of its own; ``ports`` maps the page's ports to ours."""

    def __init__(self, folder: Path, ports: dict[str, str]) -> None:
        self.folder = folder
        self.ports = ports
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": path, "COLUMNS": "100"}
        self.gateway: subprocess.Popen[str] | None = None

    def ours(self, text: str) -> str:
        for theirs, port in self.ports.items():
            text = re.sub(rf"(?<=:){theirs}\b", port, text)
        return text

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(self.ours(text), encoding="utf-8")

    def type(self, command: str) -> str:
        if command == "portcullis serve":
            return self.serve()
        done = subprocess.run(
            ["bash", "-c", self.ours(command)],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        if match := KEY.search(done.stdout):
            self.environment["KEY"] = match[0]
        if command.startswith("kill -HUP"):
            self.wait_for("reloaded")
        return done.stdout

    def serve(self) -> str:
        self.gateway = subprocess.Popen(
            ["portcullis", "serve"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.environment["GATEWAY"] = str(self.gateway.pid)
        ready = self.wait_for("portcullis ready")
        public, admin = re.findall(r"https?://127\.0\.0\.1:(\d+)", ready)
        self.ports |= {"8080": public, "9901": admin}
        return ready

    def wait_for(self, words_of_the_gateway: str) -> str:
        assert self.gateway is not None
        assert self.gateway.stdout is not None
        said = []
        for line in self.gateway.stdout:
            if words_of_the_gateway in line:
                return line
            said.append(line)
        raise AssertionError("the gateway ended: " + "".join(said))

    def stop(self) -> None:
        if self.gateway is not None:
            self.gateway.terminate()
            self.gateway.communicate(timeout=60)


def test_the_quick_start_does_what_it_says(tmp_path: Path, notes_port: int) -> None:
    terminal = Terminal(tmp_path, {"8080": "0", "9901": "0", "9000": str(notes_port)})
    typed = 0
    try:
        for language, beside, text in blocks("docs/quick-start.md"):
            if title := TITLE.search(beside):
                terminal.write(title[1], text)
            elif language == "console":
                for command, expected in commands(text):
                    printed = terminal.type(command)
                    assert words(printed) == words(terminal.ours(expected)), command
                    typed += 1
    finally:
        terminal.stop()
    assert typed >= 10
    assert Notes.seen == ["/notes/", "/notes/?limt=5"]


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Terminal]:
    """A terminal beside a running demo, with its keys in the environment."""
    ports = ("--port", "0", "--admin-port", "0", "--api-port", "0")
    process = subprocess.Popen(
        [sys.executable, "-m", "portcullis", "demo", *ports], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    terminal = Terminal(tmp_path, {})
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
    typed = 0
    for language, _, text in blocks(page):
        if language == "console":
            for command, expected in commands(text):
                printed = demo.type(command)
                until = time.monotonic() + 10  # the log is written in batches
                while "access.jsonl" in command and words(printed) != words(expected) and time.monotonic() < until:
                    printed = demo.type(command)
                assert words(printed) == words(demo.ours(expected)), command
                typed += 1
    assert typed >= least


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


class Orders(Notes):
    """The API that the page on authorization is about."""

    seen: ClassVar[list[str]] = []
    content = b'["order 17"]\n'


@pytest.fixture
def orders_port() -> Iterator[int]:
    yield from served(Orders)


def test_the_page_on_authorization_does_what_it_says(tmp_path: Path, orders_port: int) -> None:
    terminal = Terminal(tmp_path, {"8080": "0", "9901": "0", "9000": str(orders_port)})
    typed = 0
    try:
        for language, beside, text in blocks("docs/authorization.md"):
            if title := TITLE.search(beside):
                terminal.write(title[1], text)
            elif language == "console":
                for command, expected in commands(text):
                    printed = terminal.type(command)
                    until = time.monotonic() + 10  # the log is written in batches
                    while "report" in command and words(printed) != words(expected) and time.monotonic() < until:
                        printed = terminal.type(command)
                    assert words(printed) == words(terminal.ours(expected)), command
                    typed += 1
    finally:
        terminal.stop()
    assert typed >= 12
    assert Orders.seen == ["/shop/v1/orders", "/shop/v1/orders/export"]


def test_the_page_on_tokens_does_what_it_says(tmp_path: Path, notes_port: int) -> None:
    terminal = Terminal(tmp_path, {"8080": "0", "9901": "0", "9000": str(notes_port)})
    typed = 0
    seen = len(Notes.seen)
    try:
        for language, beside, text in blocks("docs/tokens.md"):
            if title := TITLE.search(beside):
                terminal.write(title[1], text)
            elif language == "console":
                for command, expected in commands(text):
                    assert words(terminal.type(command)) == words(terminal.ours(expected)), command
                    typed += 1
    finally:
        terminal.stop()
    assert typed == 5
    assert Notes.seen[seen:] == ["/notes/"]


def _typed(terminal: Terminal, page: str) -> list[str]:
    """Write the files of ``page`` and type its commands; gives those, once all have printed what it says."""
    typed = []
    try:
        for language, beside, text in blocks(page):
            if title := TITLE.search(beside):
                terminal.write(title[1], text)
            elif language == "console":
                for command, expected in commands(text):
                    assert words(terminal.type(command)) == words(terminal.ours(expected)), command
                    typed.append(command)
    finally:
        terminal.stop()
    return typed


def test_the_page_on_users_does_what_it_says(tmp_path: Path, notes_port: int) -> None:
    terminal = Terminal(tmp_path, {"8080": "0", "9901": "0", "9000": str(notes_port)})
    assert len(_typed(terminal, "docs/identity/users.md")) == 13


def test_the_page_on_keys_does_what_it_says(tmp_path: Path, notes_port: int) -> None:
    terminal = Terminal(tmp_path, {"8080": "0", "9901": "0", "9000": str(notes_port)})
    assert len(_typed(terminal, "docs/identity/api-keys.md")) == 5


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the page makes certificates with openssl")
def test_the_page_on_services_does_what_it_says(tmp_path: Path, notes_port: int) -> None:
    terminal = Terminal(tmp_path, {"8080": "0", "9901": "0", "9000": str(notes_port)})
    typed = 0
    try:
        for language, beside, text in blocks("docs/identity/service-to-service.md"):
            if title := TITLE.search(beside):
                terminal.write(title[1], text)
            elif language == "console":
                for command, expected in commands(text):
                    printed = terminal.type(command)
                    until = time.monotonic() + 10  # the log is written in batches
                    while "access.jsonl" in command and words(printed) != words(expected) and time.monotonic() < until:
                        printed = terminal.type(command)
                    assert words(printed) == words(terminal.ours(expected)), command
                    typed += 1
    finally:
        terminal.stop()
    assert typed == 6


class Told(Notes):
    """The API that the page on methods is about: it says whom it was told of."""

    seen: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        told = self.headers.get_all("X-User", [])
        self.content = (json.dumps(["buy milk", *(f"for {user}" for user in told)]) + "\n").encode()
        super().do_GET()


@pytest.fixture
def told_port() -> Iterator[int]:
    yield from served(Told)


def test_the_page_on_methods_does_what_it_says(tmp_path: Path, told_port: int) -> None:
    terminal = Terminal(tmp_path, {"8080": "0", "9901": "0", "9000": str(told_port)})
    typed = 0
    try:
        for language, beside, text in blocks("docs/identity/which-method.md"):
            if title := TITLE.search(beside):
                terminal.write(title[1], text)
            elif language == "console":
                for command, expected in commands(text):
                    assert words(terminal.type(command)) == words(terminal.ours(expected)), command
                    typed += 1
    finally:
        terminal.stop()
    assert typed >= 16


def test_the_page_on_the_token_service_does_what_it_says(tmp_path: Path, notes_port: int) -> None:
    terminal = Terminal(tmp_path, {"8080": "0", "9901": "0", "9000": str(notes_port)})
    assert len(_typed(terminal, "docs/identity/token-service.md")) == 7


class Made(Notes):
    """The API that the page on relations is about: orders that do not say whose they are."""

    orders: ClassVar[list[dict[str, object]]] = []

    def do_GET(self) -> None:
        number = self.path.rpartition("/")[2]
        told = self.orders if number == "orders" else self.orders[int(number) - 1]
        self.content = json.dumps(told).encode()
        super().do_GET()

    def do_POST(self) -> None:
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.orders.append({"id": len(self.orders) + 1, **said})
        content = json.dumps(self.orders[-1]).encode()
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def made_port() -> Iterator[int]:
    yield from served(Made)


def test_the_page_on_relations_does_what_it_says(tmp_path: Path, made_port: int) -> None:
    terminal = Terminal(tmp_path, {"8080": "0", "9901": "0", "9000": str(made_port)})
    assert len(_typed(terminal, "docs/relations.md")) == 15
