"""Loaded documents as bytes, so that one that has not changed need not be read and translated again.

All that a document holds once it is loaded is plain data: operations, translated schemas, and its files for the sake
of explanations. Only compiled checks are made anew. What was stored counts as long as it is whole, was stored by this
version of the program, and every file of the document is still the same.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Final

import msgspec

from portcullis import __version__
from portcullis.engine.config.diagnostics import Diagnostic
from portcullis.engine.openapi.bundle import ReadFile
from portcullis.engine.openapi.checks import Translated, Variant
from portcullis.engine.openapi.credentials import KeyPlaces
from portcullis.engine.openapi.field_marks import FieldMarks
from portcullis.engine.openapi.operations import SpecOperation
from portcullis.engine.openapi.sources import SourceState
from portcullis.engine.openapi.webhooks import SpecCall

FORMAT: Final = 3
"""Raised whenever the same document would be stored in another way."""

_DIGEST_SIZE: Final = hashlib.sha256().digest_size


class StoredDocument(msgspec.Struct, frozen=True):
    """What a loaded document consists of. ``program``: which version of which program stored it."""

    program: str
    version: str
    title: str
    base_path: str
    operations: tuple[SpecOperation, ...]
    webhooks: tuple[SpecCall, ...]
    keys: KeyPlaces
    field_marks: FieldMarks
    warnings: tuple[Diagnostic, ...]
    sources: SourceState
    translated: tuple[tuple[Variant, Translated], ...]


def program() -> str:
    """The version of what is stored: of the program, and of the way it stores."""
    return f"portcullis {__version__} {FORMAT}"


def to_bytes(stored: StoredDocument) -> bytes:
    """``stored`` as bytes, with their digest."""
    payload = msgspec.msgpack.encode(stored)
    return hashlib.sha256(payload).digest() + payload


def from_bytes(data: bytes, source: str, content: bytes, read: ReadFile) -> StoredDocument | None:
    """What :func:`to_bytes` made of the document ``source``, which has this ``content``; ``read`` gives other files.

    ``None`` if it is not whole, from another version, or of files that are not the same any more.
    """
    digest, payload = data[:_DIGEST_SIZE], data[_DIGEST_SIZE:]
    if hashlib.sha256(payload).digest() != digest:
        return None
    try:
        stored = _decoder().decode(payload)
    except (msgspec.MsgspecError, ValueError):
        return None
    if stored.program != program() or not _are_the_same(stored.sources, source, content, read):
        return None
    return stored


def _are_the_same(sources: SourceState, source: str, content: bytes, read: ReadFile) -> bool:
    if not sources.files or sources.files[0][1] != source:
        return False
    try:
        return all(
            hashlib.sha256(content if name == source else read(name)).hexdigest() == digest
            for name, digest in sources.digests.items()
        )
    except OSError:
        return False


@cache
def _decoder() -> msgspec.msgpack.Decoder[StoredDocument]:
    return msgspec.msgpack.Decoder(StoredDocument)
