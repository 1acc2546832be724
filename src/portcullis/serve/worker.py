"""A worker: one process, one loop, one share of the traffic."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import ssl
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
import uvloop

from portcullis.control.tls_contexts import ask_by, live_revocations
from portcullis.engine.address_lists import AddressLists
from portcullis.engine.config.listeners import ListenerConfig
from portcullis.engine.config.references import ADMIN
from portcullis.engine.snapshot import Snapshot
from portcullis.mounts.acme_challenges import AcmeChallenges, ChallengeConnection, HelloReader, MakeProtocol
from portcullis.mounts.admission import Admission, ConnectionCounts, Gate
from portcullis.mounts.certificate_inquiry import renew_all
from portcullis.mounts.client_certificates import CLIENT_CERTIFICATE, RefusedClients, end_revoked
from portcullis.mounts.deadlines import SWEEP_SECONDS
from portcullis.mounts.failed_handshakes import FailedHandshakes
from portcullis.mounts.proxy_protocol import ProxyListener, ProxyProtocol
from portcullis.mounts.reverse_proxy.downstream import DownstreamConnection
from portcullis.mounts.reverse_proxy.downstream_http2 import Http2Connection
from portcullis.mounts.reverse_proxy.gateway import Gateway, Listener
from portcullis.mounts.reverse_proxy.negotiation import Connect, NegotiatedConnection, UndecidedConnection
from portcullis.mounts.server_names import without_unreadable_names
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
    challenges: AcmeChallenges
    questions: PendingQuestions
    workers_socket: Path
    index: int
    generation: int


def run_worker(parts: WorkerParts, template: Link) -> None:
    """The body of a worker process; returns when it has drained."""
    # What requests leave behind is mostly freed at once. A large body is no reason to look at it ten times over.
    gc.set_threshold(50_000, 20, 100)
    sys.unraisablehook = without_unreadable_names(sys.unraisablehook)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(Worker(parts, template).run())


class Worker:
    """Serves until told to drain, or until its template is gone."""

    def __init__(self, parts: WorkerParts, template: Link) -> None:
        self.parts = parts
        self.template = template
        self.gates: list[Gate] = []
        self.failed_handshakes: Counter[str] = Counter()
        self._inquires = False
        self.passed_on: list[ProxyListener] = []
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
        gateway = Gateway(parts.snapshot, parts.upstream_tls, channel, time.monotonic_ns, time.time, parts.challenges)
        for live in live_revocations(parts.listener_tls).values():
            live.changed = partial(_end_revoked, gateway)
        self._inquires = ask_by(parts.listener_tls, parts.questions)
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
        if servers:
            self.template.send(Message("retired"))
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
        waits = any(gate.open for gate in self.gates) or any(listener.waiting for listener in self.passed_on)
        return waits and not self.stop.is_set()

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

    def _factory(self, gateway: Gateway, name: str, config: ListenerConfig) -> Callable[[], asyncio.Protocol]:
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
            make = partial(_plain, gateway, listener, gate)
        else:
            failed = FailedHandshakes(self.failed_handshakes, RefusedClients(name).note)
            usual = partial(_secure, gateway, listener, context, failed)
            make = partial(_greeted if self._may_prove(name) else _admitted, gateway, listener, gate, usual)
        if not config.proxy_protocol:
            return make
        passed_on = ProxyListener(name, config.proxy_protocol, gateway.deadlines, listener.header_ns)
        self.passed_on.append(passed_on)
        return partial(ProxyProtocol, make, passed_on)

    def _may_prove(self, listener: str) -> bool:
        """Whether an authority may have a name proven in a handshake with ``listener``."""
        managed = self.parts.snapshot.configuration.certificates.values()
        return listener != ADMIN and any(each.challenge == "tls-alpn-01" for each in managed)

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
                if self._inquires:
                    _look_again(gateway)

    def _send_tally(self, gateway: Gateway, channel: WorkerChannel) -> None:
        channel.send_tally(
            connections=len(gateway.connections),
            buffered=gateway.buffers.held,
            refused=sum(gate.refused for gate in self.gates),
            denied=sum(gate.denied for gate in self.gates),
            handshakes=self.failed_handshakes,
            http2_faults=gateway.http2_faults,
        )


def _end_revoked(gateway: Gateway) -> None:
    end_revoked((connection.transport for connection in list(gateway.connections)), gateway.wall())


def _look_again(gateway: Gateway) -> None:
    """Find out again about client certificates of which what is known soon runs out, and end what does not hold."""
    transports = [connection.transport for connection in gateway.connections]
    renew_all((transport.get_extra_info(CLIENT_CERTIFICATE) for transport in transports), gateway.wall())
    end_revoked(transports, gateway.wall())


def _plain(gateway: Gateway, listener: Listener, gate: Gate) -> asyncio.Protocol:
    kind: Connect = DownstreamConnection
    if "h2" in listener.protocols:
        kind = UndecidedConnection if "http/1.1" in listener.protocols else Http2Connection
    return kind(gateway, listener, Admission(gate))


def _admitted(_gateway: Gateway, _listener: Listener, gate: Gate, make: MakeProtocol) -> asyncio.Protocol:
    return make(Admission(gate))


def _greeted(gateway: Gateway, listener: Listener, gate: Gate, make: MakeProtocol) -> asyncio.Protocol:
    """While a challenge is open the ClientHello is looked at first."""
    if not gateway.challenges.in_tls:
        return make(Admission(gate))
    deadlines, header_ns = gateway.deadlines, listener.header_ns

    def challenged(context: ssl.SSLContext, admission: Admission) -> asyncio.Protocol:
        above = ChallengeConnection()
        return TlsLayer(context, above, deadlines, header_ns, server_side=True, admission=admission)

    return HelloReader(gateway.challenges, make, challenged, deadlines, header_ns, Admission(gate))


def _secure(
    gateway: Gateway, listener: Listener, context: ssl.SSLContext, failed: FailedHandshakes, admission: Admission
) -> asyncio.Protocol:
    return TlsLayer(
        context,
        NegotiatedConnection(gateway, listener),
        gateway.deadlines,
        listener.header_ns,
        server_side=True,
        admission=admission,
        failed=failed.note,
        soon=gateway.soon,
    )
