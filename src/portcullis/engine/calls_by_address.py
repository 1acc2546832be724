"""A rate for the gateway's own paths, by address: they have no consumer to count yet."""

from __future__ import annotations

from portcullis.engine import gcra
from portcullis.engine.client_address import counted_as
from portcullis.engine.decision import Finding, Refuse, shorten
from portcullis.engine.facts import Facts
from portcullis.engine.policies.limit import STORE_UNAVAILABLE
from portcullis.engine.policies.limit.rate import EXCEEDED
from portcullis.engine.policy import StepFunction
from portcullis.engine.ports import CounterStoreError, Ports
from portcullis.engine.request import RequestView


def count_by_address(what: str, most: int, seconds: int, ports: Ports, source: str) -> StepFunction:
    """A step that refuses whoever asks more than ``most`` times in ``seconds``. ``what`` is counted apart from others;
    ``source``: where in the file that is said.
    """
    take, now_ns = ports.counters.take, ports.clock.now_ns
    interval, prefix = gcra.interval_ns(most, seconds), f"{what}/address/".encode()

    def count(request: RequestView, _facts: Facts) -> Refuse | None:
        address = counted_as(request.client)
        try:
            taken = take(prefix + address.encode(), interval, most, now_ns())
        except CounterStoreError as error:
            return Refuse(STORE_UNAVAILABLE, finding=Finding(found=shorten(str(error)), source=source))
        if taken.allowed:
            return None
        wait = -(-taken.retry_after_ns // gcra.NANOSECONDS)
        return Refuse(
            EXCEEDED,
            f"Try again in {wait} second{'s' * (wait != 1)}.",
            Finding(found=address, allowed=f"{most} requests in {seconds} s", source=source),
            ((b"retry-after", b"%d" % wait),),
        )

    return count
