"""What all connections of one worker share: the snapshot, the pools, the budgets, and where records go."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from portcullis.engine.config.listeners import ListenerConfig
from portcullis.engine.record import Record
from portcullis.engine.snapshot import Snapshot
from portcullis.mounts.acme_challenges import AcmeChallenges
from portcullis.mounts.buffers import BufferBudget, Buffers, BufferShares
from portcullis.mounts.deadlines import Deadlines
from portcullis.mounts.forwarding import Network
from portcullis.mounts.http2.limits import Limits
from portcullis.mounts.outbox import Outbox
from portcullis.mounts.reverse_proxy.compressing import Encoders
from portcullis.mounts.reverse_proxy.pool import UpstreamPool
from portcullis.mounts.short_wait import ShortWait
from portcullis.mounts.trace import Identifiers

if TYPE_CHECKING:
    from portcullis.mounts.reverse_proxy.peer import Peer
    from portcullis.mounts.reverse_proxy.roles import ClientConnection


class Listener(msgspec.Struct, frozen=True, eq=False):
    """One listening address as its connections need it; deadlines in nanoseconds.

    ``reads_certificate``: trusted proxies name the client's certificate in a field (RFC 9440).
    """

    name: str
    scheme: str
    header_ns: int
    body_ns: int
    idle_ns: int
    max_header_bytes: int
    trusted_proxies: Sequence[Network] = ()
    redirect_port: int | None = None
    reads_certificate: bool = False
    protocols: tuple[str, ...] = ("http/1.1",)
    http2: Limits = Limits()

    @classmethod
    def of(cls, name: str, config: ListenerConfig) -> Listener:
        """The listener that ``config`` describes."""
        timeouts = config.timeouts
        return cls(
            name=name,
            scheme="https" if config.tls is not None else "http",
            header_ns=int(timeouts.header * 1e9),
            body_ns=int(timeouts.body * 1e9),
            idle_ns=int(timeouts.idle * 1e9),
            max_header_bytes=config.max_header_bytes,
            trusted_proxies=tuple(config.trusted_proxies),
            redirect_port=config.redirect_port if config.redirect is not None else None,
            reads_certificate=config.client_certificate_header is not None,
            protocols=config.spoken,
            http2=Limits(
                config.max_header_bytes,
                config.http2.max_concurrent_streams,
                config.http2.max_resets_per_minute,
                config.http2.max_control_frames_per_minute,
            ),
        )


class RecordSink(Protocol):
    """Where records go. Adding one never waits and never fails."""

    def add(self, record: Record) -> None:
        """Take a finished exchange's record."""


class Gateway:
    """One worker's share of the gateway.

    ``now``: nanoseconds of the shared monotonic clock; ``wall``: Unix seconds; ``http2_faults``: connections that were
    ended for a fault of their clients, by the code they were told; ``challenges``: by which an authority has names
    proven.
    """

    __slots__ = (
        "_shares",
        "_tasks",
        "buffers",
        "challenges",
        "connections",
        "deadlines",
        "draining",
        "encoders",
        "http2_faults",
        "identifiers",
        "now",
        "outbox",
        "pools",
        "records",
        "snapshot",
        "soon",
        "wall",
    )

    def __init__(
        self,
        snapshot: Snapshot,
        tls: Mapping[str, ssl.SSLContext],
        records: RecordSink,
        now: Callable[[], int],
        wall: Callable[[], float],
        challenges: AcmeChallenges | None = None,
    ) -> None:
        self.challenges = challenges or AcmeChallenges()
        configuration = snapshot.configuration
        self.snapshot = snapshot
        self.records = records
        self.now = now
        self.wall = wall
        self.identifiers = Identifiers()
        self.deadlines = Deadlines(now)
        self.outbox = Outbox()
        self.soon = ShortWait()
        process = configuration.process
        self.buffers = BufferBudget(process.buffer_memory)
        self._shares = BufferShares(self.buffers, process.memory_per_address)
        self.pools = {
            name: UpstreamPool(name, api.upstream, self.deadlines, self.outbox, tls.get(name))
            for name, api in configuration.apis.items()
        }
        self.connections: set[ClientConnection] = set()
        self.encoders = Encoders()
        self.http2_faults: Counter[str] = Counter()
        self.draining = False
        self._tasks: set[asyncio.Task[None]] = set()

    def buffers_of(self, peer: Peer) -> Buffers:
        """Where it is counted what is held for a client. Trusted proxies have no share: behind them are many."""
        return self.buffers if peer.trusted or not peer.address else self._shares.of(peer.address)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run ``work`` beside everything else: only steps that must wait need it."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def retire(self) -> None:
        """Keep no connection after its next answer. Idle ones are not closed: a request may be on its way to them."""
        self.draining = True
        for connection in list(self.connections):
            connection.retire()

    def drain(self) -> None:
        """Finish what is under way, and close every idle connection now."""
        self.draining = True
        for connection in list(self.connections):
            connection.drain()

    @property
    def busy(self) -> bool:
        """Whether a client is still connected."""
        return bool(self.connections)
