"""Load: one ``wrk`` process that repeats a request on kept connections as fast as the proxy answers."""

from __future__ import annotations

import json
import resource
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.errors import BenchError
from bench.processes import running_on

CONNECTIONS = 32
"""Kept connections, each with one request under way; enough to keep one core of any proxy busy."""

ANSWER_SECONDS = 10
"""How long an answer may take; longer, and it counts as broken."""

HOST = "shop.example"
"""Host field of all requests: every proxy picks its virtual host by it."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, the same for every contender but for its credential."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: str = ""

    def with_headers(self, more: Mapping[str, str]) -> Request:
        """The same request with further header fields."""
        return replace(self, headers={**self.headers, **more})

    def at(self, path: str) -> Request:
        """The same request for another path."""
        return replace(self, path=path)


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk counted in one run."""

    requests: int
    seconds: float
    refused: int
    """Answers with a status of 400 or more."""
    broken: int
    """Connections that could not be opened, read or written, and answers that did not come in time."""
    cpu_seconds: float = 0.0
    """CPU time that wrk itself used."""


_DONE = """
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    'wrk-result {"requests":%d,"micros":%d,"refused":%d,"broken":%d}\\n',
    summary.requests, summary.duration, e.status, e.connect + e.read + e.write + e.timeout))
end
"""

_IN_TURN = """
local requests, at = {}, 0
init = function()
  for number, path in ipairs(paths) do requests[number] = wrk.format(nil, path) end
end
request = function()
  at = at % #requests + 1
  return requests[at]
end
"""


def script_of(request: Request, paths: Sequence[str] = ()) -> str:
    """The wrk script (Lua) that sends ``request``, to each of ``paths`` in turn if there are any.

    Without them it has no ``request`` function of its own: wrk then builds the bytes once, and runs no Lua while it
    measures. With them all bytes are built before, and it takes the next.
    """
    lines = [f"wrk.method = {_lua(request.method)}", f"wrk.path = {_lua(request.path)}"]
    lines += [f"wrk.headers[{_lua(name)}] = {_lua(value)}" for name, value in {"Host": HOST, **request.headers}.items()]
    if request.body:
        lines.append(f"wrk.body = {_lua(request.body)}")
    if paths:
        lines.append(f"local paths = {{{', '.join(map(_lua, paths))}}}{_IN_TURN}")
    return "\n".join(lines) + _DONE


def parse_result(output: str) -> Load:
    """Read the line that our script made wrk print.

    Raises:
        BenchError: it is not there.

    """
    for line in output.splitlines():
        if line.startswith("wrk-result "):
            found = json.loads(line.removeprefix("wrk-result "))
            seconds = found.pop("micros") / 1e6
            return Load(seconds=seconds, **found)
    raise BenchError(f"wrk said nothing of its result:\n{output[-1000:]}")


def run_wrk(wrk: Path, script: Path, url: str, seconds: int, cpu: int) -> Load:
    """Load the proxy at ``url`` for whole ``seconds`` from ``cpu``.

    Raises:
        BenchError: wrk failed or hung.

    """
    argv = [
        str(wrk),
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{seconds}s",
        f"--timeout={ANSWER_SECONDS}s",
        "-s",
        str(script),
        url,
    ]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        with running_on(cpu):
            done = subprocess.run(argv, capture_output=True, text=True, timeout=seconds + 15, check=False)
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"wrk did not end within {seconds + 15} s") from error
    if done.returncode != 0:
        raise BenchError(f"wrk ended with {done.returncode}: {done.stderr[-1000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return replace(parse_result(done.stdout), cpu_seconds=round(used, 3))


def _lua(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'
