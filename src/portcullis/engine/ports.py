"""What the engine needs from outside: small protocols that the stores (and, in tests, fakes) implement."""

from __future__ import annotations

import errno
import math
import secrets
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from portcullis.engine.config.values import SecretReference
from portcullis.engine.identity import ANONYMOUS, Consumer, Identity
from portcullis.engine.key_limits import KeyLimits
from portcullis.engine.relations.checking import Work
from portcullis.engine.relations.model import RelationPath


class Clock(Protocol):
    """Time comes from outside, so that every test runs without sleeping."""

    def now_ns(self) -> int:
        """Nanoseconds of a clock that never goes back and that all workers of one machine share."""

    def wall_s(self) -> float:
        """Seconds since the Unix epoch."""


class Taken(msgspec.Struct, frozen=True):
    """The answer to one :meth:`Counters.take`.

    ``allowed``: the request conforms; ``remaining``: whole requests left right now;
    ``retry_after_ns``: until the next one would conform (0 if allowed);
    ``reset_after_ns``: until the full burst is available again.
    """

    allowed: bool
    remaining: int
    retry_after_ns: int
    reset_after_ns: int


class CounterStoreError(Exception):
    """The store could not answer. The caller of the store decides what that means (default: refuse)."""


class Counters(Protocol):
    """Exact rate counters, shared by every worker."""

    def take(self, key: bytes, interval_ns: int, burst: int, now_ns: int) -> Taken:
        """Take one request of the rate "one per ``interval_ns``, bursts of ``burst``" for ``key`` (GCRA).

        ``key`` is any byte string up to 512 bytes; it names one counter of one rate: who changes the rate changes
        the key. ``now_ns`` is of :meth:`Clock.now_ns`; readings may reach the store somewhat out of order. Raises
        :class:`CounterStoreError`.
        """

    def recall(self, key: bytes, now_ns: int) -> int:
        """The moment of :meth:`Clock.now_ns` until which something is remembered of ``key``; 0 if nothing is now.

        For counts that follow another rule than that of :meth:`take`: what the moment means, down to its last bits, is
        their own affair. Raises :class:`CounterStoreError`.
        """

    def replace(self, key: bytes, before: int, after: int, now_ns: int) -> bool:
        """Let ``after`` be the moment of ``key`` if it is still ``before``, as :meth:`recall` gave it; whether it was.

        A moment that is past forgets the key. Raises :class:`CounterStoreError`.
        """


class KeyGrant(msgspec.Struct, frozen=True):
    """What one API key grants. ``expires`` and ``not_after``: Unix seconds or ``None``.

    ``revoked``: refused from now on; kept so that the record can say so.
    ``not_after`` is the end of the overlap in which a rotated key still works. ``limits``: where it works, ``None`` for
    everywhere; ``environment``: what it is for (``live``, ``test``), empty for anything.

    Made from these, so that a request has nothing left to work out: ``identity``, the caller that the key
    proves, and ``usable_until``, the Unix time from which it is refused (0 if revoked, infinity if never).
    """

    id: str
    consumer: Consumer
    scopes: frozenset[str] = frozenset()
    expires: float | None = None
    revoked: bool = False
    not_after: float | None = None
    limits: KeyLimits | None = None
    environment: str = ""
    identity: Identity = ANONYMOUS
    usable_until: float = 0.0

    def __post_init__(self) -> None:
        identity = Identity("api_key", self.consumer.name, self.id, self.scopes, self.consumer)
        ends = [moment for moment in (self.expires, self.not_after) if moment is not None]
        msgspec.structs.force_setattr(self, "identity", identity)
        msgspec.structs.force_setattr(self, "usable_until", 0.0 if self.revoked else min(ends, default=math.inf))


class KeyDirectory(Protocol):
    """API keys by the SHA-256 digest of the key, as this worker knows them now."""

    def find(self, digest: bytes) -> KeyGrant | None:
        """The grant of the key with this digest (32 bytes), or ``None``. Never waits."""


class RelationStoreError(Exception):
    """The relations could not be read. Who asked refuses."""


class Relations(Protocol):
    """Who is what to which object, as it is known now: a change is seen by whoever asks after it was made."""

    def check(self, path: RelationPath, object_id: str, subject_id: str, work: Work) -> bool:
        """Whether the subject is related to the object by ``path``. Never waits for others.

        ``work``: what this and other checks may look at together. Raises :class:`RelationStoreError`, and where it
        can't be found out within the bounds :class:`~portcullis.engine.relations.checking.RelationLimitError` or
        :class:`~portcullis.engine.relations.checking.RelationWorkError`.
        """


