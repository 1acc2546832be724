"""What is known of revocations, kept in the state directory: for commands, for those who renew, and for a restart.

One part of the control process writes the file; whoever wants to know reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from portcullis.engine.certificates.revocation import Finding
from portcullis.stores.private_files import write_private

FILE: Final = "certificate-revocations.json"
"""In the state directory."""
_decoder: Final = msgspec.json.Decoder(dict[str, Finding])


class KeptFindings:
    """What is kept in ``state``, the state directory: by the certificates' fingerprints (SHA-256, in hex)."""

    def __init__(self, state: Path) -> None:
        self.path = state / FILE
        self._stamp: tuple[int, int, int] | None = None
        self._latest: Mapping[str, Finding] = {}

    def latest(self) -> Mapping[str, Finding]:
        """All of them: the same object until the file changes. What can't be read is as good as not there."""
        try:
            status = self.path.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            if stamp != self._stamp:
                self._stamp, self._latest = stamp, {}
                self._latest = _decoder.decode(self.path.read_bytes())
        except (OSError, msgspec.MsgspecError):
            if self._latest:
                self._latest = {}
        return self._latest

    def keep(self, findings: Mapping[str, Finding]) -> None:
        """Write them anew. Raises ``OSError``."""
        write_private(self.path, msgspec.json.encode(findings))
