"""Stand-ins for the ports."""

from __future__ import annotations

import errno
import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from portcullis.engine.ports import CounterStoreError, KeyGrant, RelationStoreError, Taken, Unanswered
from portcullis.engine.relations.checking import DIRECT, Work, is_related
from portcullis.engine.relations.model import RelationPath
from portcullis.engine.relations.tuples import RelationTuple, parse_tuple
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
        self._answer()
        return super().take(key, interval_ns, burst, now_ns)

    def recall(self, key: bytes, now_ns: int) -> int:
        """As :meth:`portcullis.engine.ports.Counters.recall`."""
        self._answer()
        return super().recall(key, now_ns)

    def replace(self, key: bytes, before: int, after: int, now_ns: int) -> bool:
        """As :meth:`portcullis.engine.ports.Counters.replace`."""
        self._answer()
        return super().replace(key, before, after, now_ns)

    def _answer(self) -> None:
        if self.broken:
            raise CounterStoreError("the store was told to be broken")


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

    def read_referred(self, path: str, document: str) -> bytes:
        """The content of ``path``: there are no links here."""
        del document
        return self.read(path)

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


class FakeRelations:
    """Relations in memory, by the words of their tuples. ``broken``: answer every check with an error."""

    def __init__(self, tuples: Iterable[str] = ()) -> None:
        self.tuples = set(map(parse_tuple, tuples))
        self.broken = False

    def check(self, path: RelationPath, object_id: str, subject_id: str, work: Work) -> bool:
        """As :meth:`portcullis.engine.ports.Relations.check`."""
        if self.broken:
            raise RelationStoreError("the store was told to be broken")

        def lookup(number: int, id_: str) -> Iterator[tuple[int, str]]:
            node = path.nodes[number]
            if any(RelationTuple(name, id_, path.kind, subject_id) in self.tuples for name in node.direct):
                yield DIRECT, ""
            for edge_number, edge in enumerate(node.edges):
                for each in sorted(self.tuples):
                    if (each.relation, each.object_id, each.kind) == (edge.relation, id_, edge.kind):
                        yield edge_number, each.subject_id

        return is_related(path, object_id, subject_id, lookup, work)


class FakeQuestions:
    """Somebody to ask. ``answers``: by topic, what answers a question; where there is nothing, nobody does.

    ``asked``: the questions, in order.
    """

    def __init__(self, answers: Mapping[str, Callable[[bytes], bytes]] | None = None) -> None:
        self.answers = dict(answers or {})
        self.asked: list[tuple[str, bytes]] = []

    async def ask(self, topic: str, question: bytes) -> bytes:
        """As :meth:`portcullis.engine.ports.Questions.ask`."""
        self.asked.append((topic, question))
        if topic not in self.answers:
            raise Unanswered(f"{topic}: nobody is there")
        return self.answers[topic](question)


def _matches(path: list[str], glob: list[str]) -> bool:
    return len(path) == len(glob) and all(map(fnmatchcase, path, glob))
