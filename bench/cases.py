"""What is measured: the cases, who takes part in each, and the ratios that come out.

To add a case: a :class:`Case` below, and for each contender a setup function in ``bench/peers``. To add a peer: a
module there, its tool in ``bench/install.py``, and a :class:`Contender` in the cases it takes part in.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.load import Request
from bench.orders import ACCEPTED, ITEMS, order
from bench.peers import SetupFunction, envoy, nginx, portcullis


@dataclass(frozen=True, slots=True)
class Contender:
    """A proxy in one setup."""

    name: str
    """Key in the results; unique in its case."""
    title: str
    tool: str
    """The program it needs, see ``bench/install.py``."""
    setup: SetupFunction


@dataclass(frozen=True, slots=True)
class Case:
    """One request, repeated."""

    name: str
    title: str
    request: Request
    status: int
    contenders: tuple[Contender, ...]
    body: str | None = None
    """The upstream's answer, which must come back; ``None`` where the upstream must not be reached."""
    credential: bool = False
    """Whether the request carries what the contender's setup gives as credential."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """Ours divided by theirs: below 1 we need less CPU."""

    name: str
    case: str
    theirs: str
    goal: float | None = None
    """The most it should be."""


OURS = "portcullis"

_GET = Request("GET", "/items", {})
_POST = Request("POST", "/orders", {"Content-Type": "application/json"}, order())

_REFUSERS = (
    Contender("envoy", "Envoy", "envoy", envoy.policy),
    Contender(OURS, "Portcullis", "portcullis", portcullis.policy),
)

CASES = (
    Case(
        name="passthrough",
        title="pass-through GET",
        request=_GET,
        status=200,
        body=ITEMS,
        contenders=(
            Contender("nginx", "nginx, no log", "nginx", nginx.passthrough),
            Contender("nginx_logged", "nginx, JSON log", "nginx", nginx.passthrough_logged),
            Contender("envoy", "Envoy", "envoy", envoy.passthrough),
            Contender(OURS, "Portcullis", "portcullis", portcullis.passthrough),
        ),
    ),
    Case(
        name="policy",
        title="key, limit, schema: POST",
        request=_POST,
        status=201,
        body=ACCEPTED,
        credential=True,
        contenders=(
            Contender("envoy", "Envoy", "envoy", envoy.policy),
            Contender("envoy_uncached", "Envoy, JWT cache off", "envoy", envoy.policy_uncached),
            Contender(OURS, "Portcullis", "portcullis", portcullis.policy),
        ),
    ),
    Case(
        name="refusal",
        title="no key: POST, 401",
        request=_POST,
        status=401,
        contenders=_REFUSERS,
    ),
    Case(
        name="refusal_get",
        title="no key: GET, 401",
        request=_GET,
        status=401,
        contenders=_REFUSERS,
    ),
)

RATIOS = (
    Ratio("passthrough_vs_envoy", "passthrough", "envoy", goal=0.55),
    Ratio("passthrough_vs_nginx", "passthrough", "nginx", goal=1.8),
    Ratio("passthrough_vs_nginx_logged", "passthrough", "nginx_logged"),
    Ratio("policy_vs_envoy", "policy", "envoy", goal=0.8),
    Ratio("policy_vs_envoy_uncached", "policy", "envoy_uncached"),
    Ratio("refusal_vs_envoy", "refusal", "envoy", goal=0.5),
    Ratio("refusal_get_vs_envoy", "refusal_get", "envoy"),
)
