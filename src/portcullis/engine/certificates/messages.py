"""How workers are told which certificate of a listener is in force: the topic, and what is said in it.

Keys never travel: a worker reads the files itself, and takes them only if they are the ones that were looked at.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

import msgspec

TOPIC: Final = "certificates"


class CertificateId(msgspec.Struct, frozen=True, array_like=True):
    """A certificate of the configuration: by the paths of its files as written there, or by its name."""

    certificate: str = ""
    key: str = ""
    managed: str = ""

    @property
    def name(self) -> str:
        """What it is called in logs and metrics."""
        return self.managed or self.certificate


class CurrentCertificate(msgspec.Struct, frozen=True, array_like=True):
    """``certificate``, ``key``: paths of PEM files; ``digest``: of both (:func:`digest_of`); ``names``."""

    id: CertificateId
    certificate: str
    key: str
    digest: str
    names: list[str]


_decoder: Final = msgspec.msgpack.Decoder(list[CurrentCertificate])


def digest_of(certificate: bytes, key: bytes) -> str:
    """By what one tells the contents of a pair of files from the next."""
    return sha256(sha256(certificate).digest() + sha256(key).digest()).hexdigest()


def encode(current: list[CurrentCertificate]) -> bytes:
    """What is told of :data:`TOPIC`: all that are in force."""
    return msgspec.msgpack.encode(current)


def decode(known: bytes) -> list[CurrentCertificate]:
    """The reverse. Raises ``ValueError``."""
    return _decoder.decode(known)
