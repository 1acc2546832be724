"""Where a compilation gets its OpenAPI documents from: loaded, or as they were loaded before.

The schema of a GraphQL API stands for the OpenAPI document of its one path, and a descriptor set for that of the
methods of a gRPC API.
"""

from __future__ import annotations

import hashlib
from functools import partial

from portcullis.engine.graphql import document as graphql
from portcullis.engine.graphql.schema import is_schema
from portcullis.engine.grpc import document as grpc
from portcullis.engine.grpc.descriptors import is_descriptor_set
from portcullis.engine.openapi.document import SpecDocument, load_document, restore_document
from portcullis.engine.ports import DocumentCache, SourceFiles


class Documents:
    """The documents that ``files`` hold, by way of ``cache`` if there is one."""

    def __init__(self, files: SourceFiles, cache: DocumentCache | None) -> None:
        self._files = files
        self._cache = cache
        self._kept: dict[str, tuple[str, int]] = {}

    def is_kept(self, source: str) -> bool:
        """Whether the cache has something for the document ``source`` as it is now. Raises ``OSError``."""
        return self._cache is not None and self._cache.get(_key(source, self._read(source))) is not None

    def load(self, source: str) -> SpecDocument:
        """The document that the configuration calls ``source``.

        Raises ``OSError`` if it can't be read, :class:`ConfigurationError` if it can't be used.
        """
        content = self._read(source)
        read = partial(self._files.read_referred, document=source)
        if self._cache is None:
            return load_document(source, content, read)
        key = _key(source, content)
        stored = self._cache.get(key)
        document = None if stored is None else restore_document(stored, source, content, read)
        kept = 0 if document is None else len(document.variants.translated)
        self._kept[source] = (key, kept)
        return document or load_document(source, content, read)

    def _read(self, source: str) -> bytes:
        content = self._files.read(source)
        if is_schema(source):
            return graphql.as_openapi(source, content)
        return grpc.as_openapi(source, content) if is_descriptor_set(source) else content

    def release(self, document: SpecDocument) -> None:
        """All is compiled that needs ``document``: keep what is new of it for the next time."""
        key, kept = self._kept.pop(document.source, ("", 0))
        if self._cache is not None and key and len(document.variants.translated) > kept:
            self._cache.put(key, document.dump())
        document.release()


def _key(source: str, content: bytes) -> str:
    """The name of a document's place in the cache: its file's name counts, since findings hold it."""
    return hashlib.sha256(b"%b\0%b" % (source.encode("utf-8", "surrogateescape"), content)).hexdigest()
