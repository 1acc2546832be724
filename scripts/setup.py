"""Set up ``.venv`` from the hashed locks: ``python3 scripts/setup.py runtime|dev``.

It runs on a bare Python 3.11 with pip, before anything else is installed, so it imports the standard library
alone. ``runtime`` is what the gateway needs, ``dev`` adds what tests and checks need. What is installed is
remembered by the digest of the locks: a second run with the same locks does nothing, and takes no network.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
OLDEST_PYTHON = (3, 11)
BOOTSTRAP = "requirements/bootstrap.txt"
LOCKS = {
    "runtime": (BOOTSTRAP, "requirements/runtime.txt"),
    "dev": (BOOTSTRAP, "requirements/dev.txt"),
}
SERVED_BY = {"runtime": ("runtime", "dev"), "dev": ("dev",)}
"""What an environment may have been set up for to serve a group."""


class Environment:
    """The virtual environment of one checkout, and what it was set up from."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.path = root / ".venv"
        self.python = self.path / "bin" / "python"

    def digest(self, group: str) -> str:
        """What an environment for ``group`` is made from: its locks, and how the project itself is installed."""
        import tomllib  # noqa: PLC0415 - an older Python must get as far as the message that it is too old

        project = tomllib.loads((self.root / "pyproject.toml").read_text(encoding="utf-8"))
        parts = [str(self.path), repr(project["build-system"]), repr(project["project"])]
        parts += [(self.root / name).read_text(encoding="utf-8") for name in LOCKS[group]]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def stamp(self, group: str) -> Path:
        """The file that remembers the digest ``group`` was set up from."""
        return self.path / f"set-up-{group}"

    def serves(self, group: str) -> bool:
        """Whether the environment already holds everything that ``group`` needs."""
        return self.python.exists() and any(
            stamp.is_file() and stamp.read_text(encoding="utf-8") == self.digest(name)
            for name in SERVED_BY[group]
            for stamp in [self.stamp(name)]
        )

    def create(self) -> None:
        """Make the environment with pip in it, or replace one of another interpreter."""
        if _runs(self.python):
            return
        say(f"creating {self.path.name} with Python {sys.version.split()[0]}")
        shutil.rmtree(self.path, ignore_errors=True)
        # Debian ships venv without ensurepip; pip itself can install into an environment that has none.
        venv.create(self.path, with_pip=importlib.util.find_spec("ensurepip") is not None)

    def pip(self) -> list[str]:
        """The command that is pip for this environment: its own, or that of the interpreter it was made with."""
        if _runs(self.python, "-m", "pip", "--version"):
            return [str(self.python), "-m", "pip"]
        if importlib.util.find_spec("pip") is None:
            fail("this Python has neither ensurepip nor pip; on Debian: apt-get install python3-venv, or python3-pip")
        return [sys.executable, "-m", "pip", "--python", str(self.python)]

    def install(self, group: str) -> None:
        """Install the locks of ``group`` and the project itself, nothing that a lock does not name by its hash."""
        for name in LOCKS:
            self.stamp(name).unlink(missing_ok=True)
        pip = self.pip()
        say(f"installing the resolver (uv) and the build backend from {BOOTSTRAP}")
        run([*pip, "install", "-qq", "--require-hashes", "--only-binary", ":all:", "-r", BOOTSTRAP], "pip could not")
        for name in LOCKS[group]:
            if name != BOOTSTRAP:
                say(f"installing {_pins(self.root / name)} packages from {name}, each checked against its hash")
                self._install_lock(pip, name)
        say("installing portcullis itself, editable")
        run([*pip, "install", "-qq", "--no-deps", "--no-build-isolation", "--editable", "."], "pip could not")
        self.stamp(group).write_text(self.digest(group), encoding="utf-8")

    def _install_lock(self, pip: list[str], lock: str) -> None:
        """By uv, which is quick; where it can't reach what pip's settings point to, by pip."""
        what = ["--require-hashes", "-r", lock]
        uv = [str(self.path / "bin" / "uv"), "pip", "install", "-q", "--python", str(self.python)]
        variables = {**os.environ, **settings_for_uv(pip)}
        if subprocess.run([*uv, *what], cwd=self.root, env=variables, check=False).returncode:
            say("uv could not; installing the same by pip")
            run([*pip, "install", "-qq", *what], "pip could not either")


def settings_for_uv(pip: list[str]) -> dict[str, str]:
    """Pip's settings on this machine that uv, which does not read them, has to be told by its own variables."""
    listing = subprocess.run([*pip, "config", "list"], capture_output=True, text=True, check=False).stdout
    settings = dict(line.split("=", 1) for line in listing.splitlines() if "=" in line)
    by_name = {key.rpartition(".")[2].replace("-", "_"): value.strip("'\"") for key, value in settings.items()}
    wanted = {"index_url": "UV_DEFAULT_INDEX", "cert": "SSL_CERT_FILE", "proxy": "ALL_PROXY"}
    return {
        variable: by_name[name] for name, variable in wanted.items() if name in by_name and variable not in os.environ
    }


def _pins(lock: Path) -> int:
    return sum(1 for line in lock.read_text(encoding="utf-8").splitlines() if "==" in line and line[0].isalnum())


def _runs(python: Path, *arguments: str) -> bool:
    """Whether the interpreter ``python`` is there and runs with ``arguments``."""
    command = [str(python), *(arguments or ("-c", ""))]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def run(command: list[str], complaint: str) -> None:
    """Run ``command`` in the project's folder; end the program with ``complaint`` where it fails."""
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    if code:
        fail(f"{complaint} (exit code {code}): {' '.join(command)}")


def say(text: str) -> None:
    """Tell what is being done; on standard error, so that a target's own output stays clean."""
    print(f"set-up: {text}", file=sys.stderr, flush=True)


def fail(text: str) -> NoReturn:
    """End the program: what is wrong, in one line."""
    say(text)
    raise SystemExit(2)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold a lock, so that two ``make`` side by side do not set up the same environment at once."""
    with path.open("w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def main(arguments: list[str]) -> int:
    """Set up for the group named by the one argument."""
    if len(arguments) != 1 or arguments[0] not in LOCKS:
        fail(f"usage: setup.py {'|'.join(LOCKS)}")
    if sys.version_info < OLDEST_PYTHON:
        fail(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}; say which: make PYTHON=python3.11 ...")
    environment = Environment(ROOT)
    with alone(ROOT / ".set-up.lock"):
        if not environment.serves(arguments[0]):
            environment.create()
            environment.install(arguments[0])
            say("done")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