class SourceFiles(Protocol):
    """Access to the files that the configuration names. Paths are relative to the configuration file."""

    def read(self, path: str) -> bytes:
        """The content of ``path``; raises ``OSError``."""

    def read_referred(self, path: str, document: str) -> bytes:
        """The content of ``path``, which a reference in the OpenAPI document ``document`` leads to.

        Raises ``OSError``, also (``EXDEV``) where a link leads it out of both the configuration file's folder and the
        document's: who writes a document may not make the gateway read, and quote, what else is on the machine.
        """

    def matching(self, glob: str) -> list[str]:
        """The regular files below the configuration file's folder that ``glob`` matches, sorted.

        ``*`` and ``?`` stand for text within one segment, ``**`` for any number of folders; hidden files are not
        matched by them. Raises ``FileNotFoundError`` where what stands before the first wildcard is not there, and
        ``OSError`` with a ``filename`` for one that is no regular file or that a link leads out of the folder.
        """

    def environment(self, name: str) -> str | None:
        """The value of an environment variable, for ``env:NAME`` secrets."""


class DocumentCache(Protocol):
    """Loaded OpenAPI documents by a digest of what they were loaded from. May forget whatever it likes."""

    def get(self, key: str) -> bytes | None:
        """What was put under ``key``; it is checked by whoever asks."""

    def put(self, key: str, data: bytes) -> None:
        """Keep ``data`` under ``key``, if that is possible."""


class Unanswered(Exception):  # noqa: N818 - it is an answer of its own
    """A question got no answer: the control process is away, too busy or failed. Who asked refuses."""


class Questions(Protocol):
    """What workers can't find out by themselves they ask the control process."""

    def ask(self, topic: str, question: bytes) -> Awaitable[bytes]:
        """The answer to ``question``. Raises :class:`Unanswered`, after some seconds at the latest."""


class Topics(Protocol):
    """What the control process knows and workers need, such as the keys of an issuer: pushed to them when it changes.

    Policies subscribe while they are compiled. A worker serves only once it was told the latest of every topic, as
    far as there is any; what somebody was never told of, he does not know, and refuses.
    """

    def subscribe(self, topic: str, apply: Callable[[bytes], None]) -> None:
        """Call ``apply`` with what is known of ``topic``, and again at every change.

        It raises ``ValueError`` for what it can't read, and keeps what it knew before.
        """


class SecretError(Exception):
    """A secret is not where the file says. The message names the place, never the secret."""


class Secrets(Protocol):
    """Secrets that the file refers to (``env:NAME``, ``file:PATH``), read once, while it is compiled."""

    def reveal(self, reference: SecretReference) -> bytes:
        """The secret; of a file, without the line break at its end. Raises :class:`SecretError`."""


class UnknownSecret(bytes):
    """Random bytes in the place of a secret that was not looked up; whoever wants more than bytes goes without."""

    __slots__ = ()


class UnknownSecrets:
    """Gives random bytes for every secret. For tests, and for where only something is looked up or checked."""

    def reveal(self, reference: SecretReference) -> bytes:  # noqa: ARG002
        """An :class:`UnknownSecret` of 64 bytes."""
        return UnknownSecret(secrets.token_bytes(64))


class NoFiles:
    """Has no file and no variable. For tests."""

    def read(self, path: str) -> bytes:
        """Raises ``FileNotFoundError``."""
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)

    def read_referred(self, path: str, document: str) -> bytes:  # noqa: ARG002
        """Raises ``FileNotFoundError``."""
        return self.read(path)

    def matching(self, glob: str) -> list[str]:
        """Raises ``FileNotFoundError``."""
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", glob)

    def environment(self, name: str) -> str | None:  # noqa: ARG002
        """Nothing."""
        return None


class NoRelations:
    """Knows of no relations, and so can't say that there are none. For tests, and for where nothing is decided."""

    def check(self, path: RelationPath, object_id: str, subject_id: str, work: Work) -> bool:  # noqa: ARG002
        """Raises :class:`RelationStoreError`."""
        raise RelationStoreError("there is no store of relations")


class NobodyToAsk:
    """Answers no question. For tests, and for where only something is looked up or checked."""

    async def ask(self, topic: str, question: bytes) -> bytes:  # noqa: ARG002
        """Raises :class:`Unanswered`."""
        raise Unanswered(topic)


class NothingTold:
    """Tells nothing of any topic. For tests, and for where only something is looked up or checked."""

    def subscribe(self, topic: str, apply: Callable[[bytes], None]) -> None:
        """Forget it."""


class Ports(msgspec.Struct, frozen=True):
    """The ports that policies are compiled against."""

    clock: Clock
    counters: Counters
    keys: KeyDirectory
    questions: Questions = NobodyToAsk()
    topics: Topics = NothingTold()
    secrets: Secrets = UnknownSecrets()
    files: SourceFiles = NoFiles()
    relations: Relations = NoRelations()
