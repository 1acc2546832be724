"""What is revoked now, as a worker knows it: told by the control process, and looked at for whole chains.

Serial numbers are kept as they are told, in one sorted piece of 20 bytes each: a list of 100,000 takes 2 MB in a
worker, where a set of numbers would take 10.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from portcullis.engine.authentication.revocation import RevocationList, Status

if TYPE_CHECKING:
    from portcullis.engine.authentication.status_messages import CertificateStatus, OcspStatus

SERIAL_BYTES: Final = 20
"""RFC 5280 4.1.2.2: no serial number is longer."""
MAX_ANSWERS: Final = 20_000
"""Certificates of which answers are kept in a worker; the oldest goes first."""
EARLY_SECONDS: Final = 30.0
"""How long before an answer runs out it is asked for again, for connections that are open."""
_NOTHING: Final[tuple[OcspStatus, float]] = ("unknown", 0.0)
Unknown = Literal["refuse", "allow"]
Path = Sequence[tuple[bytes, int]]
"""Issuer (a name in DER) and serial number of each certificate of a chain, without the one that is trusted."""


class ToldList(msgspec.Struct, frozen=True, array_like=True):
    """One list: its ``issuer``, until when it holds, and the sorted serial numbers."""

    issuer: bytes
    until: float
    serials: bytes


encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[ToldList]).decode


class LiveRevocation:
    """Whose certificates hold. ``on_unknown``: what becomes of those about which nothing decides.

    ``changed`` is called after news, where it is set. ``asks``: where nothing is known the control process may find
    something out, and tells it here (:meth:`learn`).
    """

    def __init__(self, on_unknown: Unknown, *, asks: bool = False) -> None:
        self.changed: Callable[[], None] | None = None
        self.asks = asks
        self._allows_unknown = on_unknown == "allow"
        self._lists: dict[bytes, ToldList] = {}
        self._answers: dict[tuple[bytes, int], tuple[OcspStatus, float]] = {}

    def __repr__(self) -> str:
        return f"LiveRevocation(lists={len(self._lists)})"

    def apply(self, message: bytes) -> None:
        """Know what is told. Raises ``ValueError`` for what can't be read, and goes on with what was known."""
        self._lists = {each.issuer: each for each in _decode(message)}
        if self.changed is not None:
            self.changed()

    def learn(self, answers: Iterable[CertificateStatus]) -> None:
        """Know what authorities have answered about single certificates."""
        revoked = False
        for each in answers:
            key = each.issuer, int.from_bytes(each.serial)
            if len(self._answers) >= MAX_ANSWERS and key not in self._answers:
                del self._answers[next(iter(self._answers))]
            self._answers[key] = each.status, each.until
            revoked = revoked or each.status == "revoked"
        if revoked and self.changed is not None:
            self.changed()

    def status(self, path: Path, now: float) -> Status:
        """What is known of a chain: one revoked certificate is enough, and one of which nothing is known.

        A certificate is revoked if a list or its authority says so, and good if either says that and still holds.
        """
        worst: Status = "good"
        for issuer, serial in path:
            found = self._lists.get(issuer)
            said, until = self._answers.get((issuer, serial), _NOTHING)
            if said == "revoked" or (found is not None and _holds(found.serials, serial)):
                return "revoked"
            if (found is None or now >= found.until) and (said != "good" or now >= until):
                worst = "unknown"
        return worst

    def runs_out(self, path: Path, now: float) -> bool:
        """Whether what is known of a chain should be asked for again before it runs out."""
        for issuer, serial in path:
            found = self._lists.get(issuer)
            _, until = self._answers.get((issuer, serial), _NOTHING)
            if (found is None or now >= found.until) and until - now < EARLY_SECONDS:
                return True
        return False

    def refusal(self, path: Path, now: float) -> str:
        """Why a chain is refused; empty if it is not."""
        status = self.status(path, now)
        if status == "revoked":
            return "it has been revoked"
        if status == "good" or self._allows_unknown:
            return ""
        return "nothing holds now that says that it is good" if self.asks else "no list holds now"


def told(lists: Iterable[RevocationList]) -> bytes:
    """What workers are told of complete ``lists``."""
    return encode([ToldList(each.issuer, each.until, _packed(each.revoked)) for each in lists])


def _packed(serials: Iterable[int]) -> bytes:
    fitting = (each for each in serials if 0 <= each < 1 << 8 * SERIAL_BYTES)
    return b"".join(each.to_bytes(SERIAL_BYTES, "big") for each in sorted(fitting))


def _holds(packed: bytes, serial: int) -> bool:
    try:
        wanted = serial.to_bytes(SERIAL_BYTES, "big")
    except OverflowError:
        return False  # no list has it either
    count = len(packed) // SERIAL_BYTES
    at = bisect_left(range(count), wanted, key=lambda index: packed[index * SERIAL_BYTES : (index + 1) * SERIAL_BYTES])
    return at < count and packed[at * SERIAL_BYTES : (at + 1) * SERIAL_BYTES] == wanted
