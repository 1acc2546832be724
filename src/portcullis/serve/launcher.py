"""Starting a generation: its template process, with all that it inherits."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

from portcullis.control.state_paths import StatePaths
from portcullis.engine.config.load import LoadedConfiguration
from portcullis.serve.forking import fork_with_link
from portcullis.serve.generations import MAX_WORKERS, Generation, indices_of
from portcullis.serve.link import Link
from portcullis.serve.listening import ListeningSockets
from portcullis.serve.template import TemplateParts, run_template
from portcullis.stores.shared_memory import SharedMemory


class Launcher:
    """Starts templates of the gateway that is configured by ``file``.

    ``forget``: called in a child, lets go of all that is the supervisor's but for the sockets it is given.
    """

    def __init__(
        self,
        file: Path,
        paths: StatePaths,
        sockets: ListeningSockets,
        shared: SharedMemory,
        forget: Callable[[list[socket.socket]], None],
    ) -> None:
        self._file = file
        self._paths = paths
        self._sockets = sockets
        self._shared = shared
        self._forget = forget

    def launch(self, number: int, loaded: LoadedConfiguration, workers: int, slot: int, now: float) -> Generation:
        """Start generation ``number`` in ``slot``, which is free. Raises ``OSError`` if there can be no process."""
        for index in indices_of(slot, MAX_WORKERS):
            self._shared.connections.forget(index)  # whatever workers of a template that was killed have left behind
        parts = TemplateParts(
            loaded=loaded,
            file=self._file,
            workers_socket=self._paths.workers_socket,
            sockets=self._sockets.of(loaded.configuration, workers),
            indices=indices_of(slot, workers),
            shared=self._shared,
            generation=number,
        )

        def body(link: Link) -> None:
            self._forget([each for sockets in parts.sockets.values() for each in sockets])
            run_template(parts, link)

        process, link = fork_with_link("template", body)
        return Generation(number, process, link, workers, slot, loaded, now)
