"""Load by HTTP/2: one ``h2load`` process that keeps as many requests under way as ``wrk``, on fewer connections."""

from __future__ import annotations

import re
import resource
import subprocess
from pathlib import Path

from bench.errors import BenchError
from bench.load import CONNECTIONS, HOST, Load, Request
from bench.processes import last_lines, running_on

STREAMS = 4
"""Requests under way on each connection."""

_FINISHED = re.compile(r"^finished in ([0-9.]+)(us|ms|s),", re.MULTILINE)
_REQUESTS = re.compile(
    r"^requests: [0-9]+ total, [0-9]+ started, ([0-9]+) done, [0-9]+ succeeded, [0-9]+ failed, ([0-9]+) errored, "
    r"([0-9]+) timeout$",
    re.MULTILINE,
)
_STATUSES = re.compile(r"^status codes: [0-9]+ 2xx, [0-9]+ 3xx, ([0-9]+) 4xx, ([0-9]+) 5xx$", re.MULTILINE)
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


def run_http2(h2load: Path, request: Request, port: int, seconds: int, cpu: int) -> Load:
    """Load the proxy at 127.0.0.1:``port`` over TLS for whole ``seconds`` from ``cpu``.

    Raises:
        BenchError: h2load failed or hung, or HTTP/2 was not what was spoken.

    """
    argv = [str(h2load), "-t1", f"-c{CONNECTIONS // STREAMS}", f"-m{STREAMS}", f"-D{seconds}"]
    argv += ["-H", f":authority: {HOST}"]
    for name, value in request.headers.items():
        argv += ["-H", f"{name}: {value}"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        with running_on(cpu):
            done = subprocess.run(
                [*argv, f"https://127.0.0.1:{port}{request.path}"],
                capture_output=True,
                text=True,
                timeout=seconds + 15,
                check=False,
            )
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"h2load did not end within {seconds + 15} s") from error
    if done.returncode != 0:
        raise BenchError(f"h2load ended with {done.returncode}: {last_lines(done.stderr or done.stdout)}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return parse_summary(done.stdout, round(used, 3))


def parse_summary(output: str, cpu_seconds: float = 0.0) -> Load:
    """Read what h2load says at its end.

    Raises:
        BenchError: it is not there, or another protocol was spoken.

    """
    if "Application protocol: h2\n" not in output:
        raise BenchError("HTTP/2 was not negotiated")
    finished, requests = _FINISHED.search(output), _REQUESTS.search(output)
    statuses = _STATUSES.search(output)
    if finished is None or requests is None or statuses is None:
        raise BenchError(f"h2load said nothing of its result:\n{output[-1000:]}")
    return Load(
        requests=int(requests[1]),
        seconds=float(finished[1]) * _UNITS[finished[2]],
        refused=int(statuses[1]) + int(statuses[2]),
        broken=int(requests[2]) + int(requests[3]),
        cpu_seconds=cpu_seconds,
    )
