"""Certificates of listeners that are replaced while they serve.

Every handshake begins with the listener's first context, whose ticket keys all workers share, and which knows what is
asked of clients. A new certificate is a new context to which the first one hands over, as it does for names (SNI).
Loading it into the first context instead would leave an old certificate of another kind of key beside it, which
OpenSSL then still shows to some. Connections that are there go on with what they began with.
"""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Callable, Sequence

from portcullis.engine.certificates.messages import CertificateId, CurrentCertificate, decode, digest_of
from portcullis.mounts.server_names import ServerNames

MakeContext = Callable[[str], ssl.SSLContext]
"""Makes a context from the path of a file with certificate, chain and key."""

_log = logging.getLogger(__name__)


class CertificatePlace:
    """A place at which a listener shows a certificate.

    ``first``: the listener's first context; ``names``: of its contexts, where there are several; ``context``: the
    one of this place; ``make`` makes another.
    """

    __slots__ = ("_first", "_make", "_names", "context")

    def __init__(
        self, first: ssl.SSLContext, names: ServerNames | None, context: ssl.SSLContext, make: MakeContext
    ) -> None:
        self.context = context
        self._first = first
        self._names = names
        self._make = make

    def take(self, path: str, names: Sequence[str]) -> None:
        """Show what is in the file at ``path``, which is for ``names``. Raises ``OSError`` or ``ssl.SSLError``."""
        new = self._make(path)
        before, self.context = self.context, new
        if self._names is None:
            self._first.sni_callback = self._hand_over
            return
        self._names.replace(before, names, new)
        if before in (self._first, self._names.nameless):
            self._names.nameless = new

    def _hand_over(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = self.context


class LiveCertificates:
    """The places of all listeners by certificate. ``read`` gives a file's content, or raises ``OSError``."""

    def __init__(self, read: Callable[[str], bytes]) -> None:
        self._read = read
        self._places: dict[CertificateId, list[CertificatePlace]] = {}
        self._digests: dict[CertificateId, str] = {}

    def add(self, certificate: CertificateId, digest: str, place: CertificatePlace) -> None:
        """``place`` shows ``certificate`` from files with ``digest``, empty where there are none yet."""
        self._places.setdefault(certificate, []).append(place)
        self._digests[certificate] = digest

    def apply(self, known: bytes) -> None:
        """Take over what is told of :data:`.messages.TOPIC`. Raises ``ValueError`` where it can't be read."""
        for each in decode(known):
            if each.id in self._places and self._digests[each.id] != each.digest:
                self._replace(each)

    def _replace(self, current: CurrentCertificate) -> None:
        try:
            certificate, key = self._read(current.certificate), self._read(current.key)
            if digest_of(certificate, key) != current.digest:
                return  # somebody is writing them: it will be told again
            descriptor = os.memfd_create("certificate", os.MFD_CLOEXEC)
            with os.fdopen(descriptor, "wb") as file:
                file.write(certificate + b"\n" + key)
                file.flush()
                for place in self._places[current.id]:
                    place.take(f"/proc/self/fd/{descriptor}", current.names)
        except OSError as error:  # ssl.SSLError is one
            _log.warning("portcullis: %s can't be taken into use: %s", current.certificate, error)
        else:
            self._digests[current.id] = current.digest
