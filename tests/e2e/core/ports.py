"""Ports for programs that have to be told theirs beforehand."""

from __future__ import annotations

import itertools
import os
import random
import socket

FIRST, OF_A_PROCESS, PROCESSES = 10_000, 1_000, 20
_numbers = itertools.count(random.randrange(OF_A_PROCESS))


def free_port() -> int:
    """A port at which nobody listens, and which is given to no other test.

    It is none of those that the kernel gives by itself (32768 and above), and tests in other processes have ports of
    their own: gateways share a port that both were told, and would answer for each other.
    """
    process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % PROCESSES
    for number in itertools.islice(_numbers, OF_A_PROCESS):
        port = FIRST + process * OF_A_PROCESS + number % OF_A_PROCESS
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
    raise AssertionError("no port is free")
