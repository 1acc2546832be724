"""Rate with burst: so many requests in a period, and at most so many at once.

What
    Every request is one. Allowance comes back evenly, one every ``per / requests``, and what is not used is saved
    up to ``burst``: in any time ``t`` a caller gets at most ``burst + t * requests / per`` requests through. That
    is exact over all workers together, survives reloads and restarts, and costs a killed worker's caller at most
    the one request that died with it (GCRA, see ``engine/gcra.py``). A request counts once its caller is
    authenticated and authorised, whatever becomes of it afterwards; one that is refused here does not count, so
    that a caller that keeps knocking still gets its rate.

Why
    API4:2023 Unrestricted Resource Consumption: without a limit one caller's loop is everyone's outage, and
    someone's bill. It also makes harvesting slow: walking through ids (API1:2023), buying up stock (API6:2023).

Config
    In a plan: ``rate: {requests: 60, per: minute, burst: 20}``. ``burst`` is ``requests`` unless set: the calls of
    a period may all come at once, as with the windows of other gateways; a lower one spreads them. The interval
    between two requests is rounded up to a nanosecond. A plan whose rate is changed begins with new counters.
    Callers are told, but in ``monitor`` mode, where nobody has to obey: ``RateLimit-Policy: "free";q=60;w=60`` (60
    requests in 60 seconds) and ``RateLimit: "free";r=12;t=30`` (12 left now; in 30 seconds, if no more are used,
    the full burst is there again), as in draft-ietf-httpapi-ratelimit-headers-11.

When it fails
    429 ``limit.exceeded`` with ``Retry-After``: seconds until the next request conforms, rounded up; ``t`` of
    ``RateLimit`` is then the same. 403 ``limit.no_plan``: the caller has no plan, or one that is not in the file.
    503 ``limit.store_unavailable``: the counters could not be reached, or had no room for another caller.

Example
    .. code-block:: yaml

        plans:
          free: {rate: {requests: 60, per: minute, burst: 20}}
        apis:
          shop:
            limit: {plan: {of: consumer}, by: consumer, default_plan: free}
"""

from __future__ import annotations

import contextlib
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from portcullis.engine import gcra
from portcullis.engine.codes import Code
from portcullis.engine.config.section import Section
from portcullis.engine.config.values import Meaning, parse_duration
from portcullis.engine.decision import Finding, Refuse, shorten
from portcullis.engine.facts import Facts
from portcullis.engine.policies.limit import NO_PLAN, STORE_UNAVAILABLE, Meter, Scope
from portcullis.engine.policy import Policy, Probe

EXCEEDED: Final = Code("limit.exceeded", 429, "The rate limit is exceeded")

_PERIODS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_NAMES: Final = {seconds: name for name, seconds in _PERIODS.items()}
_LONGEST: Final = 366 * 86400
_MOST_A_SECOND: Final = 1_000_000


def parse_period(value: object) -> int:
    """Whole seconds from ``minute`` or ``"10s"``; header fields can't tell of fractions."""
    if isinstance(value, str) and value in _PERIODS:
        return _PERIODS[value]
    with contextlib.suppress(ValueError):
        seconds = parse_duration(value)
        if seconds.is_integer() and 1 <= seconds <= _LONGEST:
            return int(seconds)
    raise ValueError("second, minute, hour, day, or whole seconds up to a year: 10s, 15m, 7d")


Period = Annotated[
    int,
    BeforeValidator(parse_period),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": list(_PERIODS)},
                {"type": "string", "pattern": r"^\d+(s|m|h|d)$", "examples": ["10s"]},
            ]
        }
    ),
    Meaning("a period", "minute"),
]
"""Whole seconds, by the name of a unit or as a duration."""


class RateConfig(Section):
    """Requests in a period, and how many of them at once."""

    requests: int = Field(ge=1)
    """Requests in each period."""
    per: Period
    """The period: ``second``, ``minute``, ``hour``, ``day``, or a number of seconds, minutes ... (``10s``, ``15m``)."""
    burst: int | None = Field(None, ge=1)
    """How many requests may come at once after a pause; default: ``requests``."""

    @model_validator(mode="after")
    def _is_countable(self) -> RateConfig:
        if self.requests > self.per * _MOST_A_SECOND:
            raise ValueError("a rate is at most a million requests a second")
        if self.at_once * self.per > self.requests * _LONGEST:
            raise ValueError("the burst would take more than a year to come back")
        return self

    @property
    def at_once(self) -> int:
        """The burst that holds."""
        return self.requests if self.burst is None else self.burst

    def __str__(self) -> str:
        period = _NAMES.get(self.per, f"{self.per} seconds")
        return f"{self.requests} request{'s' * (self.requests != 1)} per {period}, {self.at_once} at once"


def compile_rate(config: RateConfig, scope: Scope) -> Meter:
    """What counts the requests under one plan's rate."""
    take, now_ns, advertise = scope.counters.take, scope.clock.now_ns, scope.advertise
    interval, burst = gcra.interval_ns(config.requests, config.per), config.at_once
    # The rate is part of the key: a TAT means something only under the rate that made it.
    prefix = scope.counter + f"{interval}x{burst}/".encode()
    # The names of plans need no escapes, neither in a String of RFC 9651 nor in a JSON pointer (config/values.py).
    name = f'"{scope.plan}"'.encode("ascii")
    policy = (b"ratelimit-policy", b"%b;q=%d;w=%d" % (name, config.requests, config.per))
    rule, source = str(config), f"#/plans/{scope.plan}/rate"

    def meter(subject: bytes, facts: Facts) -> Refuse | None:
        taken = take(prefix + subject, interval, burst, now_ns())
        wait_ns = taken.reset_after_ns if taken.allowed else taken.retry_after_ns
        seconds = -(-wait_ns // gcra.NANOSECONDS)
        if advertise:
            facts.response_fields += (policy, (b"ratelimit", b"%b;r=%d;t=%d" % (name, taken.remaining, seconds)))
        if taken.allowed:
            return None
        return Refuse(
            EXCEEDED,
            f"The limit is {rule}. Try again in {seconds} second{'s' * (seconds != 1)}.",
            Finding(found=shorten(subject.decode()), allowed=rule, source=source),
            ((b"retry-after", b"%d" % seconds),),
        )

    return meter


POLICY = Policy(
    phase="limit",
    key="rate",
    config=RateConfig,
    codes=(EXCEEDED, NO_PLAN, STORE_UNAVAILABLE),
    probes=(Probe("more requests at once than the burst", "exceed_rate", EXCEEDED),),
    compile=compile_rate,
)
