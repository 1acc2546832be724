"""The examples on a page, typed as they stand there: files are written, commands typed, and what they print compared.

A block ```` ```yaml title="x.yaml" ```` is a file. In a ```` ```console ```` block a line with ``$`` is a command, and
what follows must be its output. Compared are words, not columns; keys, ids and dates stand for any others. Ports
are replaced by free ones.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

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
BATCH_SECONDS = 10.0
"""How long what is written in batches may take to be there."""


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
    """What is compared of an output."""
    for pattern, replacement in VARIES:
        text = pattern.sub(replacement, text)
    return " ".join(text.split())


class Terminal:
    """Types the commands of a page into a folder of its own; ``ports`` maps the page's ports to ours."""

    def __init__(self, folder: Path, ports: dict[str, str]) -> None:
        self.folder = folder
        self.ports = ports
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": path, "COLUMNS": "100"}
        self.gateway: subprocess.Popen[str] | None = None

    def follow(self, page: str, batched: str = "") -> int:
        """Write the files of ``page`` and type its commands, each of which must print what it says; how many they are.

        A command with ``batched`` in it shows what is written in batches, and is typed again until that is there.
        """
        typed = 0
        for language, beside, text in blocks(page):
            if title := TITLE.search(beside):
                self.write(title[1], text)
            elif language == "console":
                for command, expected in commands(text):
                    self.type_and_compare(command, expected, bool(batched) and batched in command)
                    typed += 1
        return typed

    def type_and_compare(self, command: str, expected: str, is_batched: bool) -> None:
        """Type ``command``; it must print what is ``expected``."""
        until = time.monotonic() + BATCH_SECONDS
        printed = self.type(command)
        while is_batched and words(printed) != words(self.ours(expected)) and time.monotonic() < until:
            printed = self.type(command)
        assert words(printed) == words(self.ours(expected)), command

    def ours(self, text: str) -> str:
        """``text`` with our ports in it."""
        for theirs, port in self.ports.items():
            text = re.sub(rf"(?<=:){theirs}\b", port, text)
        return text

    def write(self, name: str, text: str) -> None:
        """Write a file of the page."""
        (self.folder / name).write_text(self.ours(text), encoding="utf-8")

    def type(self, command: str) -> str:
        """What ``command`` prints."""
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
        """Start the gateway; its ready line."""
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
        """The line of the gateway in which that stands."""
        assert self.gateway is not None
        assert self.gateway.stdout is not None
        said = []
        for line in self.gateway.stdout:
            if words_of_the_gateway in line:
                return line
            said.append(line)
        raise AssertionError("the gateway ended: " + "".join(said))

    def stop(self) -> None:
        """Stop the gateway, if there is one."""
        if self.gateway is not None:
            self.gateway.terminate()
            self.gateway.communicate(timeout=60)
