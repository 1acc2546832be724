"""Walking through ids: one caller is refused many different objects in a short time.

Whoever asks for ``/orders/1``, ``/orders/2``, ``/orders/3`` ... and gets but his own is looking for somebody else's.
Asking ten times for the same object is a client that repeats itself, so it is different objects that count.

Two kinds of counters, both shared by all workers. Which objects were seen is kept by *buckets*: a digest of the object
chooses one of a fixed number, and the first object of a bucket in a period counts. That forgets no attack (of ``n``
objects nearly ``n`` buckets are hit, while ``n`` is small beside their number), and a caller that tries a million
objects takes no more room than these. The count itself is a rate: ``after`` objects at once, and as many in each
period; with the last of them it is told, and a lock begins where there is one.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

import msgspec

from portcullis.engine import gcra
from portcullis.engine.facts import Facts
from portcullis.engine.ports import Clock, Counters, Taken

_BUCKETS: Final = 256
_BUCKETS_FOR_EACH: Final = 8
_DIGEST: Final = 16
_LOCK: Final = b"/lock"
_NO_DEBT: Final = 1_000


class Enumeration(msgspec.Struct, frozen=True):
    """Counts objects refused to callers of ``api``, an API: ``after`` different ones in ``per`` seconds are many.

    ``locks``: whoever tries that many is locked for ``per`` seconds.
    """

    counters: Counters
    clock: Clock
    api: str
    after: int
    per: int
    locks: bool = False

    def refused(self, facts: Facts, key: bytes) -> bool:
        """Note that the caller was refused the object that ``key`` tells from others; whether these are many now.

        Nobody in particular (a caller that proved nothing) is not counted. Raises
        :class:`~portcullis.engine.ports.CounterStoreError`.
        """
        who = self._who(facts)
        if who is None:
            return False
        now, take = self.clock.now_ns(), self.counters.take
        buckets = max(_BUCKETS, self.after * _BUCKETS_FOR_EACH)
        bucket = int.from_bytes(blake2b(key, digest_size=8).digest(), "big") % buckets
        if not take(b"%b/%d" % (who, bucket), self._period_ns, 1, now).allowed:
            return False
        taken = take(who, gcra.interval_ns(self.after, self.per), self.after, now)
        are_many = not taken.allowed or taken.remaining == 0
        if are_many and self.locks:
            take(who + _LOCK, self._period_ns, 2, now)  # one more than is needed: it may have been asked for just now
        return are_many

    def is_locked(self, facts: Facts) -> Taken | None:
        """How long the caller is locked, if it is. Raises :class:`~portcullis.engine.ports.CounterStoreError`.

        A lock is a counter that owes a whole period. Asking for it costs a nanosecond of debt, since counters know no
        other way to be read; a thousand of these are none.
        """
        who = self._who(facts) if self.locks else None
        if who is None:
            return None
        taken = self.counters.take(who + _LOCK, 1, _NO_DEBT, self.clock.now_ns())
        return None if taken.allowed else taken

    @property
    def _period_ns(self) -> int:
        return self.per * gcra.NANOSECONDS

    def _who(self, facts: Facts) -> bytes | None:
        """What the counters of the caller begin with: of a rate, an API and a consumer."""
        identity = facts.identity
        consumer = identity.consumer
        name = identity.subject if consumer is None else consumer.name
        if not name:
            return None
        whose = f"{self.api}/{identity.method if consumer is None else ''}/{name}".encode()
        return b"objects/%dx%d/%b" % (self.after, self.per, blake2b(whose, digest_size=_DIGEST).hexdigest().encode())
