"""Commands of the command line, as a user types them, but in processes whose imports have been done before.

Those are most of what a command costs, and suites type hundreds. So one process imports what commands need and forks
for each of them: it gets its own folder, environment, standard input and exit status, and runs ``main`` as
``python -m portcullis`` does.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from contextlib import ExitStack
from pathlib import Path
from typing import Any

PRELOADED = ("check", "explain", "keys", "relations", "report", "tokens", "users")
END_SECONDS, COMMAND_SECONDS = 30, 120


class Commands:
    """The process that forks; it is started when the first command is typed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="commands-")
        self._address = f"{self._folder.name}/line"

    def run(self, directory: Path, *arguments: str, say: str = "") -> subprocess.CompletedProcess[str]:
        """Type ``portcullis`` with ``arguments`` in ``directory``; ``say``: its standard input."""
        request = {"directory": str(directory), "arguments": arguments, "say": say, "environment": dict(os.environ)}
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(COMMAND_SECONDS)
            line.connect(self._started())
            line.sendall(json.dumps(request).encode())
            line.shutdown(socket.SHUT_WR)
            status, output, errors = json.loads(_all_of(line))
        return subprocess.CompletedProcess(["portcullis", *arguments], status, output, errors)

    def stop(self) -> None:
        """End the process; what it has forked ends by itself."""
        if self._process is not None:
            self._process.communicate(timeout=END_SECONDS)
            self._process = None
        self._folder.cleanup()

    def _started(self) -> str:
        with self._lock:
            if self._process is None:
                command = [sys.executable, __file__, self._address]
                process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                assert process.stdout is not None
                assert process.stdout.readline() == b"ready\n"
                self._process = process
            return self._address


COMMANDS = Commands()
portcullis = COMMANDS.run


def _serve(address: str) -> None:
    """Fork for whoever connects, until standard input ends."""
    from portcullis.cli import main as command_line

    for name in PRELOADED:
        command_line.load_command(name)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(64)
        print("ready", flush=True)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        while _has_connection(listener):
            line, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                line.sendall(json.dumps(_run(json.loads(_all_of(line)))).encode())
                os._exit(0)
            line.close()


def _has_connection(listener: socket.socket) -> bool:
    ready, _, _ = select.select([listener, sys.stdin], [], [])
    return listener in ready


def _run(request: dict[str, Any]) -> tuple[int, str, str]:
    """The exit status, the output and the errors of a command in a child of this process."""
    with ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
        files[0].write(request["say"].encode())
        files[0].seek(0)
        child = os.fork()
        if child == 0:
            signal.alarm(COMMAND_SECONDS)
            for number, file in enumerate(files):
                os.dup2(file.fileno(), number)
            os._exit(_main(request))
        _, status = os.waitpid(child, 0)
        files[1].seek(0)
        files[2].seek(0)
        return os.waitstatus_to_exitcode(status), files[1].read().decode(), files[2].read().decode()


def _main(request: dict[str, Any]) -> int:
    from portcullis.cli.main import main

    os.chdir(request["directory"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = ["portcullis", *request["arguments"]]
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115 - until the end
    try:
        main()
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
    except BaseException:  # noqa: BLE001 - as the interpreter does it
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return status


def _all_of(line: socket.socket) -> bytes:
    pieces = []
    while piece := line.recv(1 << 16):
        pieces.append(piece)
    return b"".join(pieces)


if __name__ == "__main__":
    _serve(sys.argv[1])
