"""Secrets from the environment and from files: :class:`~portcullis.engine.ports.Secrets`."""

from __future__ import annotations

from typing import Final

from portcullis.engine.config.values import SecretReference
from portcullis.engine.ports import SecretError, SourceFiles

MAX_SECRET: Final = 64 * 1024
"""Bytes of a secret; private keys are the largest."""


class SourceSecrets:
    """Reads them by way of ``files``; a relative ``file:`` is relative to the configuration file."""

    def __init__(self, files: SourceFiles) -> None:
        self._files = files

    def reveal(self, reference: SecretReference) -> bytes:
        """See :meth:`Secrets.reveal <portcullis.engine.ports.Secrets.reveal>`."""
        secret = self._of_environment(reference) if reference.kind == "env" else self._of_file(reference)
        if not secret:
            raise SecretError(f"{reference.kind}:{reference.name} is empty")
        if len(secret) > MAX_SECRET:
            raise SecretError(f"{reference.kind}:{reference.name} has more than {MAX_SECRET} bytes")
        return secret

    def _of_environment(self, reference: SecretReference) -> bytes:
        value = self._files.environment(reference.name)
        if value is None:
            raise SecretError(f"the environment has no {reference.name}")
        return value.encode("utf-8", "surrogateescape")

    def _of_file(self, reference: SecretReference) -> bytes:
        try:
            content = self._files.read(reference.name)
        except OSError as error:
            raise SecretError(f"{reference.name} can't be read: {error.strerror or error}") from error
        return content.removesuffix(b"\n").removesuffix(b"\r")
