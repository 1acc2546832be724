"""A worker: one process, one loop, one share of the traffic."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import ssl
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
import uvloop

from portcullis.engine.address_lists import AddressLists
from portcullis.engine.config.model import ListenerConfig
from portcullis.engine.snapshot import Snapshot
from portcullis.mounts.admission import Admission, ConnectionCounts, Gate
from portcullis.mounts.client_certificates import RefusedClients
from portcullis.mounts.deadlines import SWEEP_SECONDS
from portcullis.mounts.reverse_proxy.downstream import DownstreamConnection
from portcullis.mounts.reverse_proxy.gateway import Gateway, Listener
from portcullis.mounts.tls import TlsLayer
from portcullis.serve.link import Link, Message
from portcullis.serve.waiting import until
from portcullis.stores.frames import Hello
from portcullis.stores.questions import PendingQuestions
from portcullis.stores.topics import TopicSubscriptions
from portcullis.stores.worker_channel import FLUSH_SECONDS, TALLY_SECONDS, WorkerChannel

BACKLOG: Final = 2048
RETIRE: Final = signal.SIGUSR1
"""Tells a worker that the next generation serves; SIGTERM, that the gateway stops."""
DRAIN_POLL_SECONDS: Final = 0.02


class WorkerParts(msgspec.Struct, frozen=True, eq=False):
    """What a worker inherits from its template: all of it made before the fork.

    ``sockets``: this worker's own listening socket of each listener, by name; ``index``: of the worker among all
    that may live at a time, for the shared connection counts.
    """

    snapshot: Snapshot
    upstream_tls: Mapping[str, ssl.SSLContext]
    listener_tls: Mapping[str, ssl.SSLContext]
    sockets: Mapping[str, socket.socket]
    connection_counts: ConnectionCounts
    topics: TopicSubscriptions
    questions: PendingQuestions
    workers_socket: Path
    index: int
    generation: int


def run_worker(parts: WorkerParts, template: Link) -> None:
    """The body of a worker process; returns when it has drained."""
    # What requests leave behind is mostly freed at once. A large body is no reason to look at it ten times over.
    gc.set_threshold(50_000, 20, 100)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(Worker(parts, template).run())


class Worker:
    """Serves until told to drain, or until its template is gone."""

    def __init__(self, parts: WorkerParts, template: Link) -> None:
        self.parts = parts
        self.template = template
        self.gates: list[Gate] = []
        self.stop = asyncio.Event()
        self.retire = asyncio.Event()

    async def run(self) -> None:
        """Connect to control, learn what it knows, then accept. Raises what keeps it from going on."""
        loop = asyncio.get_running_loop()
        parts = self.parts
        loop.add_signal_handler(signal.SIGTERM, self.stop.set)
        loop.add_signal_handler(RETIRE, self.retire.set)
        loop.add_reader(self.template.fileno(), self._template_gone)
        hello = Hello(parts.index, parts.generation, os.getpid())
        channel = WorkerChannel(str(parts.workers_socket), hello, parts.topics, parts.questions)
        gateway = Gateway(parts.snapshot, parts.upstream_tls, channel, time.monotonic_ns, time.time)
        line = asyncio.create_task(channel.keep_connected(), name="the line to control")
        ticks = asyncio.create_task(self._tick(gateway, channel), name="deadlines")
        await until([line, ticks], channel.informed, self.stop, self.retire)
        servers: list[asyncio.Server] = []
        if not self._ends:
            servers = await self._listen(gateway)
            self.template.send(Message("ready"))
            await until([line, ticks], self.stop, self.retire)
        for server in servers:
            server.close()
        await self._drain(gateway)
        loop.remove_reader(self.template.fileno())
        ticks.cancel()
        self._send_tally(gateway, channel)
        line.cancel()
        await channel.close()

    @property
    def _ends(self) -> bool:
        return self.stop.is_set() or self.retire.is_set()

    @property
    def _shakes_hands(self) -> bool:
        """Whether connections were accepted that the gateway does not know yet, and somebody will still serve them."""
        return not self.stop.is_set() and any(gate.open for gate in self.gates)

    def _template_gone(self) -> None:
        """Nothing ever comes from the template but its end."""
        asyncio.get_running_loop().remove_reader(self.template.fileno())
        self.stop.set()

    async def _drain(self, gateway: Gateway) -> None:
        """Let exchanges end, for at most ``process.drain``; then break them off.

        Idle clients of a worker that retires may stay as long: a request may be on its way to it. So may those that
        are still shaking hands (TLS). Those of one that is to stop are sent away.
        """
        gateway.retire()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.parts.snapshot.configuration.process.drain
        while (gateway.connections or self._shakes_hands) and loop.time() < deadline:
            if self.stop.is_set():
                gateway.drain()
            await asyncio.sleep(DRAIN_POLL_SECONDS)
        if gateway.connections:
            gateway.drain()
            await asyncio.sleep(DRAIN_POLL_SECONDS)
            for connection in list(gateway.connections):
                connection.transport.abort()
            await asyncio.sleep(DRAIN_POLL_SECONDS)  # they learn that they are lost, and record it
        for pool in gateway.pools.values():
            pool.close()
        await asyncio.sleep(0)

    async def _listen(self, gateway: Gateway) -> list[asyncio.Server]:
        loop = asyncio.get_running_loop()
        servers = []
        for name, config in self.parts.snapshot.configuration.listeners.items():
            if name in self.parts.sockets:
                factory = self._factory(gateway, name, config)
                servers.append(await loop.create_server(factory, sock=self.parts.sockets[name], backlog=BACKLOG))
        return servers

    def _factory(self, gateway: Gateway, name: str, config: ListenerConfig) -> partial[asyncio.Protocol]:
        listener = Listener.of(name, config)
        gate = Gate(
            self.parts.connection_counts,
            self.parts.index,
            config.max_connections,
            config.max_connections_per_address,
            listener.trusted_proxies,
            AddressLists(config.allow, config.deny) if config.allow or config.deny else None,
        )
        self.gates.append(gate)
        context = self.parts.listener_tls.get(name)
        if context is None:
            return partial(_plain, gateway, listener, gate)
        return partial(_secure, gateway, listener, gate, context, RefusedClients(name))

    async def _tick(self, gateway: Gateway, channel: WorkerChannel) -> None:
        """What happens regularly: records go out, deadlines are looked at, counts are sent."""
        loop = asyncio.get_running_loop()
        next_sweep = next_tally = loop.time()
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            channel.flush()
            now = loop.time()
            if now >= next_sweep:
                next_sweep = now + SWEEP_SECONDS
                gateway.deadlines.sweep()
            if now >= next_tally:
                next_tally = now + TALLY_SECONDS
                self._send_tally(gateway, channel)

    def _send_tally(self, gateway: Gateway, channel: WorkerChannel) -> None:
        channel.send_tally(
            connections=len(gateway.connections),
            buffered=gateway.buffers.held,
            refused=sum(gate.refused for gate in self.gates),
            denied=sum(gate.denied for gate in self.gates),
        )


def _plain(gateway: Gateway, listener: Listener, gate: Gate) -> asyncio.Protocol:
    return DownstreamConnection(gateway, listener, Admission(gate))


def _secure(
    gateway: Gateway, listener: Listener, gate: Gate, context: ssl.SSLContext, refused: RefusedClients
) -> asyncio.Protocol:
    return TlsLayer(
        context,
        DownstreamConnection(gateway, listener),
        gateway.deadlines,
        listener.header_ns,
        server_side=True,
        admission=Admission(gate),
        failed=refused.note,
    )
