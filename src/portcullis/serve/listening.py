"""The listening sockets: opened once by the supervisor, inherited by every generation of workers.

Each worker has one of its own (``SO_REUSEPORT``). A socket that stays open keeps its queue of connections over reloads
and deaths of workers; closing one of several that share a port would reset the connections queued on it.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable
from typing import Final

from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.config.load import LoadedConfiguration
from portcullis.engine.config.model import Configuration
from portcullis.engine.config.values import Bind

ADMIN: Final = "admin"
"""The listener of the control process."""


class ListeningSockets:
    """All bound sockets, by listener and address. Nothing listens before a worker says so."""

    def __init__(self) -> None:
        self._sockets: dict[tuple[str, Bind], list[socket.socket]] = {}

    def open(self, configuration: Configuration, workers: int, loaded: LoadedConfiguration) -> None:
        """Bind what is not bound yet; all or nothing. Raises :class:`ConfigurationError`."""
        opened: list[tuple[tuple[str, Bind], list[socket.socket]]] = []
        errors = []
        for name, listener in configuration.listeners.items():
            key = (name, listener.bind)
            have = self._sockets.get(key, [])
            ours = any(bind == listener.bind for _, bind in self._sockets)
            try:
                if not ours:
                    _check_that_nobody_listens(listener.bind)
                more = _bind(listener.bind, (1 if name == ADMIN else workers) - len(have), have)
            except OSError as error:
                address = format_address(listener.bind)
                message = f"can't listen on {address}: {error.strerror}"
                errors.append(loaded.diagnostic(("listeners", name, "bind"), message, "choose a free address"))
            else:
                opened.append((key, more))
        if errors:
            for _, sockets in opened:
                for each in sockets:
                    each.close()
            raise ConfigurationError(errors)
        for key, sockets in opened:
            self._sockets.setdefault(key, []).extend(sockets)

    def of(self, configuration: Configuration, workers: int) -> dict[str, list[socket.socket]]:
        """The sockets that ``workers`` workers serve, by listener; the first for the first worker."""
        return {
            name: self._sockets[name, listener.bind][:workers]
            for name, listener in configuration.listeners.items()
            if name != ADMIN
        }

    def admin(self) -> list[socket.socket]:
        """The socket of the admin listener, if there is one."""
        return [each for (name, _), sockets in self._sockets.items() if name == ADMIN for each in sockets]

    def keep_only(self, configuration: Configuration, workers: int) -> None:
        """Close what no worker serves any more: removed listeners, and sockets of workers there are no more."""
        wanted = {(name, listener.bind) for name, listener in configuration.listeners.items()}
        for key, sockets in list(self._sockets.items()):
            keep = 0 if key not in wanted else 1 if key[0] == ADMIN else workers
            end_listening(sockets[keep:])
            del sockets[keep:]
            if not sockets:
                del self._sockets[key]

    def stop_listening(self) -> None:
        """Refuse new connections from now on; to be called when the workers accept none any more."""
        for (name, _), sockets in self._sockets.items():
            if name != ADMIN:
                end_listening(sockets)

    def addresses(self, configuration: Configuration) -> dict[str, str]:
        """Where each listener can be reached, as a URL."""
        result = {}
        for name, listener in configuration.listeners.items():
            scheme = "https" if listener.tls is not None else "http"
            host, port = self._sockets[name, listener.bind][0].getsockname()[:2]
            result[name] = f"{scheme}://{format_address((host, port))}"
        return result

    def close_inherited(self, but: list[socket.socket]) -> None:
        """In a child process: close its copies of all sockets it has no use for."""
        for sockets in self._sockets.values():
            for each in sockets:
                if each not in but:
                    each.close()

    def close(self) -> None:
        """Close everything."""
        for sockets in self._sockets.values():
            for each in sockets:
                each.close()
        self._sockets.clear()


def end_listening(sockets: Iterable[socket.socket]) -> None:
    """Close sockets so that nobody can connect to them any more, whoever else holds them."""
    for each in sockets:
        # Other processes hold the same socket; closing it here alone would leave it listening.
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RD)
        each.close()


def format_address(bind: Bind) -> str:
    """``host:port``, with brackets around an IPv6 address."""
    host, port = bind
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _check_that_nobody_listens(address: Bind) -> None:
    """Raise ``OSError`` if another process does: with ``SO_REUSEPORT`` it would get a part of our connections."""
    host, port = address
    if port:
        with socket.socket(_family(host), socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _bind(address: Bind, count: int, have: list[socket.socket]) -> list[socket.socket]:
    host, port = address
    if have:
        port = have[0].getsockname()[1]
    sockets: list[socket.socket] = []
    try:
        for _ in range(count):
            each = socket.socket(_family(host), socket.SOCK_STREAM)
            sockets.append(each)
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            each.bind((host, port))
            port = each.getsockname()[1]  # port 0: all workers share the one that the system chose
    except OSError:
        for each in sockets:
            each.close()
        raise
    return sockets
