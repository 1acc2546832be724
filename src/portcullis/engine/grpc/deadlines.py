"""How long a call may take, as its client says it (``grpc-timeout``)."""

from __future__ import annotations

import re
from typing import Final

_TIMEOUT = re.compile(rb"([0-9]{1,8})([HMSmun])")
_SECONDS: Final = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}


def read_timeout(value: bytes) -> float | None:
    """The seconds that ``value`` says; ``None`` if it is malformed."""
    match = _TIMEOUT.fullmatch(value)
    return None if match is None else int(match[1]) * _SECONDS[match[2]]


def write_timeout(seconds: float) -> bytes:
    """``seconds`` as the field has them: at most eight digits, so no finer than that allows."""
    for unit in (b"u", b"m", b"S", b"M"):
        count = round(seconds / _SECONDS[unit])
        if count < 10**8:
            return b"%d%b" % (count, unit)
    return b"99999999M"
