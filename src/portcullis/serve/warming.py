"""Documents that are not in the cache, loaded by several processes at once.

A validator can't be handed from one process to another, but what a document was translated to can: so each child
compiles its share of the APIs, for the sake of the documents that it leaves in the cache. The template then compiles
everything from there. Errors are left for it to find: it knows the whole configuration.
"""

from __future__ import annotations

import contextlib
import os
import selectors
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import msgspec

from portcullis.engine.compile import compile_snapshot
from portcullis.engine.config.diagnostics import ConfigurationError
from portcullis.engine.config.load import LoadedConfiguration
from portcullis.engine.documents import Documents
from portcullis.engine.ports import DocumentCache, Ports, SourceFiles
from portcullis.serve.forking import fork
from portcullis.serve.settling import settle

MIN_BYTES: Final = 256 * 1024
"""Bytes of documents below which it is quicker to do it alone."""
MAX_PROCESSES: Final = 16


def warm(
    loaded: LoadedConfiguration,
    files: SourceFiles,
    ports: Ports,
    cache: DocumentCache,
    progress: Callable[[str], None],
    processes: int | None = None,
) -> int:
    """Put the documents of ``loaded`` that ``cache`` lacks there; says how many were missing.

    ``progress`` is told the name of each. Must be called from a process that has one thread.
    """
    missing = _missing(loaded, files, cache)
    count = min(processes or len(os.sched_getaffinity(0)), MAX_PROCESSES, len(missing))
    if count < 2 or sum(missing.values()) < MIN_BYTES:
        return 0
    _run([_part(loaded, share) for share in _shares(missing, count)], files, ports, cache, progress)
    return len(missing)


def _missing(loaded: LoadedConfiguration, files: SourceFiles, cache: DocumentCache) -> dict[str, int]:
    """Documents that are not in the cache, with their bytes."""
    documents = Documents(files, cache)
    found: dict[str, int] = {}
    for api in loaded.configuration.apis.values():
        for version in api.versions.values():
            with contextlib.suppress(OSError):
                if version.spec not in found and not documents.is_kept(version.spec):
                    found[version.spec] = len(files.read(version.spec))
    return found


def _shares(sizes: dict[str, int], count: int) -> list[set[str]]:
    """The documents divided among ``count`` processes, so that each has about as much to read."""
    shares: list[tuple[int, set[str]]] = [(0, set()) for _ in range(count)]
    for name, size in sorted(sizes.items(), key=lambda each: -each[1]):
        position = min(range(count), key=lambda each: shares[each][0])
        total, names = shares[position]
        names.add(name)
        shares[position] = (total + size, names)
    return [names for _, names in shares]


def _part(loaded: LoadedConfiguration, documents: set[str]) -> LoadedConfiguration:
    """The versions of ``loaded`` that are described by ``documents``."""
    apis = {}
    for name, api in loaded.configuration.apis.items():
        versions = {key: version for key, version in api.versions.items() if version.spec in documents}
        if versions:
            apis[name] = api.model_copy(update={"versions": versions})
    configuration = loaded.configuration.model_copy(update={"apis": apis})
    return msgspec.structs.replace(loaded, configuration=configuration)


def _run(
    parts: Sequence[LoadedConfiguration],
    files: SourceFiles,
    ports: Ports,
    cache: DocumentCache,
    progress: Callable[[str], None],
) -> None:
    children: list[int] = []
    with selectors.DefaultSelector() as waiting:
        for part in parts:
            reading, writing = os.pipe()
            try:
                children.append(fork("compiler", partial(_compile, part, files, ports, cache, writing)))
            except OSError:
                os.close(reading)
                continue  # what this one would have done the template does itself
            finally:
                os.close(writing)
            waiting.register(reading, selectors.EVENT_READ, bytearray())
        while waiting.get_map():
            for key, _ in waiting.select():
                if not _hear(key.fd, key.data, progress):
                    waiting.unregister(key.fd)
                    os.close(key.fd)
    for child in children:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(child, 0)


def _hear(descriptor: int, buffer: bytearray, progress: Callable[[str], None]) -> bool:
    """Pass on what a child says; ``False`` once it has ended."""
    data = os.read(descriptor, 65536)
    buffer += data
    *names, rest = bytes(buffer).split(b"\n")
    buffer[:] = rest
    for name in names:
        progress(name.decode("utf-8", "surrogateescape"))
    return bool(data)


def _compile(
    loaded: LoadedConfiguration, files: SourceFiles, ports: Ports, cache: DocumentCache, descriptor: int
) -> None:
    """The body of a child: compile, and say on ``descriptor`` what."""

    def say(name: str) -> None:
        settle()  # what was compiled before it
        with contextlib.suppress(OSError):
            os.write(descriptor, name.encode("utf-8", "surrogateescape") + b"\n")

    with contextlib.suppress(ConfigurationError):
        compile_snapshot(loaded, files, ports, say, cache)
