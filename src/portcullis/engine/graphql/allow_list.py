"""Documents that may be asked with, where not every query may: by what they say, however it is written."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, parse, print_ast
from graphql.utilities import separate_operations

from portcullis.engine.config.diagnostics import ConfigurationError, Diagnostic


class AllowList:
    """The operations of some files. Raises :class:`ConfigurationError` for a file that is no GraphQL document.

    ``files``: their names and contents.
    """

    def __init__(self, files: Iterable[tuple[str, bytes]]) -> None:
        self._canonical: set[bytes] = set()
        self._by_hash: dict[str, str] = {}
        for name, content in files:
            self._add(name, content)

    def __contains__(self, canonical: bytes) -> bool:
        return canonical in self._canonical

    def text_of(self, sha256: str) -> str | None:
        """The document whose SHA-256 (in hex, of its file or as it is printed) a client names."""
        return self._by_hash.get(sha256)

    def _add(self, name: str, content: bytes) -> None:
        try:
            text = content.decode()
            document = parse(text, no_location=False)
        except UnicodeDecodeError:
            raise _wrong(name, 1, 1, "it is not UTF-8") from None
        except GraphQLError as error:
            at = error.locations[0] if error.locations else None
            raise _wrong(name, at.line if at else 1, at.column if at else 1, error.message) from None
        operations = list(separated(document))
        if not operations:
            raise _wrong(name, 1, 1, "there is no operation in it")
        for each in operations:
            self._canonical.add(digest_of(each))
            self._by_hash[digest_of(each).hex()] = each
        if len(operations) == 1:
            self._by_hash[hashlib.sha256(text.encode()).hexdigest()] = operations[0]
            self._by_hash[hashlib.sha256(text.strip().encode()).hexdigest()] = operations[0]


def separated(document: DocumentNode) -> Iterator[str]:
    """Each operation of ``document`` with the fragments that it needs, as text that is written one way only."""
    for name, each in separate_operations(document).items():
        if any(isinstance(node, OperationDefinitionNode) for node in each.definitions):
            yield canonical(document, name)


def canonical(document: DocumentNode, operation: str) -> str:
    """The operation of that name (``""`` for the one without) and its fragments, written one way only."""
    definitions = separate_operations(document)[operation].definitions
    return "\n\n".join(sorted(print_ast(each) for each in definitions))


def digest_of(text: str) -> bytes:
    """What of an operation is kept."""
    return hashlib.sha256(text.encode()).digest()


def _wrong(file: str, line: int, column: int, message: str) -> ConfigurationError:
    return ConfigurationError([Diagnostic(file, line, column, "", message, "a file with GraphQL operations")])
