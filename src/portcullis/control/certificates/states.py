"""What is remembered of managed certificates between attempts: a small file beside each."""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec

from portcullis.engine.certificates.reading import UnreadableError, facts_of, read_chain
from portcullis.engine.certificates.renewal import Life, RenewalState
from portcullis.stores.private_files import write_private

_log = logging.getLogger(__name__)


class Held(msgspec.Struct, frozen=True):
    """The certificate that is there: its serial, when it holds, for which names; its SHA-256 (``fingerprint``)."""

    serial: str
    life: Life
    names: frozenset[str]
    fingerprint: str = ""


class CertificateFolder:
    """The folder of managed certificates; each with its key in one file that only its owner can read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, name: str) -> Path:
        """The file of the certificate ``name``."""
        return self._folder / f"{name}.pem"

    def account(self, authority: str) -> Path:
        """The file of the account with ``authority``."""
        return self._folder / "accounts" / f"{authority}.json"

    def held(self, name: str) -> Held | None:
        """The certificate that is there; ``None`` if there is none that can be used."""
        try:
            (first, *_) = read_chain(self.path(name).read_bytes())
            facts = facts_of(first)
        except (OSError, UnreadableError):
            return None
        life = Life(facts.not_before, facts.not_after)
        return Held(facts.serial, life, frozenset(facts.names), facts.fingerprint)

    def state(self, name: str) -> RenewalState:
        """What is remembered; nothing, where that can't be read."""
        try:
            return msgspec.json.decode(self._state(name).read_bytes(), type=RenewalState)
        except (OSError, msgspec.MsgspecError):
            return RenewalState()

    def remember(self, name: str, state: RenewalState) -> None:
        """Keep it. That it can't be kept is told, and hinders nothing."""
        path = self._state(name)
        try:
            write_private(path, msgspec.json.encode(state))
        except OSError as error:
            _log.warning("portcullis: %s can't be written: %s", path, error.strerror or error)

    def _state(self, name: str) -> Path:
        return self._folder / f"{name}.json"
