"""Stand-ins for the ports."""

from __future__ import annotations

import errno
import hashlib
import itertools
from collections.abc import Mapping
from fnmatch import fnmatchcase

from portcullis.engine.ports import CounterStoreError, KeyGrant, Taken
from portcullis.stores.local_counters import LocalCounters


class FakeClock:
    """A clock that stands still until it is moved. Implements :class:`portcullis.engine.ports.Clock`."""

    def __init__(self, now_ns: int = 1_000_000_000_000, wall_s: float = 1_780_000_000.0) -> None:
        self._now_ns = now_ns
        self._wall_s = wall_s

    def now_ns(self) -> int:
        """Nanoseconds."""
        return self._now_ns

    def wall_s(self) -> float:
        """Unix seconds."""
        return self._wall_s

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now_ns += round(seconds * 1e9)
        self._wall_s += seconds


class FakeCounters(LocalCounters):
    """Exact counters in a dictionary. ``broken``: answer every call with an error, as an unreachable store would."""

    def __init__(self) -> None:
        super().__init__()
        self.broken = False

    def take(self, key: bytes, interval_ns: int, burst: int, now_ns: int) -> Taken:
        """As :meth:`portcullis.engine.ports.Counters.take`."""
        if self.broken:
            raise CounterStoreError("the store was told to be broken")
        return super().take(key, interval_ns, burst, now_ns)


class FakeKeys:
    """API keys in a dictionary."""

    def __init__(self) -> None:
        self.grants: dict[bytes, KeyGrant] = {}

    def add(self, key: str, grant: KeyGrant) -> None:
        """Let ``key`` (the key itself) have ``grant``."""
        self.grants[hashlib.sha256(key.encode()).digest()] = grant

    def find(self, digest: bytes) -> KeyGrant | None:
        """As :meth:`portcullis.engine.ports.KeyDirectory.find`."""
        return self.grants.get(digest)


class FakeFiles:
    """Files in memory, by their paths. Implements :class:`portcullis.engine.ports.SourceFiles`.

    ``reads``: what was read, in order; ``variables``: the environment.
    """

    def __init__(self, files: Mapping[str, str | bytes], variables: Mapping[str, str] | None = None) -> None:
        self.files = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
        self.variables = dict(variables or {})
        self.reads: list[str] = []

    def read(self, path: str) -> bytes:
        """The content of ``path``."""
        self.reads.append(path)
        if path not in self.files:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        return self.files[path]

    def matching(self, glob: str) -> list[str]:
        """As :meth:`portcullis.engine.ports.SourceFiles.matching`, but that ``**`` stands for one folder."""
        segments = glob.split("/")
        plain = "/".join(itertools.takewhile(lambda segment: not set(segment) & set("*?["), segments))
        if plain and not any(f"{path}/".startswith(f"{plain}/") for path in self.files):
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", glob)
        return sorted(path for path in self.files if _matches(path.split("/"), segments))

    def environment(self, name: str) -> str | None:
        """The value of a variable."""
        return self.variables.get(name)


def _matches(path: list[str], glob: list[str]) -> bool:
    return len(path) == len(glob) and all(map(fnmatchcase, path, glob))
