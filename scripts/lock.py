"""Write ``requirements/*.txt`` from ``pyproject.toml``: every dependency by version and hash.

The locks name no index and no host: where packages come from is the machine's business, what they are is ours.
``--upgrade`` takes the newest versions; without it what is locked stays unless ``pyproject.toml`` forbids it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from setup import BOOTSTRAP, ROOT, Environment, alone, fail, say, settings_for_uv

OPTIONS = ["--generate-hashes", "--universal", "--python-version", "3.11", "-q"]
GROUPS = {
    BOOTSTRAP: ["--group", "bootstrap"],
    "requirements/runtime.txt": ["pyproject.toml"],
    "requirements/dev.txt": ["pyproject.toml", "--group", "dev", "-c", "requirements/runtime.txt"],
}


def resolver(environment: Environment) -> Path:
    """The uv of the environment; where there is no lock yet to install it from, the newest one."""
    environment.create()
    uv = environment.path / "bin" / "uv"
    if not uv.exists():
        say("installing the resolver (uv)")
        subprocess.run([*environment.pip(), "install", "-q", "--only-binary", ":all:", "uv"], check=True)
    return uv


def compile_lock(uv: Path, output: str, sources: list[str], flags: list[str], environment: dict[str, str]) -> None:
    """Resolve ``sources`` into the lock ``output``; a failure leaves the lock as it was."""
    target = ROOT / output
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / target.name
        if target.exists():
            written.write_bytes(target.read_bytes())
        command = [str(uv), "pip", "compile", *sources, *OPTIONS, *flags, "-o", str(written)]
        if subprocess.run(
            [*command, "--custom-compile-command", "make lock"], cwd=ROOT, env=environment, check=False
        ).returncode:
            fail(f"could not resolve {output}")
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(written.read_bytes())
    say(f"wrote {output}")


def main(arguments: list[str]) -> int:
    """Write all locks."""
    environment = Environment(ROOT)
    with alone(ROOT / ".set-up.lock"):
        uv = resolver(environment)
        variables = {**os.environ, **settings_for_uv(environment.pip())}
        for output, sources in GROUPS.items():
            compile_lock(uv, output, sources, arguments, variables)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
