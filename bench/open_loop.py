"""Open-loop load: ``h2load`` sends HTTP/1.1 at its own pace, and logs when each request left and how long it took."""

from __future__ import annotations

import math
import resource
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError
from bench.load import HOST, Request
from bench.processes import last_lines, running_on


@dataclass(frozen=True, slots=True)
class Latencies:
    """What h2load logged after the warm-up."""

    microseconds: Sequence[int]
    """From the request's leaving to the end of its answer, of each."""
    statuses: Mapping[int, int]
    """How many answers had which status; -1 are those that did not come."""
    seconds: float
    """From the first of these requests to the last."""
    cpu_seconds: float = 0.0
    """CPU time that h2load itself used, warm-up included."""


def run_h2load(
    h2load: Path,
    request: Request,
    port: int,
    *,
    rate: float,
    connections: int,
    seconds: int,
    warm_up: int,
    log: Path,
    cpu: int,
) -> Latencies:
    """Send ``rate`` requests a second to 127.0.0.1:``port`` from ``cpu``, for ``warm_up`` and then ``seconds``.

    Connections are opened one a millisecond, so that their timers do not go off together.

    Raises:
        BenchError: h2load failed or hung.

    """
    log.unlink(missing_ok=True)  # h2load appends
    per_connection = math.ceil(rate / connections * (warm_up + seconds))
    argv = [str(h2load), "--h1", f"--log-file={log}", "-t1", f"-c{connections}", "-r1", "--rate-period=1ms"]
    argv += [f"-n{per_connection * connections}", f"--rps={rate / connections:.4f}", "-H", f":authority: {HOST}"]
    for name, value in request.headers.items():
        argv += ["-H", f"{name}: {value}"]
    if request.body:
        data = log.with_suffix(".body")
        data.write_text(request.body)
        argv += ["-d", str(data)]
    limit = connections / 1000 + warm_up + seconds + 30
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        with running_on(cpu):
            done = subprocess.run(
                [*argv, f"http://127.0.0.1:{port}{request.path}"],
                capture_output=True,
                text=True,
                timeout=limit,
                check=False,
            )
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"h2load did not end within {limit:.0f} s") from error
    if done.returncode != 0 or not log.exists():
        raise BenchError(f"h2load ended with {done.returncode}: {last_lines(done.stderr or done.stdout)}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    # connections that came last begin last and end last: what counts is when all are there, and none has ended
    with log.open() as lines:
        return parse_log(lines, connections / 1000 + warm_up, warm_up + seconds, used)


def parse_log(lines: Iterable[str], begin: float, end: float, cpu_seconds: float = 0.0) -> Latencies:
    """Read h2load's log (start in microseconds since the epoch, status, microseconds, separated by tabs).

    Args:
        lines: the log; ordered by the end of the answers.
        begin: seconds after the first request from which on they count.
        end: seconds after the first request from which on they count no more.
        cpu_seconds: what h2load used.

    Raises:
        BenchError: no request counts.

    """
    rows = [(int(start), int(status), int(took)) for start, status, took in (line.split("\t") for line in lines)]
    first = min((start for start, _, _ in rows), default=0)
    counted = [row for row in rows if begin * 1e6 <= row[0] - first < end * 1e6]
    if not counted:
        raise BenchError("h2load logged no request after the warm-up")
    statuses = Counter(status for _, status, _ in counted)
    return Latencies([took for _, _, took in counted], statuses, end - begin, cpu_seconds)


def with_omitted(microseconds: Sequence[int], interval: float) -> list[float]:
    """What all requests waited, those included that were due while their connection still waited for an answer.

    A connection that waits for ``n`` intervals delays ``n - 1`` requests, each by an interval less than the one before;
    this is how HdrHistogram corrects for it.
    """
    waits: list[float] = [float(each) for each in microseconds]
    for each in microseconds:
        waits.extend(each - interval * number for number in range(1, int(each // interval)))
    return waits


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least ``share`` of all do not exceed (nearest rank)."""
    ordered = sorted(values)
    return float(ordered[max(math.ceil(share * len(ordered)), 1) - 1])
