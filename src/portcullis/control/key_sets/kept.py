"""The last good key set of each source on the disk, so that a gateway can start while an issuer is away.

Only public keys are in it, and only the gateway's user can write there: the state directory is its alone. What can't be
read is as good as not there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

import msgspec

from portcullis.engine.authentication.jose.key_set import read_key_set
from portcullis.engine.authentication.jose.key_source import KeySetUpdate, KeySource, encode_update
from portcullis.stores.private_files import write_private

FOLDER: Final = "key-sets"
MAX_BYTES: Final = 2 * 1024 * 1024


class _Kept(msgspec.Struct):
    """What a file holds. ``place`` is for people who look into it."""

    place: str
    fetched: float
    document: str


_decode = msgspec.json.Decoder(_Kept).decode


class KeptKeySets:
    """Key sets in ``state``, the state directory."""

    def __init__(self, state: Path) -> None:
        self._folder = state / FOLDER

    def load(self, source: KeySource, now: float) -> KeySetUpdate | None:
        """What was kept of ``source``; ``None`` if there is nothing, or nothing that can be read.

        ``now``, in Unix seconds: it was not fetched later, whatever the clock said then.
        """
        try:
            with self._path(source).open("rb") as file:
                kept = _decode(file.read(MAX_BYTES))
            document = kept.document.encode()
            read_key_set(document)
        except (OSError, ValueError):
            return None
        fetched = min(kept.fetched, now)
        return KeySetUpdate(document, fetched, fetched + source.keep)

    def save(self, source: KeySource, update: KeySetUpdate) -> None:
        """Keep ``update``, whole or not at all. Raises ``OSError``."""
        kept = _Kept(source.place, update.fetched, update.document.decode())
        write_private(self._path(source), msgspec.json.encode(kept))

    def prune(self, sources: Collection[KeySource]) -> None:
        """Forget all but ``sources``."""
        wanted = {self._path(source) for source in sources}
        with contextlib.suppress(OSError):
            for path in self._folder.iterdir():
                if path not in wanted:
                    path.unlink()

    def _path(self, source: KeySource) -> Path:
        return self._folder / f"{source.digest}.json"


class KeptTopics:
    """Tells of key sets what was kept of them: for commands that ask what a running gateway would do.

    Implements :class:`~portcullis.engine.ports.Topics`.
    """

    def __init__(self, state: Path, sources: Collection[KeySource], now: float) -> None:
        self._kept = KeptKeySets(state)
        self._now = now
        self._sources = {source.topic: source for source in sources}

    def subscribe(self, topic: str, apply: Callable[[bytes], None]) -> None:
        """Tell at once, if there is anything to tell."""
        source = self._sources.get(topic)
        update = None if source is None else self._kept.load(source, self._now)
        if update is not None:
            with contextlib.suppress(ValueError):
                apply(encode_update(update))
